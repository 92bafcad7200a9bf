/* The processes the master starts. */
#ifndef KR_CHILDREN_H
#define KR_CHILDREN_H

#include "master_internal.h"

int start_worker(struct master *m, unsigned index, struct kr_err *e);
/* Whether it should run: one in reserve only once it was called for. */
bool is_wanted(const struct master *m, unsigned index);
/* Waits for those that ended; starts what should run. Returns ms until the next start, or -1. */
void reap(struct master *m);
int tend(struct master *m);
/* Returns how many workers there are. Sends nothing for sig 0. */
size_t signal_all(struct master *m, int sig);
void stop_workers(struct master *m);

/* captured.c: the queue and its writer, which ends when the workers have. */
int open_capture(struct master *m, struct kr_err *e);
int be_writer(struct master *m);
void stop_writer(struct master *m);
/* Says what was dropped since; returns ms until it should be looked at again, or -1. */
int say_dropped(struct master *m, bool last);

#endif

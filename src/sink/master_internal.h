/* The master: what its parts share. */
#ifndef KR_MASTER_INTERNAL_H
#define KR_MASTER_INTERNAL_H

#include <kr/buf.h>
#include <kr/sink_config.h>
#include <kr/sink_shared.h>

#include <sys/types.h>

struct kr_err;

struct slot {
    pid_t pid; /* 0: not running */
    int64_t started;
};

struct master {
    struct kr_sink_config *cfg;
    struct kr_sink_shared shared;
    struct kr_control *control;
    struct slot *slot; /* of the workers, then of the writer if there is one */
    int *listeners;
    int signals, lifeline, account;
    int started[2]; /* a pipe: each of the first workers writes one octet once it serves */
    int64_t born;
    struct kr_metrics *metrics;
    int64_t live_at; /* when the live line was written */
    uint64_t live_messages;
    int64_t dropped_at; /* when something was said about it */
    uint64_t dropped;
    bool stop, drain, live;
};

int64_t master_clock(void); /* CLOCK_MONOTONIC, ms */
unsigned master_workers(const struct master *m);
unsigned master_blocks(const struct master *m); /* of counters: workers, master, writer */

/* children.c */
int start_worker(struct master *m, unsigned index, struct kr_err *e);
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

/* answers.c: with the `listed` busiest destinations, 0: all. */
struct kr_sink_about about_sink(const struct master *m, size_t listed);
int stats_line(struct master *m, size_t listed, struct kr_buf *out, struct kr_err *e);
/* A command of the control socket; false: the answer comes at the end. */
bool run_command(void *master, const char *name, struct kr_buf *out);

/* live.c: writes the line when it is due; returns ms until the next one, or -1. */
bool live_wanted(const struct kr_sink_config *cfg);
int live_line(struct master *m);
void live_end(const struct master *m);

/* reload.c: reads --policy and gives it to the workers; the old one stays when that fails. */
int load_policy(struct master *m, struct kr_err *e);
void reload_policy(struct master *m);

#endif

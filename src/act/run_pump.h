/* Passing output on without ever waiting for whoever reads it. */
#ifndef KR_RUN_PUMP_H
#define KR_RUN_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct kr_pump {
    int from, to; /* from: -1 at its end */
    bool own;     /* `to` is a description of our own that does not block */
    size_t have, sent;
    char buf[65536];
};
/* To standard output. */
void kr_pump_open(struct kr_pump *p, int from);
/* What to wait for; a descriptor of -1 is not waited for. */
void kr_pump_wants(const struct kr_pump *p, struct pollfd out[static 2]);
/* Reads and writes what is there. `see` is shown all that was read. */
void kr_pump_step(struct kr_pump *p, const struct pollfd ready[static 2],
                  void (*see)(const void *data, size_t n, void *arg), void *arg);
bool kr_pump_done(const struct kr_pump *p);
/* Whatever is there now, then no more. */
void kr_pump_close(struct kr_pump *p);

#endif

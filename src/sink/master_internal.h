/* The master: what its parts share. */
#ifndef KR_MASTER_INTERNAL_H
#define KR_MASTER_INTERNAL_H

#include <kr/buf.h>
#include <kr/sink_config.h>
#include <kr/sink_shared.h>
#include <kr/strlist.h>

#include <sys/types.h>

struct kr_err;

struct slot {
    pid_t pid; /* 0: not running */
    int64_t started;
};

/* The policy's text, and what was set over it since. */
struct steering {
    char *name; /* NULL: no policy */
    struct kr_buf text;
    struct kr_strlist set; /* triples: target, key, value; owned */
    char seed[24];
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
    struct steering steering;
    int64_t live_at; /* when the live line was written */
    uint64_t live_messages;
    int64_t dropped_at; /* when something was said about it */
    uint64_t dropped;
    bool stop, drain, live;
    bool crowded; /* workers in reserve are called for */
};

int64_t master_clock(void); /* CLOCK_MONOTONIC, ms */
unsigned master_workers(const struct master *m);
unsigned master_blocks(const struct master *m); /* of counters: workers, master, writer */

/* live.c: writes the line when it is due; returns ms until the next one, or -1. */
bool live_wanted(const struct kr_sink_config *cfg);
int live_line(struct master *m);
void live_end(const struct master *m);

#endif

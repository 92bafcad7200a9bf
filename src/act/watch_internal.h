/* The watch, as its parts see it. */
#ifndef KR_WATCH_INTERNAL_H
#define KR_WATCH_INTERNAL_H

#include "watch_aside.h"
#include "watch_event.h"
#include "watch_hook.h"
#include "watch_prove.h"

#include <kr/bell.h>
#include <kr/nft_kernel.h>
#include <kr/nl.h>
#include <kr/watcher.h>

#include <sys/stat.h>

struct kr_watch {
    struct kr_watch_options o;
    int epoll, record, control;
    int sink, aside; /* -1, or a pidfd; the connection of a run that watches meanwhile */
    struct kr_bell rules, routing;
    struct kr_nl owner;
    bool listening, sink_gone; /* the bells are heard; the sink ended */
    bool can_own, owns, gave_way, over, good, returning;
    struct kr_watcher me;
    struct kr_state state;
    struct stat file; /* the state file as it was read */
    /* Microseconds; 0: not. When the bell was heard, when to look, when was the last look. */
    uint64_t rang, due, last;
    uint64_t quiet;  /* the bells are not heard before */
    uint64_t busy;   /* since when somebody else holds the lock */
    uint64_t unsure; /* since when the rules can't be read */
    uint64_t lost;   /* when that events were lost was last told */
    uint64_t count_due;
    struct kr_nft_count *counts; /* of both tables, one after the other */
    size_t n_counts;
    uint64_t saved; /* µs that looks may take */
    unsigned breaches;
    struct kr_ongoing *ongoing;
    size_t n_ongoing, cap_ongoing;
    struct kr_hooks hooks;
    struct kr_prover prover;
};

enum kr_watch_source { KR_RULES, KR_ROUTING, KR_CONTROL, KR_SINK, KR_HOOK, KR_PROVER, KR_ASIDE };
int kr_watch_listen(struct kr_watch *w, int fd, enum kr_watch_source s, struct kr_err *e);
void kr_watch_forget(struct kr_watch *w, int *fd); /* and closes it */
void kr_watch_hear(struct kr_watch *w, bool on);   /* the bells */

int kr_watch_take(struct kr_watch *w, struct kr_err *e); /* the tables are ours, if they can be */
bool kr_watch_give(struct kr_watch *w); /* false: the kernel does not let go of them */
/* The rules of a plan in place of what is there, in one transaction; the counters go on. */
int kr_watch_load(const struct kr_plan *p, struct kr_err *e);
int kr_watch_read_state(struct kr_watch *w, struct kr_err *e); /* as kr_state_read */
void kr_watch_look(struct kr_watch *w);                        /* the truth, and mending it */
void kr_watch_count(struct kr_watch *w);                       /* what the guards stopped */
int kr_watch_control_open(struct kr_watch *w, struct kr_err *e);
void kr_watch_control(struct kr_watch *w);

#endif

/* The guard of a run: a process of its own that watches what stands, and acts by itself.
 *
 * At a breach it freezes the generator first, then takes redirect to blocked, and only then tells.
 * When the gate, its parent, is gone without a word, it ends the generator as well, and goes to
 * blocked when the run had put the redirect up. The other way round the gate takes the guard's
 * silence for a breach: both hold the same socket, and none needs the other to stay safe. */
#ifndef KR_RUN_GUARD_H
#define KR_RUN_GUARD_H

#include <kr/run_cage.h>
#include <kr/settings.h>
#include <kr/state.h>

#include <stdint.h>

struct kr_err;

struct kr_guard {
    pid_t pid;      /* 0: none */
    int line;       /* socket, or -1 */
    uint64_t heard; /* when, µs */
};
struct kr_guard_want {
    const struct kr_paths *paths;
    const struct kr_waivers *waivers; /* besides the recorded ones */
    const struct kr_cage *cage;
    bool own; /* the run put the redirect up */
};
struct kr_guard_said;

/* Starts it and waits until it watches. -1: as kr_watch_open, which it is about. */
int kr_guard_start(struct kr_guard *g, const struct kr_guard_want *want, struct kr_err *e);
/* 1: it said something; 0: not now; -1: it is lost. Never waits. */
int kr_guard_hear(struct kr_guard *g, struct kr_guard_said *out);
/* Nothing was heard of it for so long that it counts as lost. */
bool kr_guard_silent(const struct kr_guard *g);
/* Asks to be armed, and waits for the answer, at most so long. */
int kr_guard_arm(struct kr_guard *g, unsigned ms, struct kr_err *e);
/* Ends it; the tables belong to nobody then. At once when it is lost. */
void kr_guard_end(struct kr_guard *g, bool lost);
/* To blocked, by whoever finds the guard lost; takes the lock. -1: KR_UNKNOWN, KR_CANNOT. */
int kr_guard_block(const struct kr_paths *paths, struct kr_err *e);

#endif

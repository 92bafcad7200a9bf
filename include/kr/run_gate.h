/* The gate while the command runs: its output, its signals, its end, and breaches. */
#ifndef KR_RUN_GATE_H
#define KR_RUN_GATE_H

#include <kr/run_child.h>
#include <kr/run_guard.h>

struct kr_event;

struct kr_gate_want {
    const struct kr_paths *paths;
    struct kr_run_child *child; /* released */
    const struct kr_cage *cage;
    struct kr_guard *guard; /* armed; or NULL: the command kept its suffix, nothing is watched */
    unsigned prove_s;       /* every so many seconds on_prove is called; 0: never */
    pid_t (*on_prove)(
        void *arg); /* starts a process that proves again, and ends with 0 if it does */
    void (*on_output)(const void *data, size_t n, void *arg);
    void (*on_second)(void *arg);
    void (*on_event)(const struct kr_event *ev, void *arg);
    void *arg;
};
struct kr_gate_end {
    int status;                   /* of the command, as a shell has it: 128 + the signal */
    bool breach, frozen, blocked; /* frozen: nothing of it ran any more when mail was blocked */
    unsigned us;                  /* how long freezing took */
    bool lost;                    /* the guard is gone */
    bool stragglers;              /* processes that outlived the command were ended */
    char why[512];                /* of a breach */
};

/* From the release to the end of the last process. What the command writes to standard output is
 * passed on as it is; signals are handed to it. At a breach everything in the cage is frozen, what
 * stands goes to blocked, and the cage is emptied, in this order, by the guard or, when that is
 * lost, by the gate. Expects SIGCHLD and the other signals it takes to be blocked
 * (kr_gate_signals). Returns 0, or -1 (KR_INTERNAL) with everything ended. */
int kr_gate_run(const struct kr_gate_want *want, struct kr_gate_end *end, struct kr_err *e);
/* Blocks what kr_gate_run hears by itself; `was` is the mask before. */
void kr_gate_signals(sigset_t *was);
/* While no command runs any more: hears the guard for at most so long. 1: a breach, dealt with as
 * above; 0: none. */
int kr_gate_idle(const struct kr_gate_want *want, unsigned ms, struct kr_gate_end *end);

#endif

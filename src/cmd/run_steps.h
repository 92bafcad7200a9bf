/* The steps of `run`, as they share what they found. */
#ifndef KR_RUN_STEPS_H
#define KR_RUN_STEPS_H

#include "session.h"

#include <kr/account.h>
#include <kr/run_gate.h>
#include <kr/run_line.h>
#include <kr/run_note.h>
#include <kr/settings.h>

/* What `run` itself ends with; everything else is the command's. */
enum { KR_RUN_STATUS_REFUSED = 121, KR_RUN_STATUS_BREACH = 122, KR_RUN_STATUS_FAILED = 125 };

struct run {
    const struct kr_common *common;
    const struct kr_options *o;
    struct kr_session session;
    struct kr_settings settings;
    struct kr_run_line line;
    char **real, **kept; /* its two command lines */
    struct kr_run_user user;
    struct kr_cage cage;
    struct kr_run_child child;
    struct kr_guard guard;
    bool opened;       /* the session is */
    bool was_redirect; /* it stood as a whole: left as found */
    bool was_blocked;  /* that stood: gone back to at the end */
    bool put_up;       /* by this run */
    bool breached;
    bool let_go; /* that is done */
    int note;
    int aside;                /* the watch that was there stands aside while this is open; or -1 */
    pid_t asking;             /* a process that asks the sink; 0: none */
    struct kr_ledger *ledger; /* NULL: none */
    char *preflight;          /* what it said */
};

/* From nothing to an armed guard. 0; -1: not safe, with the reason in e (also said at length). */
int kr_run_prove(struct run *r, struct kr_err *e);
void kr_run_sink_asked(struct run *r); /* that process has ended */
/* The same look again, in a process of its own, which writes new evidence. */
pid_t kr_run_prove_again(struct run *r);
/* The account: opened with everything proven; closed before anything is let go, which also says it.
 * Returns the status of the run, which is that of the command unless its account is wrong. */
int kr_run_account_open(struct run *r, bool real, struct kr_err *e);
int kr_run_account_close(struct run *r, enum kr_run_outcome outcome, int status,
                         const char *reason);
/* Until the mail servers have nothing, or --drain is over, or there is a breach. */
void kr_run_drain(struct run *r, const struct kr_gate_want *want, struct kr_gate_end *end);
/* Lets go of what this run put up, as --at-end says. */
void kr_run_let_go(struct run *r);

#endif

/* What the stages of up share. */
#ifndef KR_UP_INTERNAL_H
#define KR_UP_INTERNAL_H

#include <kr/sinkctl.h>
#include <kr/standing.h>
#include <kr/up.h>

struct kr_up {
    const struct kr_paths *paths;
    struct kr_up_result *result;
    struct kr_state *state; /* being made; in *result */
    struct kr_standing found;
    struct kr_netview view; /* as the plan saw it; from the cut on, as it is behind the redirect */
    struct kr_nft *rules;   /* made once; NULL: not yet */
    bool whole;             /* all of them, not just the guards */
    struct kr_sinkproc sink;
    bool no_sockets;   /* none to a guarded port when the guards stood */
    unsigned ahead_us; /* spent on later stages in this one */
    bool swap;         /* a whole redirect stands: its guards stay until the tables are swapped */
    bool keep_sink;    /* the built-in sink that runs serves the new plan too */
    bool redirecting;  /* the redirect may be in the kernel */
};

struct kr_nft *kr_up_rules(struct kr_up *u); /* of the plan as it is; they stay in u */
/* Everything that is decided before the kernel is touched. */
int kr_up_prepare(struct kr_up *u, const struct kr_settings *s, struct kr_err *e);
int kr_up_cut(struct kr_up *u, struct kr_err *e);
int kr_up_readback(struct kr_up *u, struct kr_err *e);
int kr_up_probe(struct kr_up *u, struct kr_err *e);
/* After a failure: to what was found, or to blocked; says which in e and in result->ended. */
void kr_up_go_back(struct kr_up *u, struct kr_err *e);

#endif

/* up: from one state to the next, in stages, guards first. */
#ifndef KR_UP_H
#define KR_UP_H

#include <kr/cut.h>
#include <kr/let_go.h>
#include <kr/probe.h>
#include <kr/state.h>

struct kr_buf;

/* Called after each stage, for progress: its name, and how long it took in microseconds. */
typedef void (*kr_stage_cb)(const char *stage, unsigned us, void *arg);

enum kr_ended { KR_ENDED_DONE, KR_ENDED_SAME, KR_ENDED_OFF, KR_ENDED_BLOCKED, KR_ENDED_AS_FOUND };

struct kr_up_result {
    enum kr_ended ended; /* where it ended, also when it failed */
    struct kr_state state;
    struct kr_cut_count cut;
    struct kr_probe *probes;
    size_t n_probes;
    uint32_t generation;
    bool replaced;           /* something of ours stood before */
    struct kr_let_go let_go; /* a down --force before */
};

/* off, blocked or redirect → redirect (or blocked, when the settings say so). Needs the lock. */
int kr_up(const struct kr_settings *s, const struct kr_paths *paths, kr_stage_cb cb, void *arg,
          struct kr_up_result *out, struct kr_err *e);
void kr_up_result_free(struct kr_up_result *r);

/* To blocked, from whatever of this state stands: the redirect goes, then the sink with a RST to
 * each client, then the flows that were redirected; the guards stay all the while. The state is
 * recorded. */
int kr_block(const struct kr_paths *paths, struct kr_state *s, struct kr_buf *account,
             struct kr_cut_count *cut, struct kr_err *e);

/* Set by a signal: the running stage is the last one, and up goes back. */
extern volatile int kr_interrupted;

#endif

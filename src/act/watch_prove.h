/* The checks of the registry, in a process of their own. */
#ifndef KR_WATCH_PROVE_H
#define KR_WATCH_PROVE_H

#include <kr/buf.h>
#include <kr/watch.h>

struct kr_prover {
    pid_t pid;                     /* 0: none */
    int line;                      /* socket to it, or -1 */
    uint64_t asked, due, full_due; /* asked: 0 while it is idle */
    uint64_t last, cost;           /* of the last whole round: when, and how long */
    bool full, again;              /* again: something rang meanwhile */
    struct kr_buf said;
    char doubt[1024]; /* ids that were in doubt in the last round, each between spaces */
};

void kr_watch_prove(struct kr_watch *w); /* asks it when it is time, and ends it when it hangs */
uint64_t kr_watch_prove_due(const struct kr_watch *w);
void kr_watch_prove_rang(struct kr_watch *w); /* something changed: ask soon */
void kr_watch_proved(struct kr_watch *w);     /* it has answered */
bool kr_watch_proof_is_fresh(const struct kr_watch *w);
void kr_watch_prove_end(struct kr_watch *w);

/* That process. Reads a letter, writes a line for each check that does not hold (id, verdict,
 * detail, by tabs) and "." to end; until `line` is closed. */
#define KR_PROVE_ALL 'a'
#define KR_PROVE_CHEAP 'c'
void kr_prover_run(const struct kr_paths *paths, const struct kr_waivers *waivers, int line)
    __attribute__((noreturn));

#endif

/* When messages are due: a schedule that does not depend on how the target keeps up. */
#ifndef KR_GEN_ARRIVALS_H
#define KR_GEN_ARRIVALS_H

#include <kr/gen_config.h>

struct kr_arrivals {
    struct kr_gen_arrivals how;
    double rate, during; /* messages a second; seconds a ramp takes */
    unsigned worker, workers;
    uint64_t n; /* how many of this worker's were taken */
    uint64_t seed;
    double poisson; /* seconds */
    double next;    /* when the next one is due: seconds since the beginning */
};

/* This worker's part of cfg's schedule; together the workers' parts are the whole. */
void kr_arrivals_begin(struct kr_arrivals *a, const struct kr_gen_config *cfg, unsigned worker,
                       unsigned workers);
/* Takes the one that is due at a->next. */
void kr_arrivals_take(struct kr_arrivals *a);
/* Leaves out what was due before `from`; returns how many. */
uint64_t kr_arrivals_skip(struct kr_arrivals *a, double from);
/* When a schedule of this shape has brought so many messages: seconds since the beginning. */
double kr_arrivals_when(const struct kr_arrivals *a, double messages);

#endif

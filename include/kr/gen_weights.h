/* Drawing from a list by weight in constant time: Walker's alias method, with tables built as M. D.
 * Vose shows (A linear algorithm for generating random numbers with a given distribution, 1991). */
#ifndef KR_GEN_WEIGHTS_H
#define KR_GEN_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

struct kr_weights_slot {
    double keep; /* 0..1: share of draws of this slot that are its own */
    uint32_t other;
};
struct kr_weights {
    struct kr_weights_slot *slot;
    size_t n;
};

/* Linear in n, which is 1..2^32-1; weights are positive and finite. */
void kr_weights_make(struct kr_weights *w, const double *weight, size_t n);
/* The number of the one that was drawn; `bits` are 64 random ones. */
size_t kr_weights_draw(const struct kr_weights *w, uint64_t bits);
void kr_weights_free(struct kr_weights *w);

#endif

/* Numbers that look random and are not: each follows from what it is about. */
#ifndef KR_MIX_H
#define KR_MIX_H

#include <stdint.h>

#define KR_MIX_STEP 0x9e3779b97f4a7c15u /* of splitmix64: 2^64 by the golden ratio */

/* Every bit of the result depends on every bit of h. The finalizer of splitmix64 (Steele, Lea,
 * Flood: Fast splittable pseudorandom number generators, OOPSLA 2014). */
static inline uint64_t kr_mix(uint64_t h)
{
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}
/* The next number of the sequence that *state stands for. */
static inline uint64_t kr_mix_next(uint64_t *state)
{
    return kr_mix(*state += KR_MIX_STEP);
}
/* At least 0 and less than 1, from 64 bits. */
static inline double kr_mix_unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

#endif

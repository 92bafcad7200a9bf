/* FNV-1a of 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): fast, spread well enough for a table,
 * no protection against who wants two keys to be equal. Its low bits depend on the last bytes most:
 * a table that takes them folds or mixes (kr/mix.h) what comes out. */
#ifndef KR_FNV_H
#define KR_FNV_H

#include <stddef.h>
#include <stdint.h>

#define KR_FNV1A_BASIS UINT64_C(0xcbf29ce484222325)

static inline uint64_t kr_fnv1a_byte(uint64_t h, unsigned char c)
{
    return (h ^ c) * UINT64_C(0x100000001b3);
}

/* Goes on from `h`: KR_FNV1A_BASIS, or what came out of the bytes before. */
static inline uint64_t kr_fnv1a(uint64_t h, const void *data, size_t n)
{
    const unsigned char *c = data;
    for (size_t i = 0; i < n; i++)
        h = kr_fnv1a_byte(h, c[i]);
    return h;
}

#endif

/* Values below 32 us have a bucket each; above, every power of two is cut into 32. */
#include <kr/sink_hist.h>

#include "stats_internal.h"

#define SUB_BITS 5u
#define SUB (1u << SUB_BITS)
#define MOST ((1ULL << 37) - 1)

static unsigned bucket_of(uint64_t us)
{
    if (us < SUB)
        return (unsigned)us;
    us = us > MOST ? MOST : us;
    unsigned top = 63u - (unsigned)__builtin_clzll(us), shift = top - SUB_BITS;
    return (shift + 1) * SUB + ((unsigned)(us >> shift) & (SUB - 1));
}

static uint64_t last_of(unsigned bucket)
{
    unsigned shift = bucket < SUB ? 0 : bucket / SUB - 1;
    return bucket < SUB ? bucket : (((uint64_t)SUB + bucket % SUB + 1) << shift) - 1;
}

_Static_assert(KR_HIST_BUCKETS == (37 - SUB_BITS + 1) * SUB + SUB, "room for 2^37 us");

static void bump(_Atomic uint64_t *v, uint64_t by)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

void kr_sink_time(struct kr_sink_stats *s, enum kr_hist which, int64_t us)
{
    uint64_t v = us < 0 ? 0 : (uint64_t)us;
    bump(&s->hist[which][bucket_of(v)], 1);
    bump(&s->hist_sum[which], v);
}

void kr_hist_sum(const struct kr_sink_stats *all, unsigned n, enum kr_hist which,
                 struct kr_hist_sum *out)
{
    *out = (struct kr_hist_sum){0};
    for (unsigned i = 0; i < n; i++) {
        out->sum += atomic_load_explicit(&all[i].hist_sum[which], memory_order_relaxed);
        for (unsigned b = 0; b < KR_HIST_BUCKETS; b++)
            out->bucket[b] += atomic_load_explicit(&all[i].hist[which][b], memory_order_relaxed);
    }
    for (unsigned b = 0; b < KR_HIST_BUCKETS; b++)
        out->count += out->bucket[b];
}

uint64_t kr_hist_quantile(const struct kr_hist_sum *h, double share)
{
    uint64_t seen = 0;
    double want = share * (double)h->count;
    for (unsigned b = 0; b < KR_HIST_BUCKETS; b++) {
        seen += h->bucket[b];
        if (seen && (double)seen >= want)
            return last_of(b);
    }
    return 0;
}

#define NAME_OF(name) #name,
const char *kr_hist_name(enum kr_hist which)
{
    static const char *const name[] = {KR_HISTS(NAME_OF)};
    return name[which];
}

/* Values below 128 us have a bucket each; above, every power of two is cut into 128. */
#include <kr/hist.h>

#define SUB_BITS 7u
#define SUB (1u << SUB_BITS)
#define TOP_BITS 37u
#define MOST ((1ULL << TOP_BITS) - 1)

_Static_assert(KR_HIST_BUCKETS == (TOP_BITS - SUB_BITS + 1) * SUB + SUB, "room for 2^37 us");

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

/* There is one writer: a load and a store do, and cost no locked instruction. */
static void bump(_Atomic uint64_t *v, uint64_t by)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

void kr_hist_record(struct kr_hist_live *h, int64_t us)
{
    uint64_t v = us < 0 ? 0 : (uint64_t)us;
    bump(&h->bucket[bucket_of(v)], 1);
    bump(&h->sum, v);
}

void kr_hist_clear(struct kr_hist_live *h)
{
    atomic_store_explicit(&h->sum, 0, memory_order_relaxed);
    for (unsigned b = 0; b < KR_HIST_BUCKETS; b++)
        atomic_store_explicit(&h->bucket[b], 0, memory_order_relaxed);
}

void kr_hist_add(struct kr_hist_sum *to, const struct kr_hist_live *h)
{
    to->sum += atomic_load_explicit(&h->sum, memory_order_relaxed);
    for (unsigned b = 0; b < KR_HIST_BUCKETS; b++) {
        uint64_t n = atomic_load_explicit(&h->bucket[b], memory_order_relaxed);
        to->bucket[b] += n;
        to->count += n;
    }
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

uint64_t kr_hist_least(const struct kr_hist_sum *h)
{
    return kr_hist_quantile(h, 0);
}

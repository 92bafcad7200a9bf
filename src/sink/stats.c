#include "stats_internal.h"

#include <kr/shared.h>

struct kr_sink_stats *kr_sink_stats_make(unsigned n, struct kr_err *e)
{
    return kr_shared_make(n * sizeof(struct kr_sink_stats), "the workers' counters", e);
}

struct kr_sink_stats *kr_sink_stats_of(struct kr_sink_stats *all, unsigned worker)
{
    return all + worker;
}

void kr_sink_stats_free(struct kr_sink_stats *all, unsigned n)
{
    kr_shared_free(all, n * sizeof *all);
}

/* There is one writer: a load and a store do, and cost no locked instruction. */
void kr_sink_add(struct kr_sink_stats *s, enum kr_sink_counter which, int64_t by)
{
    _Atomic uint64_t *v = &s->counter[which];
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + (uint64_t)by,
                          memory_order_relaxed);
}

uint64_t kr_sink_count(const struct kr_sink_stats *s, enum kr_sink_counter which)
{
    return atomic_load_explicit(&s->counter[which], memory_order_relaxed);
}

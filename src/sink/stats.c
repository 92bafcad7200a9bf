#include "stats_internal.h"

#include <kr/err.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct kr_sink_stats *kr_sink_stats_make(unsigned n, struct kr_err *e)
{
    void *p = mmap(NULL, n * sizeof(struct kr_sink_stats), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        return p;
    kr_fail(e, KR_CANNOT, errno, "shared memory for the counters of %u workers", n);
    return NULL;
}

struct kr_sink_stats *kr_sink_stats_of(struct kr_sink_stats *all, unsigned worker)
{
    return all + worker;
}

void kr_sink_stats_free(struct kr_sink_stats *all, unsigned n)
{
    if (all)
        munmap(all, n * sizeof *all);
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

#include <kr/sink_knobs.h>

#include <kr/shared.h>
#include <kr/sink_sums.h>

static size_t size_for(unsigned blocks)
{
    return sizeof(struct kr_knobs) + blocks * sizeof(_Atomic uint64_t);
}

struct kr_knobs *kr_knobs_make(unsigned blocks, struct kr_err *e)
{
    return kr_shared_make(size_for(blocks), "switches", e);
}

void kr_knobs_free(struct kr_knobs *k, unsigned blocks)
{
    kr_shared_free(k, size_for(blocks));
}

void kr_knobs_obey(struct kr_knobs *k, unsigned block, struct kr_sink_stats *own)
{
    uint64_t asked = atomic_load_explicit(&k->reset, memory_order_acquire);
    if (asked == atomic_load_explicit(&k->done[block], memory_order_relaxed))
        return;
    kr_sink_stats_reset(own);
    atomic_store_explicit(&k->done[block], asked, memory_order_release);
}

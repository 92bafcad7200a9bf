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
static void bump(_Atomic uint64_t *v, uint64_t by, memory_order order)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + by, order);
}

void kr_sink_add(struct kr_sink_stats *s, enum kr_sink_counter which, int64_t by)
{
    bump(&s->counter[which], (uint64_t)by, memory_order_relaxed);
}

uint64_t kr_sink_count(const struct kr_sink_stats *s, enum kr_sink_counter which)
{
    return atomic_load_explicit(&s->counter[which], memory_order_relaxed);
}

/* FNV-1a over the address, folded once more: neighbours differ in the last octet only. */
static uint32_t hash(const struct kr_addr *a)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < sizeof a->b; i++)
        h = (h ^ a->b[i]) * 1099511628211u;
    return (uint32_t)(h ^ h >> 32);
}

uint32_t kr_sink_dest_connection(struct kr_sink_stats *s, const struct kr_addr *a)
{
    for (uint32_t i = hash(a) & (DEST_SLOTS - 1);; i = (i + 1) & (DEST_SLOTS - 1)) {
        struct dest *d = &s->dest[i];
        bool is_new = atomic_load_explicit(&d->n.connections, memory_order_relaxed) == 0;
        if (!is_new && memcmp(&d->addr, a, sizeof *a) != 0)
            continue;
        if (is_new && s->dests == KR_SINK_DESTINATIONS)
            break;
        if (is_new) {
            s->dests++;
            d->addr = *a;
        }
        bump(&d->n.connections, 1, memory_order_release);
        return i;
    }
    bump(&s->other.connections, 1, memory_order_relaxed);
    return KR_SINK_OTHER;
}

void kr_sink_dest_message(struct kr_sink_stats *s, uint32_t slot)
{
    if (slot == KR_SINK_NOWHERE)
        return;
    struct dest_count *n = slot == KR_SINK_OTHER ? &s->other : &s->dest[slot].n;
    bump(&n->messages, 1, memory_order_relaxed);
}

void kr_sink_provider_code(struct kr_sink_stats *s, unsigned provider, unsigned code)
{
    unsigned column = code < 400 ? 0 : code < 600 ? code - 399 : CODES - 1;
    bump(&s->code[provider < KR_SINK_PROVIDERS ? provider : 0][column], 1, memory_order_relaxed);
}

#include <kr/sink_sums.h>

#include "stats_internal.h"

#include <kr/fnv.h>

#include <string.h>

/* There is one writer: a load and a store do, and cost no locked instruction. */
static void bump(_Atomic uint64_t *v, uint64_t by, memory_order order)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + by, order);
}

static void count(_Atomic uint64_t *v)
{
    bump(v, 1, memory_order_relaxed);
}

enum kr_outcome kr_outcome_of(int code)
{
    return code / 100 == 5 ? KR_REFUSED : code / 100 == 4 ? KR_DEFERRED : KR_ACCEPTED;
}

/* ---- by code and provider -----------------------------------------------------------------------
 */

void kr_sink_reply_code(struct kr_sink_stats *s, unsigned code)
{
    if (code >= 200 && code < 200 + REPLIES)
        count(&s->reply[code - 200]);
}

static unsigned known(unsigned provider)
{
    return provider < KR_SINK_PROVIDERS ? provider : 0;
}

void kr_sink_provider_code(struct kr_sink_stats *s, unsigned provider, unsigned code)
{
    unsigned column = code < 400 ? 0 : code < 600 ? code - 399 : CODES - 1;
    count(&s->code[known(provider)][column]);
}

void kr_sink_provider_message(struct kr_sink_stats *s, unsigned provider, enum kr_outcome what)
{
    count(&s->message[known(provider)][what]);
}

void kr_sink_provider_recipient(struct kr_sink_stats *s, unsigned provider, enum kr_outcome what)
{
    count(&s->recipient[known(provider)][what]);
}

/* ---- by destination -----------------------------------------------------------------------------
 */

/* Folded once more: neighbours differ in the last octet only. */
static uint32_t hash(const struct kr_addr *a)
{
    uint64_t h = kr_fnv1a(KR_FNV1A_BASIS, a->b, sizeof a->b);
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
        bump(&d->n.connections, is_new ? DEST_TAKEN + 1 : 1, memory_order_release);
        return i;
    }
    count(&s->other.connections);
    return KR_SINK_OTHER;
}

void kr_sink_dest_message(struct kr_sink_stats *s, uint32_t slot, enum kr_outcome what)
{
    if (slot == KR_SINK_NOWHERE)
        return;
    struct dest_count *n = slot == KR_SINK_OTHER ? &s->other : &s->dest[slot].n;
    count(&n->message[what]);
}

/* ---- beginning anew -----------------------------------------------------------------------------
 */

static void clear(_Atomic uint64_t *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        atomic_store_explicit(&v[i], 0, memory_order_relaxed);
}

static void clear_dest(struct dest_count *d, uint64_t taken)
{
    atomic_store_explicit(&d->connections, taken, memory_order_relaxed);
    clear(d->message, KR_OUTCOMES);
}

void kr_sink_stats_reset(struct kr_sink_stats *s)
{
    for (size_t i = 0; i < KR_SINK_COUNTER_N; i++)
        if (i != KR_SINK_open)
            clear(&s->counter[i], 1);
    for (size_t i = 0; i < KR_HIST_N; i++)
        kr_hist_clear(&s->hist[i]);
    clear(s->reply, REPLIES);
    clear(s->code[0], (size_t)KR_SINK_PROVIDERS * CODES);
    clear(s->message[0], (size_t)KR_SINK_PROVIDERS * KR_OUTCOMES);
    clear(s->recipient[0], (size_t)KR_SINK_PROVIDERS * KR_OUTCOMES);
    clear_dest(&s->other, 0);
    for (size_t i = 0; s->dests && i < DEST_SLOTS; i++)
        if (atomic_load_explicit(&s->dest[i].n.connections, memory_order_relaxed))
            clear_dest(&s->dest[i].n, DEST_TAKEN);
}

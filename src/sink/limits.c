/* A bucket is the time at which it will be full again (generic cell rate algorithm, ITU-T I.371
 * annex A): one number, exchanged without a lock. Connections are counted for each worker apart, so
 * that those of one that died can be taken back. */
#include <kr/sink_limits.h>

#include <kr/mem.h>
#include <kr/shared.h>

#include <stdatomic.h>
#include <stddef.h>

#define SLOTS 16384u /* a power of two */
#define PROBES 32u
#define DAY_SHIFT 40

struct kr_limit {
    _Atomic uint64_t key;    /* 0: free */
    _Atomic int64_t full;    /* us */
    _Atomic uint64_t quota;  /* day and count */
    _Atomic uint32_t open[]; /* by worker */
};
struct kr_limits {
    char *slots;
    size_t size; /* of a slot */
    unsigned workers;
};

struct kr_limits *kr_limits_make(unsigned workers, struct kr_err *e)
{
    struct kr_limits *l = kr_calloc(1, sizeof *l);
    l->workers = workers;
    l->size = (sizeof(struct kr_limit) + workers * sizeof(uint32_t) + 63) / 64 * 64;
    l->slots = kr_shared_make(SLOTS * l->size, "the limits", e);
    if (l->slots)
        return l;
    free(l);
    return NULL;
}

void kr_limits_free(struct kr_limits *l)
{
    if (l)
        kr_shared_free(l->slots, SLOTS * l->size);
    free(l);
}

static struct kr_limit *slot(const struct kr_limits *l, uint64_t i)
{
    return (struct kr_limit *)(void *)(l->slots + (i & (SLOTS - 1)) * l->size);
}

struct kr_limit *kr_limits_find(struct kr_limits *l, uint64_t key)
{
    key = key ? key : 1;
    for (uint64_t i = key; i != key + PROBES; i++) {
        struct kr_limit *k = slot(l, i);
        uint64_t there = 0;
        if (atomic_load(&k->key) == key || atomic_compare_exchange_strong(&k->key, &there, key) ||
            there == key)
            return k;
    }
    return NULL;
}

bool kr_limit_token(struct kr_limit *k, double rate, double burst, int64_t now)
{
    int64_t each = (int64_t)(1e6 / rate), depth = (int64_t)(burst * 1e6 / rate);
    int64_t full = atomic_load(&k->full), next;
    do {
        next = (full > now ? full : now) + each;
        if (next - now > depth)
            return false;
    } while (!atomic_compare_exchange_weak(&k->full, &full, next));
    return true;
}

bool kr_limit_daily(struct kr_limit *k, uint64_t most, uint32_t day)
{
    uint64_t was = atomic_load(&k->quota), next;
    do {
        uint64_t used = was >> DAY_SHIFT == day ? was & ((1ULL << DAY_SHIFT) - 1) : 0;
        if (used >= most)
            return false;
        next = (uint64_t)day << DAY_SHIFT | (used + 1);
    } while (!atomic_compare_exchange_weak(&k->quota, &was, next));
    return true;
}

bool kr_limit_connect(struct kr_limits *l, struct kr_limit *k, unsigned worker, uint64_t most)
{
    uint64_t open = 0;
    atomic_fetch_add(&k->open[worker], 1);
    for (unsigned i = 0; i < l->workers; i++)
        open += atomic_load(&k->open[i]);
    if (open <= most)
        return true;
    atomic_fetch_sub(&k->open[worker], 1);
    return false;
}

void kr_limit_disconnect(struct kr_limit *k, unsigned worker)
{
    atomic_fetch_sub(&k->open[worker], 1);
}

void kr_limits_forget(struct kr_limits *l, unsigned worker)
{
    for (uint64_t i = 0; i < SLOTS; i++) {
        struct kr_limit *k = slot(l, i);
        if (atomic_load(&k->key))
            atomic_store(&k->open[worker], 0);
    }
}

/* Sets of four slots, a cache line each. Workers share them without locks: a slot is taken by
 * exchanging its key, and counted in by one addition. Two workers that want the same slot at the
 * same moment may lose an attempt; none can wait for another, also not for one that died. */
#include <kr/sink_memory.h>

#include <kr/mem.h>
#include <kr/shared.h>

#include <stdatomic.h>

#define PAGE 4096u
#define WAYS 4u
#define TRIES 4

/* data: when it was first seen (ms, 40 bits), attempts (23 bits), whether it waits (1 bit) */
#define FIRST_SHIFT 24
#define ONE 2u
#define WAITS 1u
#define MANY ((1u << 23) - 1)

struct slot {
    _Atomic uint64_t key; /* 0: free */
    _Atomic uint64_t data;
};
struct set {
    _Alignas(64) struct slot slot[WAYS];
};
struct kr_memory {
    struct set *set;
    size_t sets;
    _Atomic uint64_t *forgotten;
};

static size_t size_of(const struct kr_memory *m)
{
    return m->sets * sizeof *m->set + sizeof *m->forgotten;
}

struct kr_memory *kr_memory_make(size_t slots, struct kr_err *e)
{
    struct kr_memory *m = kr_calloc(1, sizeof *m);
    m->sets = 1;
    while (m->sets * WAYS < slots)
        m->sets *= 2;
    m->set = kr_shared_make(size_of(m), "recipients", e);
    if (!m->set) {
        free(m);
        return NULL;
    }
    m->forgotten = (_Atomic uint64_t *)(void *)(m->set + m->sets);
    return m;
}

/* Written to, page by page: where page tables are shadowed by a hypervisor, having them filled
 * (MADV_POPULATE_WRITE) is not enough. */
void kr_memory_warm(struct kr_memory *m)
{
    for (size_t i = 0; i < m->sets; i += PAGE / sizeof *m->set)
        atomic_fetch_add_explicit(&m->set[i].slot[0].data, 0, memory_order_relaxed);
}

void kr_memory_free(struct kr_memory *m)
{
    if (m)
        kr_shared_free(m->set, size_of(m));
    free(m);
}

static uint64_t get(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

/* What is free goes first, then what does not wait, then what is oldest. */
static uint64_t worth(const struct slot *s)
{
    uint64_t data = get(&s->data);
    return get(&s->key) ? (data & WAITS) << 63 | data >> FIRST_SHIFT | 1 : 0;
}

static struct slot *least(struct set *set)
{
    struct slot *best = &set->slot[0];
    for (size_t i = 1; i < WAYS; i++)
        if (worth(&set->slot[i]) < worth(best))
            best = &set->slot[i];
    return best;
}

static struct slot *find(struct set *set, uint64_t key)
{
    for (size_t i = 0; i < WAYS; i++)
        if (get(&set->slot[i].key) == key)
            return &set->slot[i];
    return NULL;
}

static struct set *set_of(struct kr_memory *m, uint64_t *key)
{
    *key = *key ? *key : 1;
    return &m->set[*key & (m->sets - 1)];
}

void kr_memory_expect(struct kr_memory *m, uint64_t key)
{
    __builtin_prefetch(set_of(m, &key), 1);
}

static struct kr_attempt first_time(struct slot *s, int64_t now)
{
    atomic_store_explicit(&s->data, (uint64_t)now << FIRST_SHIFT | ONE, memory_order_relaxed);
    return (struct kr_attempt){0, 0};
}

static struct kr_attempt again(struct slot *s, int64_t now, int64_t forget)
{
    uint64_t data = atomic_fetch_add_explicit(&s->data, ONE, memory_order_relaxed);
    uint32_t before = (uint32_t)(data / ONE) & MANY;
    int64_t age = now - (int64_t)(data >> FIRST_SHIFT);
    if (before == MANY) /* it would run into the time */
        atomic_fetch_sub_explicit(&s->data, ONE, memory_order_relaxed);
    if (forget && age > forget)
        return first_time(s, now);
    return (struct kr_attempt){before, age};
}

struct kr_attempt kr_memory_attempt(struct kr_memory *m, uint64_t key, int64_t now, int64_t forget)
{
    struct set *set = set_of(m, &key);
    for (int i = 0; i < TRIES; i++) {
        struct slot *s = find(set, key);
        if (s)
            return again(s, now, forget);
        s = least(set);
        uint64_t old = get(&s->key), data = get(&s->data);
        if (!atomic_compare_exchange_strong(&s->key, &old, key))
            continue;
        if (old && data & WAITS)
            atomic_fetch_add_explicit(m->forgotten, 1, memory_order_relaxed);
        return first_time(s, now);
    }
    return (struct kr_attempt){0, 0};
}

void kr_memory_keep(struct kr_memory *m, uint64_t key, bool keep)
{
    struct slot *s = find(set_of(m, &key), key);
    if (s && keep)
        atomic_fetch_or_explicit(&s->data, WAITS, memory_order_relaxed);
    else if (s)
        atomic_fetch_and_explicit(&s->data, ~(uint64_t)WAITS, memory_order_relaxed);
}

uint64_t kr_memory_forgotten(const struct kr_memory *m)
{
    return get(m->forgotten);
}

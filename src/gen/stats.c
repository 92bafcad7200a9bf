#include <kr/gen_stats.h>

#include <kr/shared.h>

#include <string.h>

static size_t size_of(unsigned workers)
{
    return sizeof(struct kr_gen_shared) + workers * sizeof(struct kr_gen_block);
}

struct kr_gen_shared *kr_gen_shared_make(unsigned workers, struct kr_err *e)
{
    return kr_shared_make(size_of(workers), "the workers' counters", e);
}

void kr_gen_shared_free(struct kr_gen_shared *s, unsigned workers)
{
    kr_shared_free(s, size_of(workers));
}

/* There is one writer: a load and a store do, and cost no locked instruction. */
static void bump(_Atomic uint64_t *v, uint64_t by)
{
    atomic_store_explicit(v, atomic_load_explicit(v, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

void kr_gen_add(struct kr_gen_block *b, enum kr_gen_counter which, int64_t by)
{
    bump(&b->counter[which], (uint64_t)by);
}

void kr_gen_code(struct kr_gen_block *b, enum kr_gen_stage at, unsigned code)
{
    if (code < KR_GEN_CODES)
        bump(&b->code[at][code], 1);
}

uint64_t kr_gen_total(const struct kr_gen_shared *s, unsigned workers, enum kr_gen_counter which)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < workers; i++) {
        uint64_t v = get(&s->worker[i].counter[which]);
        sum = which != KR_GEN_last_us ? sum + v : v > sum ? v : sum;
    }
    return sum;
}

void kr_gen_sum(const struct kr_gen_shared *s, unsigned workers, struct kr_gen_sums *out)
{
    memset(out, 0, sizeof *out);
    for (unsigned c = 0; c < KR_GEN_COUNTER_N; c++)
        out->counter[c] = kr_gen_total(s, workers, (enum kr_gen_counter)c);
    for (unsigned i = 0; i < workers; i++) {
        const struct kr_gen_block *b = &s->worker[i];
        kr_hist_add(&out->latency, &b->latency);
        kr_hist_add(&out->connect, &b->connect);
        for (unsigned at = 0; at < KR_GEN_STAGE_N; at++)
            for (unsigned c = 0; c < KR_GEN_CODES; c++)
                out->code[at][c] += get(&b->code[at][c]);
    }
}

#define NAME_OF(name) #name,
const char *kr_gen_stage_name(enum kr_gen_stage at)
{
    static const char *const name[] = {KR_GEN_STAGES(NAME_OF)};
    return name[at];
}

/* What a run is measured by: named numbers, each group known or not. */
#ifndef KR_RUN_NUMBERS_H
#define KR_RUN_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* generator: what it says it sent; sink: its account; guards: our counters; conntrack, softnet: the
 * kernel's losses; cpu: time in us; queue: what the MTAs hold. */
#define KR_RUN_GROUP_LIST(X) X(generator) X(sink) X(guards) X(conntrack) X(softnet) X(cpu) X(queue)
#define KR_RUN_GROUP_ENUM(name) KR_RUN_##name,
enum kr_run_group { KR_RUN_GROUP_LIST(KR_RUN_GROUP_ENUM) KR_RUN_GROUPS };
const char *kr_run_group_name(enum kr_run_group g);

struct kr_number {
    char name[64];
    uint64_t n;
};
struct kr_numbers {
    struct kr_number *v;
    size_t n, cap;
};
void kr_numbers_set(struct kr_numbers *l, const char *name, uint64_t n); /* the last one counts */
void kr_numbers_add(struct kr_numbers *l, const char *name, uint64_t n);
const struct kr_number *kr_numbers_find(const struct kr_numbers *l, const char *name);
uint64_t kr_numbers_get(const struct kr_numbers *l, const char *name); /* or 0 */
/* to = after - before. False when a number went back or is no longer there. */
bool kr_numbers_minus(const struct kr_numbers *after, const struct kr_numbers *before,
                      struct kr_numbers *to);

struct kr_run_facts {
    bool known;    /* else n is empty, or not to be relied on */
    char why[256]; /* why not, or what should be known about it */
    struct kr_numbers n;
};
struct kr_run_provider {
    char name[40];
    struct kr_numbers n; /* messages, messages_refused, "421", ... */
};
/* us; kind: what was timed, "transaction"; a number is UINT64_MAX when nobody said it. */
#define KR_RUN_QUANTILES(X) X(p50) X(p90) X(p99) X(p999) X(max)
#define KR_RUN_QUANTILE_FIELD(name) name,
struct kr_run_latency {
    char who[16], kind[32];
    uint64_t count, KR_RUN_QUANTILES(KR_RUN_QUANTILE_FIELD) mean;
};
/* Sums since the run began, at a time; UINT64_MAX: not known then. */
#define KR_RUN_SENT(X) X(us) X(sent) X(failed) X(accepted) X(refused) X(deferred) X(open)
#define KR_RUN_SEEN(X) X(blocked) X(exempt) X(sink_cpu) X(transactions) X(transactions_us)
#define KR_RUN_COLUMNS(X) KR_RUN_SENT(X) KR_RUN_SEEN(X)
#define KR_RUN_COLUMN_ENUM(name) KR_RUN_AT_##name,
enum kr_run_column { KR_RUN_COLUMNS(KR_RUN_COLUMN_ENUM) KR_RUN_COLUMN_N };
struct kr_run_samples {
    uint64_t (*v)[KR_RUN_COLUMN_N];
    size_t n, cap;
};
#endif

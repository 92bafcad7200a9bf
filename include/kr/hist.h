/* Latencies in buckets whose width grows with the value: within 0.8 % of what was measured, from a
 * microsecond to 38 hours, in memory of a fixed size. */
#ifndef KR_HIST_H
#define KR_HIST_H

#include <stdatomic.h>
#include <stdint.h>

#define KR_HIST_BUCKETS 4096u

/* What one process counts and others may read meanwhile; each value is written whole. */
struct kr_hist_live {
    _Atomic uint64_t sum,
        bucket[KR_HIST_BUCKETS]; /* sum in us; beside the buckets of most values */
};
struct kr_hist_sum {
    uint64_t bucket[KR_HIST_BUCKETS];
    uint64_t count, sum;
};

/* Only the one process that counts may call it; a negative value counts as 0. */
void kr_hist_record(struct kr_hist_live *h, int64_t us);
void kr_hist_clear(struct kr_hist_live *h);
/* Adds what was counted so far. */
void kr_hist_add(struct kr_hist_sum *to, const struct kr_hist_live *h);
/* The smallest us that at least this share, 0..1, did not exceed; 0 when nothing was measured. */
uint64_t kr_hist_quantile(const struct kr_hist_sum *h, double share);
/* The largest us of the lowest bucket that holds any; 0 when nothing was measured. */
uint64_t kr_hist_least(const struct kr_hist_sum *h);

#endif

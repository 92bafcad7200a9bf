/* Latencies in buckets whose width grows with the value: within 3 % of what was measured, from a
 * microsecond to 19 hours, in memory of a fixed size. A worker alone writes its own. */
#ifndef KR_SINK_HIST_H
#define KR_SINK_HIST_H

#include <stdint.h>

struct kr_buf;
struct kr_sink_stats;

/* session: a connection from beginning to end; transaction: MAIL to the answer to the dot; content:
 * 354 to the dot; busy: what a worker did in one go, which is how long a client may wait for it. */
#define KR_HISTS(X) X(session) X(transaction) X(content) X(busy)
#define KR_HIST_ENUM(name) KR_HIST_##name,
enum kr_hist { KR_HISTS(KR_HIST_ENUM) KR_HIST_N };
#define KR_HIST_BUCKETS 1088u

struct kr_hist_sum {
    uint64_t bucket[KR_HIST_BUCKETS];
    uint64_t count, sum; /* sum in us */
};

void kr_sink_time(struct kr_sink_stats *s, enum kr_hist which, int64_t us);
void kr_hist_sum(const struct kr_sink_stats *all, unsigned n, enum kr_hist which,
                 struct kr_hist_sum *out);
/* The smallest us that at least this share, 0..1, did not exceed; 0 when nothing was measured. */
uint64_t kr_hist_quantile(const struct kr_hist_sum *h, double share);
const char *kr_hist_name(enum kr_hist which);

#endif

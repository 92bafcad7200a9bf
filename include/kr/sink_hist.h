/* What a worker of the sink measures. A worker alone writes its own. */
#ifndef KR_SINK_HIST_H
#define KR_SINK_HIST_H

#include <kr/hist.h>

struct kr_sink_stats;

/* session: a connection from beginning to end; transaction: MAIL to the answer to the dot; content:
 * 354 to the dot; busy: what a worker did in one go, which is how long a client may wait for it. */
#define KR_HISTS(X) X(session) X(transaction) X(content) X(busy)
#define KR_HIST_ENUM(name) KR_HIST_##name,
enum kr_hist { KR_HISTS(KR_HIST_ENUM) KR_HIST_N };

void kr_sink_time(struct kr_sink_stats *s, enum kr_hist which, int64_t us);
void kr_hist_sum(const struct kr_sink_stats *all, unsigned n, enum kr_hist which,
                 struct kr_hist_sum *out);
const char *kr_hist_name(enum kr_hist which);

#endif

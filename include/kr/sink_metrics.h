/* GET /metrics over HTTP: the account in the text format of Prometheus (exposition format 0.0.4).
 */
#ifndef KR_SINK_METRICS_H
#define KR_SINK_METRICS_H

#include <poll.h>

struct kr_buf;
struct kr_endpoint;
struct kr_err;
struct kr_metrics;
struct kr_sink_about;
struct kr_sink_stats;

#define KR_METRICS_FDS 9 /* the socket and 8 clients */

/* Listens. NULL: KR_CANNOT. */
struct kr_metrics *kr_metrics_open(const struct kr_endpoint *at, struct kr_err *e);
/* Fills p[0..KR_METRICS_FDS) for poll(2); m may be NULL. */
void kr_metrics_poll(const struct kr_metrics *m, struct pollfd *p);
/* Handles what poll said; text(arg, out) writes the account. */
void kr_metrics_handle(struct kr_metrics *m, const struct pollfd *p,
                       void (*text)(void *arg, struct kr_buf *out), void *arg);
void kr_metrics_close(struct kr_metrics *m);

/* The sums of n blocks as metrics. */
void kr_sink_stats_prometheus(struct kr_sink_stats *all, unsigned n,
                              const struct kr_sink_about *about, struct kr_buf *out);

#endif

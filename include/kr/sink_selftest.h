/* How fast the sink is on this machine. */
#ifndef KR_SINK_SELFTEST_H
#define KR_SINK_SELFTEST_H

struct kr_err;
struct kr_sink_config;

/* Prints what a message costs, and the rate above which the sink would be the bottleneck. The
 * configuration has at least one endpoint, and is used up. Returns 0, or -1. */
int kr_sink_self_test(struct kr_sink_config *cfg, struct kr_err *e);

#endif

/* The positive probes: connections that must meet the sink. */
#ifndef KR_PROBE_SINKS_H
#define KR_PROBE_SINKS_H

#include <kr/plan.h>
#include <kr/probe.h>

/* From each of this host's global addresses of a redirected family, to each redirected port of a
 * documentation address that is not its own. `nonce` is the built-in sink's. The caller frees *out,
 * IPv4 first. Returns 0 with the results in it, or -1 (KR_UNKNOWN). */
int kr_probe_sinks(const struct kr_plan *p, const char *nonce, struct kr_probe **out, size_t *n,
                   struct kr_err *e);

#endif

/* Fitting a plan that stands to devices, addresses and routes as they are now. It only ever gets
 * tighter: devices that lead out are fenced, a fence stays as long as its device is there, and
 * exemptions go with their device but never come back or grow. */
#ifndef KR_REFIT_H
#define KR_REFIT_H

#include <kr/buf.h>
#include <kr/plan.h>

struct kr_refit {
    struct kr_plan plan;
    struct kr_buf said; /* a line for each change; empty: the plan is as it was */
    bool fenced;        /* a device got a fence */
    bool lost;          /* something that was planned is not there any more */
};

/* Whether the addresses that the failsafe sends from have to be found anew. */
bool kr_refit_needs_origin(const struct kr_plan *p, const struct kr_netview *v);
/* origin may be NULL unless it is needed. With --uplink in the plan only those named are looked
 * at. Returns 0, or -1 (KR_UNKNOWN). */
int kr_refit(const struct kr_plan *p, const struct kr_netview *v, const struct kr_origin *origin,
             struct kr_refit *out, struct kr_err *e);
void kr_refit_free(struct kr_refit *r);

#endif

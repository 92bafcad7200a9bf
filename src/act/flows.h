/* Which flows a plan leaves alone, as kr_cut_flows wants it. */
#ifndef KR_FLOWS_H
#define KR_FLOWS_H

#include <kr/cut.h>
#include <kr/plan.h>
#include <kr/prefixset.h>

struct kr_flows {
    struct kr_cut_policy policy; /* valid while this struct stays where it is */
    const struct kr_plan *plan;
    struct kr_prefixset kept;
    struct kr_netview view;
};
/* Reads the host's own addresses. p must outlive it. */
int kr_flows_init(struct kr_flows *f, const struct kr_plan *p, struct kr_err *e);
void kr_flows_free(struct kr_flows *f);

#endif

/* Which flows a plan leaves alone, as kr_cut_flows wants it. */
#ifndef KR_FLOWS_H
#define KR_FLOWS_H

#include <kr/flow.h>
#include <kr/plan.h>

/* Reads the host's own addresses. p must outlive it. */
int kr_flows_init(struct kr_flow_world *w, const struct kr_plan *p, struct kr_err *e);

#endif

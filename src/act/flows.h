/* Which flows a plan leaves alone, as kr_cut_flows wants it. */
#ifndef KR_FLOWS_H
#define KR_FLOWS_H

#include <kr/flow.h>
#include <kr/plan.h>

/* The host's own addresses are those of v. p must outlive w. */
void kr_flows_init(struct kr_flow_world *w, const struct kr_plan *p, const struct kr_netview *v);

#endif

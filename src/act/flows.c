#include "flows.h"

static const struct kr_endpoint *sink_of(const struct kr_plan_sink *s)
{
    return s->on ? &s->at : NULL;
}

void kr_flows_init(struct kr_flow_world *w, const struct kr_plan *p, const struct kr_netview *v)
{
    kr_flow_world_init(w, v, &p->lan, sink_of(&p->sink4), sink_of(&p->sink6), p->guarded.v,
                       p->guarded.n);
}

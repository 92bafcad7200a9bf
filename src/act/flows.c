#include "flows.h"

#include <kr/err.h>

static const struct kr_endpoint *sink_of(const struct kr_plan_sink *s)
{
    return s->on ? &s->at : NULL;
}

int kr_flows_init(struct kr_flow_world *w, const struct kr_plan *p, struct kr_err *e)
{
    struct kr_netview view;
    if (kr_netview_read_addresses(&view, e))
        return -1;
    kr_flow_world_init(w, &view, &p->lan, sink_of(&p->sink4), sink_of(&p->sink6), p->guarded.v,
                       p->guarded.n);
    kr_netview_free(&view);
    return 0;
}

/* Which flows to guarded ports may stand: loopback, own addresses, the exempt LAN, the sink, and
 * what is redirected to it. */
#ifndef KR_FLOW_H
#define KR_FLOW_H

#include <kr/ct.h>
#include <kr/endpoint.h>
#include <kr/lan.h>
#include <kr/prefixset.h>

struct kr_flow_policy {
    const uint16_t *ports;
    size_t n_ports;
    /* Keep a flow to this peer? (exempt LAN, own addresses, loopback, the sink.) */
    bool (*keep)(const struct kr_addr *peer, void *arg);
    /* Is this the sink? A conntrack entry whose reply comes from here is redirected already. */
    bool (*is_sink)(const struct kr_addr *reply_source, void *arg);
    void *arg;
};
bool kr_flow_guarded(const struct kr_flow_policy *p, uint16_t port);
bool kr_flow_kept(const struct kr_flow_policy *p, const struct kr_addr *peer);
/* Meant for a guarded port elsewhere, answered by the sink: not a flow that meant the sink itself,
 * which may be any host that has other business too. */
bool kr_flow_redirected(const struct kr_flow_policy *p, const struct kr_ct *ct);
/* Either tuple has a guarded port at a peer that is not kept, and the sink does not answer. */
bool kr_flow_bad(const struct kr_flow_policy *p, const struct kr_ct *ct);
/* The same, and the first packet came from there: NAT never looks at such a flow (row 5). */
bool kr_flow_reversed(const struct kr_flow_policy *p, const struct kr_ct *ct);

/* The usual policy; must stay where it is while it is used. */
struct kr_flow_world {
    struct kr_flow_policy policy;
    struct kr_prefixset kept;
    const struct kr_endpoint *sink4, *sink6;
};
/* view: the host's addresses, needed only now. A sink may be NULL; it and ports are borrowed. */
void kr_flow_world_init(struct kr_flow_world *w, const struct kr_netview *view,
                        const struct kr_lan *lan, const struct kr_endpoint *sink4,
                        const struct kr_endpoint *sink6, const uint16_t *ports, size_t n_ports);
void kr_flow_world_free(struct kr_flow_world *w);

#endif

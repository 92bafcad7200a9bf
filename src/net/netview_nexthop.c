/* Nexthop objects: with sysctl net.ipv4.nexthop_compat_mode = 0 a route names its nexthop by number
 * only (Linux 5.3, Documentation/networking/ip-sysctl.rst). */
#include "netview_internal.h"

#include <kr/mem.h>

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

static void add_hop(struct kr_nv *n, const struct kr_nv_hop *x)
{
    n->hops = kr_grow(n->hops, &n->cap_hops, n->n_hops + 1, sizeof *x);
    n->hops[n->n_hops++] = *x;
}

static void add_group(struct kr_nv *n, uint32_t id, struct nlattr *group)
{
    const struct nexthop_grp *g = nla_data(group);
    size_t members = (size_t)nla_len(group) / sizeof *g;
    for (size_t i = 0; i < members; i++) {
        const struct kr_nv_hop x = {.id = id, .member = g[i].id};
        add_hop(n, &x);
    }
}

int kr_nv_nexthop(const struct nlmsghdr *h, void *nv, struct kr_err *e)
{
    static const struct nla_policy sizes[NHA_MAX + 1] = {
        [NHA_ID] = {.type = NLA_U32},
        [NHA_OIF] = {.type = NLA_U32},
        [NHA_ENCAP_TYPE] = {.type = NLA_U16},
    };
    struct nlattr *a[NHA_MAX + 1];
    bool bad = false;
    if (h->nlmsg_type != RTM_NEWNEXTHOP)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct nhmsg), a, NHA_MAX, sizes) || !a[NHA_ID])
        return kr_nv_unreadable("a nexthop", e);
    const struct nhmsg *m = nlmsg_data(h);
    struct kr_nv_hop x = {.id = nla_get_u32(a[NHA_ID])};
    if (a[NHA_GROUP]) {
        add_group(nv, x.id, a[NHA_GROUP]);
        return 0;
    }
    x.oif = a[NHA_OIF] ? nla_get_u32(a[NHA_OIF]) : 0;
    x.has_gateway = kr_nv_take(m->nh_family, a[NHA_GATEWAY], &x.gateway, &bad);
    x.has_encap = a[NHA_ENCAP_TYPE] != NULL;
    x.encap = x.has_encap ? nla_get_u16(a[NHA_ENCAP_TYPE]) : 0;
    add_hop(nv, &x);
    return bad ? kr_nv_unreadable("a nexthop", e) : 0;
}

static const struct kr_nv_hop *find(const struct kr_nv *n, uint32_t id, size_t from)
{
    for (size_t i = from; i < n->n_hops; i++)
        if (n->hops[i].id == id)
            return &n->hops[i];
    return NULL;
}

static void fill(struct kr_route *r, const struct kr_nv_hop *h)
{
    r->oif = h->oif;
    r->gateway = h->gateway;
    r->has_gateway = h->has_gateway;
    r->has_encap = h->has_encap;
    r->encap = h->encap;
    /* A blackhole nexthop has no device. */
    if (!h->oif)
        r->type = RTN_BLACKHOLE;
}

/* A group gives one row a member: the first in place of the route's own row, the others behind. */
static int resolve(struct kr_nv *n, size_t row, struct kr_err *e)
{
    struct kr_netview *v = n->v;
    const struct kr_nv_hop *h = find(n, n->route_hop[row], 0);
    if (!h)
        return kr_nv_unreadable("the nexthop of a route", e);
    if (!h->member) {
        fill(&v->routes[row], h);
        return 0;
    }
    const struct kr_route whole = v->routes[row];
    for (bool first = true; h; first = false) {
        const struct kr_nv_hop *member = find(n, h->member, 0);
        struct kr_route one = whole;
        if (!member || member->member)
            return kr_nv_unreadable("the nexthop group of a route", e);
        one.multipath = true;
        fill(&one, member);
        if (first) {
            v->routes[row] = one;
        } else {
            v->routes = kr_grow(v->routes, &n->cap_routes, v->n_routes + 1, sizeof one);
            v->routes[v->n_routes++] = one;
        }
        h = find(n, h->id, (size_t)(h - n->hops) + 1);
    }
    return 0;
}

int kr_nv_resolve(struct kr_nv *n, struct kr_err *e)
{
    for (size_t i = 0; i < n->n_route_hop; i++)
        if (n->route_hop[i] && resolve(n, i, e))
            return -1;
    return 0;
}

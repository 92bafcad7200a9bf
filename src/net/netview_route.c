#include "netview_internal.h"

#include <kr/mem.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

static void add_route(struct kr_nv *n, const struct kr_route *x, uint32_t hop)
{
    struct kr_netview *v = n->v;
    v->routes = kr_grow(v->routes, &n->cap_routes, v->n_routes + 1, sizeof *x);
    v->routes[v->n_routes++] = *x;
    n->route_hop = kr_grow(n->route_hop, &n->cap_route_hop, v->n_routes, sizeof hop);
    n->route_hop[v->n_routes - 1] = hop;
    n->n_route_hop = v->n_routes;
    n->pending |= hop != 0;
}

/* RTA_VIA: a gateway of the other family (RFC 5549). */
static void take_via(struct nlattr *a, struct kr_route *x, bool *bad)
{
    if (!a)
        return;
    const struct rtvia *via = nla_data(a);
    int head = (int)sizeof via->rtvia_family;
    *bad |= nla_len(a) < head;
    if (*bad)
        return;
    int need = via->rtvia_family == AF_INET ? 4 : 16;
    x->has_gateway = true;
    *bad |= nla_len(a) < head + need;
    if (!*bad)
        x->gateway = kr_addr_make(via->rtvia_family, via->rtvia_addr);
}

/* What a route says of its only way, and a multipath route of each. */
static void take_hop(struct nlattr **a, struct kr_route *x, bool *bad)
{
    x->has_gateway = kr_nv_take(x->family, a[RTA_GATEWAY], &x->gateway, bad);
    take_via(a[RTA_VIA], x, bad);
    x->has_encap = a[RTA_ENCAP_TYPE] || a[RTA_ENCAP];
    if (a[RTA_ENCAP_TYPE] && nla_len(a[RTA_ENCAP_TYPE]) >= 2)
        x->encap = nla_get_u16(a[RTA_ENCAP_TYPE]);
}

static void take_hops(struct kr_nv *n, struct nlattr *list, const struct kr_route *route, bool *bad)
{
    struct rtnexthop *hop = nla_data(list);
    int left = nla_len(list);
    while (left >= (int)sizeof *hop && RTNH_OK(hop, left)) {
        struct nlattr *a[RTA_MAX + 1];
        struct kr_route one = *route;
        one.multipath = true;
        one.oif = (unsigned)hop->rtnh_ifindex;
        if (nla_parse(a, RTA_MAX, (void *)(hop + 1), hop->rtnh_len - (int)sizeof *hop, NULL))
            *bad = true;
        else
            take_hop(a, &one, bad);
        add_route(n, &one, 0);
        left -= RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
    *bad |= left > 0;
}

/* Attributes that struct kr_route holds, or that say nothing of where packets go. */
static bool is_plain(struct nlattr *a)
{
    static const uint64_t plain = 1u << RTA_DST | 1u << RTA_OIF | 1u << RTA_GATEWAY |
                                  1u << RTA_PRIORITY | 1u << RTA_PREFSRC | 1u << RTA_MULTIPATH |
                                  1u << RTA_TABLE | 1u << RTA_VIA | 1u << RTA_ENCAP_TYPE |
                                  1u << RTA_ENCAP | 1u << RTA_TTL_PROPAGATE;
    if (nla_type(a) == RTA_CACHEINFO) {
        const struct rta_cacheinfo *c = nla_data(a);
        return nla_len(a) >= (int)sizeof *c && c->rta_expires == 0;
    }
    if (nla_type(a) == RTA_PREF)
        return nla_len(a) >= 1 && nla_get_u8(a) == 0; /* medium, RFC 4191 */
    return nla_type(a) < 64 && (plain >> nla_type(a) & 1);
}

static bool is_odd(struct nlmsghdr *h)
{
    const struct rtmsg *m = nlmsg_data(h);
    struct nlattr *each;
    int left;
    bool odd = m->rtm_tos || m->rtm_src_len || (m->rtm_flags & RTNH_F_ONLINK);
    nlmsg_for_each_attr(each, h, sizeof *m, left)
    {
        odd |= !is_plain(each);
    }
    return odd;
}

static const struct nla_policy sizes[RTA_MAX + 1] = {
    [RTA_TABLE] = {.type = NLA_U32},
    [RTA_PRIORITY] = {.type = NLA_U32},
    [RTA_OIF] = {.type = NLA_U32},
    [RTA_NH_ID] = {.type = NLA_U32},
};

static bool parse(struct nlattr **a, const struct rtmsg *m, struct kr_route *x)
{
    bool v4 = m->rtm_family == AF_INET, bad = false;
    struct kr_addr dst = kr_addr_make(m->rtm_family, (uint8_t[16]){0});
    bool has_dst = kr_nv_take(m->rtm_family, a[RTA_DST], &dst, &bad);
    if (bad || m->rtm_dst_len > (v4 ? 32 : 128) || (m->rtm_dst_len && !has_dst))
        return false;
    x->family = m->rtm_family;
    x->type = m->rtm_type;
    x->scope = m->rtm_scope;
    x->protocol = m->rtm_protocol;
    x->dst = kr_prefix_make(&dst, (uint8_t)(m->rtm_dst_len + (v4 ? 96 : 0)));
    x->table = a[RTA_TABLE] ? nla_get_u32(a[RTA_TABLE]) : m->rtm_table;
    x->metric = a[RTA_PRIORITY] ? nla_get_u32(a[RTA_PRIORITY]) : 0;
    x->oif = a[RTA_OIF] ? nla_get_u32(a[RTA_OIF]) : 0;
    x->has_source = kr_nv_take(m->rtm_family, a[RTA_PREFSRC], &x->source, &bad);
    take_hop(a, x, &bad);
    return !bad;
}

static int route(struct kr_nv *n, int family, const struct nlmsghdr *h, struct kr_err *e)
{
    struct nlmsghdr *msg = (void *)(uintptr_t)h;
    struct nlattr *a[RTA_MAX + 1];
    struct kr_route x = {0};
    bool bad = false;
    if (h->nlmsg_type != RTM_NEWROUTE)
        return 0;
    if (nlmsg_parse(msg, sizeof(struct rtmsg), a, RTA_MAX, sizes))
        return kr_nv_unreadable("a route", e);
    const struct rtmsg *m = nlmsg_data(h);
    if (m->rtm_family != family || (m->rtm_flags & RTM_F_CLONED))
        return 0;
    if (!parse(a, m, &x))
        return kr_nv_unreadable("a route", e);
    x.odd = is_odd(msg);
    uint32_t hop = a[RTA_NH_ID] && !x.oif && !a[RTA_MULTIPATH] ? nla_get_u32(a[RTA_NH_ID]) : 0;
    if (a[RTA_MULTIPATH])
        take_hops(n, a[RTA_MULTIPATH], &x, &bad);
    else
        add_route(n, &x, hop);
    if (x.type == RTN_UNICAST && !x.oif && !hop && !a[RTA_MULTIPATH])
        bad = true;
    return bad ? kr_nv_unreadable("the way of a route", e) : 0;
}

int kr_nv_route4(const struct nlmsghdr *h, void *nv, struct kr_err *e)
{
    return route(nv, AF_INET, h, e);
}

int kr_nv_route6(const struct nlmsghdr *h, void *nv, struct kr_err *e)
{
    return route(nv, AF_INET6, h, e);
}

static void add_mpls(struct kr_nv *n, unsigned oif)
{
    struct kr_netview *v = n->v;
    if (!oif || (v->n_mpls && v->mpls[v->n_mpls - 1] == oif))
        return;
    v->mpls = kr_grow(v->mpls, &n->cap_mpls, v->n_mpls + 1, sizeof oif);
    v->mpls[v->n_mpls++] = oif;
}

/* Label routes: only by which devices labelled packets leave. */
int kr_nv_mpls(const struct nlmsghdr *h, void *nv, struct kr_err *e)
{
    struct nlattr *a[RTA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWROUTE)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct rtmsg), a, RTA_MAX, sizes))
        return kr_nv_unreadable("an MPLS route", e);
    const struct rtmsg *m = nlmsg_data(h);
    if (m->rtm_family != AF_MPLS)
        return 0;
    add_mpls(nv, a[RTA_OIF] ? nla_get_u32(a[RTA_OIF]) : 0);
    struct rtnexthop *hop = a[RTA_MULTIPATH] ? nla_data(a[RTA_MULTIPATH]) : NULL;
    int left = hop ? nla_len(a[RTA_MULTIPATH]) : 0;
    while (left >= (int)sizeof *hop && RTNH_OK(hop, left)) {
        add_mpls(nv, (unsigned)hop->rtnh_ifindex);
        left -= RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
    return left > 0 ? kr_nv_unreadable("the way of an MPLS route", e) : 0;
}

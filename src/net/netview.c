#include <kr/netview.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define TRIES 8

struct reading {
    struct kr_netview *v;
    size_t cap_links, cap_addrs, cap_routes, cap_rules;
    bool bad, addresses_only;
};

static void text(char *to, size_t size, struct nlattr *a)
{
    if (a)
        nla_strlcpy(to, a, size);
}

static void parse_vlan(struct nlattr *data, struct kr_link *l)
{
    struct nlattr *a[IFLA_VLAN_MAX + 1];
    l->vlan_protocol = ETH_P_8021Q;
    if (!data || nla_parse_nested(a, IFLA_VLAN_MAX, data, NULL))
        return;
    if (a[IFLA_VLAN_PROTOCOL])
        l->vlan_protocol = ntohs(nla_get_u16(a[IFLA_VLAN_PROTOCOL]));
    if (a[IFLA_VLAN_FLAGS] && nla_len(a[IFLA_VLAN_FLAGS]) >= (int)sizeof(struct ifla_vlan_flags)) {
        const struct ifla_vlan_flags *f = nla_data(a[IFLA_VLAN_FLAGS]);
        l->vlan_reorder = (f->flags & VLAN_FLAG_REORDER_HDR) != 0;
    }
}

static void parse_kind(struct nlattr *info, struct kr_link *l)
{
    struct nlattr *a[IFLA_INFO_MAX + 1];
    if (!info || nla_parse_nested(a, IFLA_INFO_MAX, info, NULL))
        return;
    text(l->kind, sizeof l->kind, a[IFLA_INFO_KIND]);
    if (strcmp(l->kind, "vlan") == 0)
        parse_vlan(a[IFLA_INFO_DATA], l);
}

static int on_link(struct nl_msg *msg, void *arg)
{
    struct reading *r = arg;
    struct nlmsghdr *nlh = nlmsg_hdr(msg);
    struct nlattr *a[IFLA_MAX + 1];
    struct kr_link l = {0};
    if (nlh->nlmsg_type != RTM_NEWLINK)
        return NL_OK;
    if (nlmsg_parse(nlh, sizeof(struct ifinfomsg), a, IFLA_MAX, NULL)) {
        r->bad = true;
        return NL_OK;
    }
    const struct ifinfomsg *i = nlmsg_data(nlh);
    l.index = (unsigned)i->ifi_index;
    l.arphrd = i->ifi_type;
    l.flags = i->ifi_flags;
    text(l.name, sizeof l.name, a[IFLA_IFNAME]);
    l.lower_elsewhere = a[IFLA_LINK_NETNSID] != NULL;
    if (a[IFLA_LINK] && !l.lower_elsewhere)
        l.lower = nla_get_u32(a[IFLA_LINK]);
    l.lower = l.lower == l.index ? 0 : l.lower;
    if (a[IFLA_MASTER])
        l.master = nla_get_u32(a[IFLA_MASTER]);
    parse_kind(a[IFLA_LINKINFO], &l);
    r->v->links = kr_grow(r->v->links, &r->cap_links, r->v->n_links + 1, sizeof l);
    r->v->links[r->v->n_links++] = l;
    return NL_OK;
}

static bool take_addr(int family, struct nlattr *a, struct kr_addr *out)
{
    int need = family == AF_INET ? 4 : 16;
    if (!a || nla_len(a) < need)
        return false;
    *out = kr_addr_make(family, nla_data(a));
    return true;
}

static int on_addr(struct nl_msg *msg, void *arg)
{
    struct reading *r = arg;
    struct nlmsghdr *nlh = nlmsg_hdr(msg);
    struct nlattr *a[IFA_MAX + 1];
    struct kr_ifaddr x = {0};
    const struct ifaddrmsg *i = nlmsg_data(nlh);
    if (nlh->nlmsg_type != RTM_NEWADDR || (i->ifa_family != AF_INET && i->ifa_family != AF_INET6))
        return NL_OK;
    if (nlmsg_parse(nlh, sizeof *i, a, IFA_MAX, NULL) ||
        !take_addr(i->ifa_family, a[IFA_ADDRESS] ? a[IFA_ADDRESS] : a[IFA_LOCAL], &x.peer)) {
        r->bad = true;
        return NL_OK;
    }
    if (!take_addr(i->ifa_family, a[IFA_LOCAL], &x.addr))
        x.addr = x.peer;
    x.index = i->ifa_index;
    x.len = (uint8_t)(i->ifa_prefixlen + (i->ifa_family == AF_INET ? 96 : 0));
    x.scope = i->ifa_scope;
    x.flags = a[IFA_FLAGS] ? nla_get_u32(a[IFA_FLAGS]) : i->ifa_flags;
    r->v->addrs = kr_grow(r->v->addrs, &r->cap_addrs, r->v->n_addrs + 1, sizeof x);
    r->v->addrs[r->v->n_addrs++] = x;
    return NL_OK;
}

static void add_route(struct reading *r, const struct kr_route *x)
{
    r->v->routes = kr_grow(r->v->routes, &r->cap_routes, r->v->n_routes + 1, sizeof *x);
    r->v->routes[r->v->n_routes++] = *x;
}

/* RTA_VIA: a gateway of the other family (RFC 5549). */
static void take_via(struct nlattr *a, struct kr_route *x)
{
    if (!a || nla_len(a) < 2)
        return;
    const struct rtvia *via = nla_data(a);
    int need = via->rtvia_family == AF_INET ? 4 : 16;
    x->has_gateway = true;
    if (nla_len(a) >= 2 + need)
        x->gateway = kr_addr_make(via->rtvia_family, via->rtvia_addr);
}

static void next_hops(struct reading *r, int family, struct nlattr *list, struct kr_route x)
{
    struct rtnexthop *hop = nla_data(list);
    int left = nla_len(list);
    x.multipath = true;
    while (left >= (int)sizeof *hop && RTNH_OK(hop, left)) {
        struct nlattr *a[RTA_MAX + 1];
        struct kr_route one = x;
        one.oif = (unsigned)hop->rtnh_ifindex;
        if (nla_parse(a, RTA_MAX, (struct nlattr *)(void *)(hop + 1),
                      hop->rtnh_len - (int)sizeof *hop, NULL))
            r->bad = true;
        else {
            one.has_gateway = take_addr(family, a[RTA_GATEWAY], &one.gateway);
            take_via(a[RTA_VIA], &one);
            one.has_encap = a[RTA_ENCAP_TYPE] != NULL;
        }
        add_route(r, &one);
        left -= RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
}

static int on_route(struct nl_msg *msg, void *arg)
{
    struct reading *r = arg;
    struct nlmsghdr *nlh = nlmsg_hdr(msg);
    struct nlattr *a[RTA_MAX + 1];
    const struct rtmsg *m = nlmsg_data(nlh);
    int family = m->rtm_family;
    struct kr_route x = {.type = m->rtm_type, .scope = m->rtm_scope, .protocol = m->rtm_protocol};
    if (nlh->nlmsg_type != RTM_NEWROUTE || (family != AF_INET && family != AF_INET6) ||
        (m->rtm_flags & RTM_F_CLONED))
        return NL_OK;
    if (nlmsg_parse(nlh, sizeof *m, a, RTA_MAX, NULL)) {
        r->bad = true;
        return NL_OK;
    }
    struct kr_addr dst = kr_addr_make(family, (uint8_t[16]){0});
    take_addr(family, a[RTA_DST], &dst);
    x.dst = kr_prefix_make(&dst, (uint8_t)(m->rtm_dst_len + (family == AF_INET ? 96 : 0)));
    x.table = a[RTA_TABLE] ? nla_get_u32(a[RTA_TABLE]) : m->rtm_table;
    x.metric = a[RTA_PRIORITY] ? nla_get_u32(a[RTA_PRIORITY]) : 0;
    x.oif = a[RTA_OIF] ? nla_get_u32(a[RTA_OIF]) : 0;
    x.has_gateway = take_addr(family, a[RTA_GATEWAY], &x.gateway);
    take_via(a[RTA_VIA], &x);
    x.has_source = take_addr(family, a[RTA_PREFSRC], &x.source);
    x.has_encap = a[RTA_ENCAP_TYPE] != NULL;
    if (a[RTA_MULTIPATH])
        next_hops(r, family, a[RTA_MULTIPATH], x);
    else
        add_route(r, &x);
    return NL_OK;
}

static bool selects_more(const struct fib_rule_hdr *h, struct nlattr **a)
{
    static const int selectors[] = {FRA_IIFNAME, FRA_OIFNAME, FRA_FWMARK,     FRA_UID_RANGE,
                                    FRA_TUN_ID,  FRA_L3MDEV,  FRA_SPORT_RANGE};
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++)
        if (a[selectors[i]] && !(selectors[i] == FRA_L3MDEV && !nla_get_u8(a[FRA_L3MDEV])))
            return true;
    return h->dst_len || h->src_len || h->tos || (h->flags & FIB_RULE_INVERT);
}

static int on_rule(struct nl_msg *msg, void *arg)
{
    struct reading *r = arg;
    struct nlmsghdr *nlh = nlmsg_hdr(msg);
    struct nlattr *a[FRA_MAX + 1];
    const struct fib_rule_hdr *h = nlmsg_data(nlh);
    if (nlh->nlmsg_type != RTM_NEWRULE || (h->family != AF_INET && h->family != AF_INET6))
        return NL_OK;
    if (nlmsg_parse(nlh, sizeof *h, a, FRA_MAX, NULL)) {
        r->bad = true;
        return NL_OK;
    }
    struct kr_fibrule x = {.family = h->family, .action = h->action};
    x.priority = a[FRA_PRIORITY] ? nla_get_u32(a[FRA_PRIORITY]) : 0;
    x.table = a[FRA_TABLE] ? nla_get_u32(a[FRA_TABLE]) : h->table;
    x.protocol = a[FRA_PROTOCOL] ? nla_get_u8(a[FRA_PROTOCOL]) : 0;
    x.ipproto = a[FRA_IP_PROTO] ? nla_get_u8(a[FRA_IP_PROTO]) : 0;
    if (a[FRA_DPORT_RANGE] &&
        nla_len(a[FRA_DPORT_RANGE]) >= (int)sizeof(struct fib_rule_port_range)) {
        const struct fib_rule_port_range *p = nla_data(a[FRA_DPORT_RANGE]);
        x.dport_first = p->start;
        x.dport_last = p->end;
    }
    x.other_selectors = selects_more(h, a);
    r->v->rules = kr_grow(r->v->rules, &r->cap_rules, r->v->n_rules + 1, sizeof x);
    r->v->rules[r->v->n_rules++] = x;
    return NL_OK;
}

static int dump(struct nl_sock *sk, int type, void *header, size_t len, nl_recvmsg_msg_cb_t cb,
                struct reading *r)
{
    nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, cb, r);
    int err = nl_send_simple(sk, type, NLM_F_DUMP, header, len);
    return err < 0 ? err : nl_recvmsgs_default(sk);
}

/* Links and addresses come first, so that a reading can stop behind them. */
static int dump_all(struct nl_sock *sk, struct reading *r)
{
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    struct ifaddrmsg addr = {.ifa_family = AF_UNSPEC};
    struct rtmsg route4 = {.rtm_family = AF_INET}, route6 = {.rtm_family = AF_INET6};
    struct fib_rule_hdr rule4 = {.family = AF_INET}, rule6 = {.family = AF_INET6};
    const struct {
        int type;
        void *header;
        size_t len;
        nl_recvmsg_msg_cb_t cb;
    } dumps[] = {{RTM_GETLINK, &link, sizeof link, on_link},
                 {RTM_GETADDR, &addr, sizeof addr, on_addr},
                 {RTM_GETROUTE, &route4, sizeof route4, on_route},
                 {RTM_GETROUTE, &route6, sizeof route6, on_route},
                 {RTM_GETRULE, &rule4, sizeof rule4, on_rule},
                 {RTM_GETRULE, &rule6, sizeof rule6, on_rule}};
    for (size_t i = 0; i < (r->addresses_only ? 2 : sizeof dumps / sizeof *dumps); i++) {
        int err = dump(sk, dumps[i].type, dumps[i].header, dumps[i].len, dumps[i].cb, r);
        /* Without IPv6 in the kernel its dumps are refused; then there is nothing of it either. */
        if (err < 0 && err != -NLE_AF_NOSUPPORT && err != -NLE_OPNOTSUPP)
            return err;
    }
    return 0;
}

static int read_once(struct kr_netview *v, bool addresses_only, bool *bad)
{
    struct reading r = {.v = v, .addresses_only = addresses_only};
    struct nl_sock *sk = nl_socket_alloc();
    int err = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;
    memset(v, 0, sizeof *v);
    if (!err) {
        nl_socket_set_buffer_size(sk, 1 << 20, 1 << 16);
        nl_socket_set_msg_buf_size(sk, 1 << 16);
        err = dump_all(sk, &r);
    }
    nl_socket_free(sk);
    *bad = r.bad;
    return err;
}

static int read_view(struct kr_netview *v, bool addresses_only, struct kr_err *e)
{
    int err = 0;
    bool bad = false;
    for (int tries = 0; tries < TRIES; tries++) {
        err = read_once(v, addresses_only, &bad);
        if (!err && !bad)
            return 0;
        kr_netview_free(v);
        if (err != -NLE_DUMP_INTR && err != -NLE_NOMEM)
            break;
    }
    return kr_fail(e, KR_UNKNOWN, 0, "reading links, addresses and routes: %s",
                   bad ? "an answer that can't be read" : nl_geterror(err));
}

int kr_netview_read(struct kr_netview *v, struct kr_err *e)
{
    return read_view(v, false, e);
}

int kr_netview_read_addresses(struct kr_netview *v, struct kr_err *e)
{
    return read_view(v, true, e);
}

void kr_netview_free(struct kr_netview *v)
{
    free(v->links);
    free(v->addrs);
    free(v->routes);
    free(v->rules);
    memset(v, 0, sizeof *v);
}

const struct kr_link *kr_netview_link(const struct kr_netview *v, unsigned index)
{
    for (size_t i = 0; i < v->n_links; i++)
        if (v->links[i].index == index)
            return &v->links[i];
    return NULL;
}

const struct kr_link *kr_netview_link_named(const struct kr_netview *v, const char *name)
{
    for (size_t i = 0; i < v->n_links; i++)
        if (strcmp(v->links[i].name, name) == 0)
            return &v->links[i];
    return NULL;
}

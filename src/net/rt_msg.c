#include "rt_internal.h"

#include <kr/err.h>

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

static void put_addr(struct nl_msg *m, int attr, int family, const struct kr_addr *a)
{
    size_t skip = family == AF_INET ? 12 : 0;
    nla_put(m, attr, (int)(16 - skip), a->b + skip);
}

/* A gateway of the other family goes by RTA_VIA (RFC 5549). */
static void put_gateway(struct nl_msg *m, const struct kr_route *r)
{
    struct {
        uint16_t family;
        uint8_t addr[16];
    } via = {.family = (uint16_t)kr_addr_family(&r->gateway)};
    size_t len = kr_addr_bytes(&r->gateway, via.addr);
    if (via.family == r->family)
        put_addr(m, RTA_GATEWAY, r->family, &r->gateway);
    else
        nla_put(m, RTA_VIA, (int)(sizeof via.family + len), &via);
}

void kr_rt_route_add(struct kr_rt *rt, const struct kr_route *r, int flags)
{
    struct nl_msg *m = kr_rt_queue_plain(rt, RTM_NEWROUTE, flags, 0);
    struct rtmsg h = {.rtm_family = r->family,
                      .rtm_dst_len = kr_prefix_family_len(&r->dst),
                      .rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
                      .rtm_protocol = r->protocol,
                      .rtm_scope = r->scope,
                      .rtm_type = r->type};
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_u32(m, RTA_TABLE, r->table);
    if (h.rtm_dst_len)
        put_addr(m, RTA_DST, r->family, &r->dst.addr);
    if (r->has_gateway)
        put_gateway(m, r);
    if (r->has_source)
        put_addr(m, RTA_PREFSRC, r->family, &r->source);
    if (r->oif)
        nla_put_u32(m, RTA_OIF, r->oif);
    if (r->metric)
        nla_put_u32(m, RTA_PRIORITY, r->metric);
}

const char *kr_rt_route_name(struct nlmsghdr *h, char out[static 96])
{
    char s[KR_ADDRSTRLEN];
    const struct rtmsg *m = nlmsg_data(h);
    struct nlattr *to = nlmsg_find_attr(h, sizeof *m, RTA_DST);
    struct nlattr *table = nlmsg_find_attr(h, sizeof *m, RTA_TABLE);
    static const uint8_t any[16];
    struct kr_addr dst = kr_addr_make(m->rtm_family, to ? nla_data(to) : any);
    struct kr_prefix p =
        kr_prefix_make(&dst, (uint8_t)(m->rtm_dst_len + (m->rtm_family == AF_INET ? 96 : 0)));
    snprintf(out, 96, "the route %s in table %u", kr_prefix_str(&p, s),
             table ? nla_get_u32(table) : m->rtm_table);
    return out;
}

void kr_rt_rule(struct kr_rt *rt, const struct kr_fibrule *r, bool add)
{
    struct nl_msg *m = kr_rt_queue(
        rt, add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0, add ? 0 : ENOENT,
        "the IPv%c rule %u ipproto tcp dport %u lookup %u (Linux 4.17)",
        r->family == AF_INET ? '4' : '6', r->priority, r->dport_first, r->table);
    struct fib_rule_hdr h = {.family = (uint8_t)r->family,
                             .table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
                             .action = r->action};
    struct fib_rule_port_range ports = {r->dport_first, r->dport_last};
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_u32(m, FRA_TABLE, r->table);
    nla_put_u32(m, FRA_PRIORITY, r->priority);
    nla_put_u8(m, FRA_PROTOCOL, r->protocol);
    nla_put_u8(m, FRA_IP_PROTO, r->ipproto);
    nla_put(m, FRA_DPORT_RANGE, sizeof ports, &ports);
}

static struct nl_msg *queue_link(struct kr_rt *rt, int ignore, const struct ifinfomsg *h,
                                 const char *name, const char *what)
{
    struct nl_msg *m = kr_rt_queue(rt, RTM_NEWLINK, 0, ignore, "%s %s", what, name);
    nlmsg_append(m, (void *)(uintptr_t)h, sizeof *h, NLMSG_ALIGNTO);
    nla_put_string(m, IFLA_IFNAME, name);
    return m;
}

static void no_addresses(struct nl_msg *m)
{
    struct nlattr *spec = nla_nest_start(m, IFLA_AF_SPEC);
    struct nlattr *inet6 = nla_nest_start(m, AF_INET6);
    nla_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    nla_nest_end(m, inet6);
    nla_nest_end(m, spec);
}

void kr_rt_link_up(struct kr_rt *rt, const char *name)
{
    const struct ifinfomsg as_is = {.ifi_family = AF_UNSPEC};
    const struct ifinfomsg up = {
        .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP | IFF_NOARP, .ifi_change = IFF_UP | IFF_NOARP};
    /* Asked apart: a kernel without IPv6 refuses it, and has no addresses to generate then. */
    no_addresses(queue_link(rt, EAFNOSUPPORT, &as_is, name, "no IPv6 addresses on device"));
    queue_link(rt, 0, &up, name, "setting up device");
}

void kr_rt_link_del(struct kr_rt *rt, unsigned index, const char *name)
{
    struct nl_msg *m = kr_rt_queue(rt, RTM_DELLINK, 0, ENODEV, "the removal of device %s", name);
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
}

static void veth_peer(struct nl_msg *m, const char *peer)
{
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
    struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);
    struct nlattr *info = nla_nest_start(m, VETH_INFO_PEER);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_string(m, IFLA_IFNAME, peer);
    nla_nest_end(m, info);
    nla_nest_end(m, data);
}

int kr_rt_link_add(struct kr_rt *rt, const char *name, const char *kind, const char *peer,
                   struct kr_err *e)
{
    struct kr_err why = {0};
    struct nl_msg *m = kr_rt_queue(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0,
                                   "a device %s of kind %s", name, kind);
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_string(m, IFLA_IFNAME, name);
    struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
    nla_put_string(m, IFLA_INFO_KIND, kind);
    if (peer)
        veth_peer(m, peer);
    nla_nest_end(m, info);
    if (kr_rt_flush(rt, &why) == 0)
        return 0;
    if (why.sys > 0)
        return why.sys;
    if (e)
        *e = why;
    return -1;
}

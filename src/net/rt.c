#include <kr/rt.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AT_ONCE 256 /* messages in flight, so that their acks fit any receive buffer */

int kr_rt_open(struct kr_rt *rt, struct kr_err *e)
{
    memset(rt, 0, sizeof *rt);
    rt->sk = nl_socket_alloc();
    int err = rt->sk ? nl_connect(rt->sk, NETLINK_ROUTE) : -NLE_NOMEM;
    if (err) {
        kr_rt_close(rt);
        return kr_fail(e, KR_CANNOT, 0, "rtnetlink socket: %s", nl_geterror(err));
    }
    nl_socket_set_buffer_size(rt->sk, 1 << 20, 1 << 20);
    return 0;
}

void kr_rt_close(struct kr_rt *rt)
{
    for (size_t i = 0; i < rt->n; i++)
        nlmsg_free(rt->v[i].msg);
    free(rt->v);
    nl_socket_free(rt->sk);
    memset(rt, 0, sizeof *rt);
}

static struct nl_msg *queue(struct kr_rt *rt, int type, int flags, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static struct nl_msg *queue(struct kr_rt *rt, int type, int flags, const char *fmt, ...)
{
    va_list ap;
    rt->v = kr_grow(rt->v, &rt->cap, rt->n + 1, sizeof *rt->v);
    struct kr_rt_item *x = &rt->v[rt->n++];
    memset(x, 0, sizeof *x);
    va_start(ap, fmt);
    vsnprintf(x->what, sizeof x->what, fmt, ap);
    va_end(ap);
    x->msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_ACK | flags);
    if (!x->msg)
        abort();
    return x->msg;
}

static void ignore(struct kr_rt *rt, int err)
{
    rt->v[rt->n - 1].ignore = err;
}

/* Sequence numbers are given in order, so an answer's place follows from the first one's. */
static int settle(struct kr_rt *rt, unsigned seq, int err, struct kr_err *e)
{
    size_t i = seq - rt->v[0].seq;
    if (i >= rt->n || rt->v[i].seq != seq || rt->v[i].answered)
        return 0;
    rt->v[i].answered = true;
    if (!err || err == rt->v[i].ignore)
        return 0;
    return kr_fail(e, KR_CANNOT, err, "the kernel refuses %s", rt->v[i].what);
}

/* Reads acks until `wanted` messages are answered. *bad remembers the first refusal. */
static int read_acks(struct kr_rt *rt, size_t wanted, bool *bad, struct kr_err *e)
{
    char buf[16384];
    while (wanted) {
        ssize_t n = recv(nl_socket_get_fd(rt->sk), buf, sizeof buf, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return kr_fail(e, KR_UNKNOWN, errno, "rtnetlink: an acknowledgement was lost");
        int left = (int)n;
        for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf; nlmsg_ok(h, left);
             h = nlmsg_next(h, &left)) {
            if (h->nlmsg_type != NLMSG_ERROR)
                continue;
            const struct nlmsgerr *ack = nlmsg_data(h);
            *bad |= settle(rt, h->nlmsg_seq, -ack->error, *bad ? NULL : e) != 0;
            wanted--;
        }
    }
    return 0;
}

/* Many messages in one datagram: the kernel takes them one by one, in order. */
static int send_some(struct kr_rt *rt, size_t from, size_t to, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf all = {0};
    static const char padding[NLMSG_ALIGNTO] = "";
    for (size_t i = from; i < to; i++) {
        nl_complete_msg(rt->sk, rt->v[i].msg);
        const struct nlmsghdr *h = nlmsg_hdr(rt->v[i].msg);
        rt->v[i].seq = h->nlmsg_seq;
        kr_buf_add(&all, h, h->nlmsg_len);
        kr_buf_add(&all, padding, -(size_t)h->nlmsg_len % NLMSG_ALIGNTO);
    }
    if (send(nl_socket_get_fd(rt->sk), all.s, all.len, 0) != (ssize_t)all.len)
        return kr_fail(e, KR_UNKNOWN, errno, "sending %s", rt->v[from].what);
    return 0;
}

int kr_rt_flush(struct kr_rt *rt, struct kr_err *e)
{
    bool bad = false;
    for (size_t i = 0; i < rt->n; i += AT_ONCE) {
        size_t to = i + AT_ONCE < rt->n ? i + AT_ONCE : rt->n;
        if (send_some(rt, i, to, e) || read_acks(rt, to - i, &bad, e))
            return -1;
    }
    for (size_t i = 0; i < rt->n; i++)
        nlmsg_free(rt->v[i].msg);
    rt->n = 0;
    return bad ? -1 : 0;
}

static void put_addr(struct nl_msg *m, int attr, const struct kr_addr *a)
{
    uint8_t raw[16];
    size_t n = kr_addr_bytes(a, raw);
    nla_put(m, attr, (int)n, raw);
}

void kr_rt_route(struct kr_rt *rt, const struct kr_route *r, bool add)
{
    char s[KR_ADDRSTRLEN];
    bool v4 = kr_prefix_is_v4(&r->dst);
    struct nl_msg *m =
        queue(rt, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
              "the route %s of table %u", kr_prefix_str(&r->dst, s), r->table);
    struct rtmsg h = {.rtm_family = v4 ? AF_INET : AF_INET6,
                      .rtm_dst_len = kr_prefix_family_len(&r->dst),
                      .rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
                      .rtm_protocol = r->protocol,
                      .rtm_scope = r->scope,
                      .rtm_type = r->type};
    ignore(rt, add ? EEXIST : ESRCH);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_u32(m, RTA_TABLE, r->table);
    if (h.rtm_dst_len) {
        uint8_t raw[16];
        size_t skip = v4 ? 12 : 0;
        memcpy(raw, r->dst.addr.b + skip, 16 - skip);
        nla_put(m, RTA_DST, (int)(16 - skip), raw);
    }
    if (r->has_gateway)
        put_addr(m, RTA_GATEWAY, &r->gateway);
    if (r->has_source)
        put_addr(m, RTA_PREFSRC, &r->source);
    if (r->oif)
        nla_put_u32(m, RTA_OIF, r->oif);
    if (r->metric)
        nla_put_u32(m, RTA_PRIORITY, r->metric);
}

void kr_rt_rule(struct kr_rt *rt, const struct kr_fibrule *r, bool add)
{
    struct nl_msg *m =
        queue(rt, add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
              "the rule %u: ipproto tcp dport %u lookup %u (Linux 4.17)", r->priority,
              r->dport_first, r->table);
    struct fib_rule_hdr h = {.family = (uint8_t)r->family,
                             .table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
                             .action = r->action};
    struct fib_rule_port_range ports = {r->dport_first, r->dport_last};
    ignore(rt, add ? EEXIST : ENOENT);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_u32(m, FRA_TABLE, r->table);
    nla_put_u32(m, FRA_PRIORITY, r->priority);
    nla_put_u8(m, FRA_PROTOCOL, r->protocol);
    nla_put_u8(m, FRA_IP_PROTO, r->ipproto);
    nla_put(m, FRA_DPORT_RANGE, sizeof ports, &ports);
}

void kr_rt_link_del(struct kr_rt *rt, unsigned index, const char *name)
{
    struct nl_msg *m = queue(rt, RTM_DELLINK, 0, "the removal of device %s", name);
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
    ignore(rt, ENODEV);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
}

static void no_addresses(struct nl_msg *m)
{
    struct nlattr *spec = nla_nest_start(m, IFLA_AF_SPEC);
    struct nlattr *inet6 = nla_nest_start(m, AF_INET6);
    nla_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    nla_nest_end(m, inet6);
    nla_nest_end(m, spec);
}

/* Asked apart: a kernel without IPv6 refuses it, and then has no addresses to generate. */
static void quiet_ipv6(struct kr_rt *rt, unsigned index, const char *name)
{
    struct nl_msg *m = queue(rt, RTM_NEWLINK, 0, "no IPv6 addresses on device %s", name);
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
    ignore(rt, EAFNOSUPPORT);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    no_addresses(m);
}

void kr_rt_link_up(struct kr_rt *rt, unsigned index, const char *name)
{
    quiet_ipv6(rt, index, name);
    struct nl_msg *m = queue(rt, RTM_NEWLINK, 0, "setting device %s up", name);
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC,
                          .ifi_index = (int)index,
                          .ifi_flags = IFF_UP | IFF_NOARP,
                          .ifi_change = IFF_UP | IFF_NOARP};
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
    struct nl_msg *m =
        queue(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "a device %s of kind %s", name, kind);
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

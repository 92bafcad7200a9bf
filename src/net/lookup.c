#include <kr/lookup.h>

#include <kr/err.h>
#include <kr/nl.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void put_addr(struct nlmsghdr *nlh, uint16_t type, const struct kr_addr *a)
{
    uint8_t b[16];
    size_t n = kr_addr_bytes(a, b);
    mnl_attr_put(nlh, type, n, b);
}

static struct nlmsghdr *request(void *buf, const struct kr_lookup *x)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = RTM_GETROUTE;
    nlh->nlmsg_flags = NLM_F_REQUEST;
    struct rtmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof *m);
    uint8_t whole = kr_addr_is_v4(&x->to) ? 32 : 128;
    m->rtm_family = (uint8_t)kr_addr_family(&x->to);
    m->rtm_dst_len = whole;
    m->rtm_flags = RTM_F_LOOKUP_TABLE;
    put_addr(nlh, RTA_DST, &x->to);
    if (x->has_from) {
        m->rtm_src_len = whole;
        put_addr(nlh, RTA_SRC, &x->from);
    }
    if (x->bound)
        mnl_attr_put_u32(nlh, RTA_OIF, x->bound);
    if (x->in)
        mnl_attr_put_u32(nlh, RTA_IIF, x->in);
    if (x->mark)
        mnl_attr_put_u32(nlh, RTA_MARK, x->mark);
    mnl_attr_put_u8(nlh, RTA_IP_PROTO, IPPROTO_TCP); /* else it would be UDP */
    if (x->dport) {
        mnl_attr_put_u16(nlh, RTA_SPORT, htons(40000));
        mnl_attr_put_u16(nlh, RTA_DPORT, htons(x->dport));
    }
    return nlh;
}

static int take_gateway(const struct nlattr *a, struct kr_lookup *x)
{
    int family = kr_addr_family(&x->to);
    x->has_gateway = true;
    if (mnl_attr_get_payload_len(a) < (family == AF_INET ? 4 : 16))
        return MNL_CB_ERROR;
    x->gateway = kr_addr_make(family, mnl_attr_get_payload(a));
    return MNL_CB_OK;
}

/* A gateway of the other family (RFC 5549), which only IPv4 has. */
static int take_via(const struct nlattr *a, struct kr_lookup *x)
{
    const struct rtvia *via = mnl_attr_get_payload(a);
    x->has_gateway = true;
    if (mnl_attr_get_payload_len(a) < sizeof *via + 16)
        return MNL_CB_ERROR;
    x->gateway = kr_addr_make(AF_INET6, via->rtvia_addr);
    return MNL_CB_OK;
}

static int take_number(const struct nlattr *a, uint32_t *out)
{
    if (mnl_attr_get_payload_len(a) < sizeof *out)
        return MNL_CB_ERROR;
    *out = mnl_attr_get_u32(a);
    return MNL_CB_OK;
}

static int on_attr(const struct nlattr *a, void *arg)
{
    struct kr_lookup *x = arg;
    switch (mnl_attr_get_type(a)) {
    case RTA_OIF:
        return take_number(a, &x->out);
    case RTA_TABLE:
        return take_number(a, &x->table);
    case RTA_GATEWAY:
        return take_gateway(a, x);
    case RTA_VIA:
        return take_via(a, x);
    default:
        return MNL_CB_OK;
    }
}

static int on_route(const struct nlmsghdr *nlh, void *arg)
{
    struct kr_lookup *x = arg;
    const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
    if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof *m ||
        m->rtm_family != kr_addr_family(&x->to))
        return -1;
    x->type = m->rtm_type;
    x->table = m->rtm_table;
    return mnl_attr_parse(nlh, sizeof *m, on_attr, x) == MNL_CB_ERROR ? -1 : 0;
}

static int ask(struct kr_nl *nl, struct kr_lookup *x, struct kr_err *e)
{
    char buf[256] = "", s[KR_ADDRSTRLEN];
    int got = kr_nl_ask(nl, request(buf, x), on_route, x, e);
    if (got < 0 || got == KR_NL_AGAIN)
        return got < 0 ? kr_wrap(e, "the route to %s", kr_addr_str(&x->to, s))
                       : kr_fail(e, KR_UNKNOWN, 0, "the route to %s: the answer was lost",
                                 kr_addr_str(&x->to, s));
    x->error = got;
    return 0;
}

int kr_lookup_run(struct kr_lookup *v, size_t n, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    if (n && kr_nl_open(&nl, NETLINK_ROUTE, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (ask(&nl, &v[i], e))
            return -1;
    return 0;
}

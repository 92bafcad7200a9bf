#include <kr/rt_sweep.h>

#include "netview_internal.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#define TRIES 8

struct sweep {
    struct kr_rt *rt;
    const struct kr_rt_keep *keep;
};

/* What the kernel showed is what it takes to find the thing again, as `ip route flush` does. */
static void queue_delete(struct kr_rt *rt, int type, const struct nlmsghdr *h)
{
    bool rule = type == RTM_DELRULE;
    struct nl_msg *m = kr_rt_queue(rt, type, 0, rule ? ENOENT : ESRCH,
                                   "the removal of a %s of ours", rule ? "rule" : "route");
    nlmsg_append(m, nlmsg_data(h), (size_t)nlmsg_datalen(h), NLMSG_ALIGNTO);
}

static int parse(const struct nlmsghdr *h, struct kr_netview *v, struct kr_err *e)
{
    const struct rtgenmsg *g = nlmsg_data(h);
    struct kr_nv n = {.v = v};
    bool v4 = g->rtgen_family == AF_INET;
    kr_rt_row row = h->nlmsg_type == RTM_NEWRULE ? v4 ? kr_nv_rule4 : kr_nv_rule6
                    : v4                         ? kr_nv_route4
                                                 : kr_nv_route6;
    int bad = row(h, &n, e);
    free(n.route_hop);
    return bad;
}

static int on_message(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    const struct sweep *s = arg;
    const struct kr_rt_keep *k = s->keep;
    struct kr_netview v = {0};
    if (h->nlmsg_type != RTM_NEWRULE && h->nlmsg_type != RTM_NEWROUTE)
        return 0;
    int bad = parse(h, &v, e);
    if (!bad && v.n_rules && v.rules->protocol == k->protocol && !k->rule(v.rules, k->arg))
        queue_delete(s->rt, RTM_DELRULE, h);
    if (!bad && v.n_routes && v.routes->protocol == k->protocol && !k->route(v.routes, k->arg))
        queue_delete(s->rt, RTM_DELROUTE, h);
    kr_netview_free(&v);
    return bad;
}

/* Without IPv6 in the kernel a dump of it is refused or shows IPv4 again. */
static int collect(struct sweep *s, struct kr_err *e)
{
    static const struct {
        int type;
        unsigned char family;
    } dumps[] = {{RTM_GETRULE, AF_INET},
                 {RTM_GETRULE, AF_INET6},
                 {RTM_GETROUTE, AF_INET},
                 {RTM_GETROUTE, AF_INET6}};
    for (size_t i = 0; i < sizeof dumps / sizeof *dumps; i++) {
        const struct rtmsg h = {.rtm_family = dumps[i].family};
        struct kr_err why = {0};
        int got = kr_rt_dump(s->rt, dumps[i].type, &h, sizeof h, on_message, s, &why);
        if (got == 0 || why.sys == EAFNOSUPPORT || why.sys == EOPNOTSUPP)
            continue;
        if (got < 0 && e)
            *e = why;
        return got;
    }
    return 0;
}

int kr_rt_sweep(struct kr_rt *rt, const struct kr_rt_keep *keep, struct kr_err *e)
{
    struct sweep s = {.rt = rt, .keep = keep};
    for (int tries = 0; tries < TRIES; tries++) {
        int got = collect(&s, e);
        if (got == 0)
            return kr_rt_flush(rt, e);
        kr_rt_drop(rt);
        if (got < 0)
            return -1;
    }
    return kr_fail(e, KR_UNKNOWN, EINTR, "routes and rules changed while they were read");
}

#include "netview_internal.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES 8

int kr_nv_unreadable(const char *what, struct kr_err *e)
{
    return kr_fail(e, KR_UNKNOWN, 0, "%s in the kernel's answer can't be read", what);
}

/* Forgets the rows of a dump that did not count. */
struct mark {
    size_t links, addrs, routes, rules, mpls, hops, route_hop;
};

static struct mark mark(const struct kr_nv *n)
{
    return (struct mark){n->v->n_links, n->v->n_addrs, n->v->n_routes, n->v->n_rules,
                         n->v->n_mpls,  n->n_hops,     n->n_route_hop};
}

static void back_to(struct kr_nv *n, const struct mark *m)
{
    n->v->n_links = m->links;
    n->v->n_addrs = m->addrs;
    n->v->n_routes = m->routes;
    n->v->n_rules = m->rules;
    n->v->n_mpls = m->mpls;
    n->n_hops = m->hops;
    n->n_route_hop = m->route_hop;
}

struct part {
    const char *what;
    int type;
    const void *header;
    size_t len;
    kr_rt_row row;
};

/* Without a family in the kernel its dumps are refused, and there is nothing of it either. */
static bool is_absent(const struct kr_err *e)
{
    return e->sys == EAFNOSUPPORT || e->sys == EOPNOTSUPP;
}

static int read_part(struct kr_nv *n, struct kr_rt *rt, const struct part *p, struct kr_err *e)
{
    const struct mark m = mark(n);
    for (int tries = 0; tries < TRIES; tries++) {
        struct kr_err why = {0};
        int got = kr_rt_dump(rt, p->type, p->header, p->len, p->row, n, &why);
        if (got == 0 || (got < 0 && is_absent(&why)))
            return 0;
        back_to(n, &m);
        if (got < 0) {
            if (e)
                *e = why;
            return kr_wrap(e, "reading %s", p->what);
        }
    }
    return kr_fail(e, KR_UNKNOWN, EINTR, "reading %s: they changed each of %d times", p->what,
                   TRIES);
}

/* Links and addresses come first, so that a reading can stop behind them. */
#define LINKS_AND_ADDRESSES 3

/* Asked for the routes of a family it does not have, the kernel shows those of all others. */
static bool has_mpls(void)
{
    return access("/proc/sys/net/mpls", F_OK) == 0 || errno != ENOENT ||
           access("/proc/sys/net/core", F_OK) != 0;
}

static int read_parts(struct kr_nv *n, struct kr_rt *rt, bool all, struct kr_err *e)
{
    /* IFLA_EXT_MASK behind the header: no statistics (RTEXT_FILTER_SKIP_STATS, Linux 5.0). */
    static const struct {
        struct ifinfomsg h;
        struct rtattr a;
        uint32_t mask;
    } link = {.a = {.rta_len = RTA_LENGTH(4), .rta_type = IFLA_EXT_MASK}, .mask = 1 << 3};
    static const struct ifaddrmsg addr4 = {.ifa_family = AF_INET}, addr6 = {.ifa_family = AF_INET6};
    static const struct rtmsg route4 = {.rtm_family = AF_INET}, route6 = {.rtm_family = AF_INET6};
    static const struct rtmsg mpls = {.rtm_family = AF_MPLS};
    static const struct fib_rule_hdr rule4 = {.family = AF_INET}, rule6 = {.family = AF_INET6};
    static const struct part parts[] = {
        {"links", RTM_GETLINK, &link, sizeof link, kr_nv_link},
        {"IPv4 addresses", RTM_GETADDR, &addr4, sizeof addr4, kr_nv_addr},
        {"IPv6 addresses", RTM_GETADDR, &addr6, sizeof addr6, kr_nv_addr},
        {"IPv4 routes", RTM_GETROUTE, &route4, sizeof route4, kr_nv_route4},
        {"IPv6 routes", RTM_GETROUTE, &route6, sizeof route6, kr_nv_route6},
        {"MPLS routes", RTM_GETROUTE, &mpls, sizeof mpls, kr_nv_mpls},
        {"IPv4 rules", RTM_GETRULE, &rule4, sizeof rule4, kr_nv_rule4},
        {"IPv6 rules", RTM_GETRULE, &rule6, sizeof rule6, kr_nv_rule6},
    };
    static const struct nhmsg nexthop;
    static const struct part hops = {"nexthops", RTM_GETNEXTHOP, &nexthop, sizeof nexthop,
                                     kr_nv_nexthop};
    for (size_t i = 0; i < (all ? sizeof parts / sizeof *parts : LINKS_AND_ADDRESSES); i++)
        if ((parts[i].header != &mpls || has_mpls()) && read_part(n, rt, &parts[i], e))
            return -1;
    if (!n->pending)
        return 0;
    return read_part(n, rt, &hops, e) ? -1 : kr_nv_resolve(n, e);
}

static int by_index(const void *a, const void *b)
{
    const struct kr_link *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The device below each PPPoE session (drivers/net/ppp/pppoe.c); there is no netlink for it. */
static int read_pppoe(struct kr_nv *n, struct kr_err *e)
{
    char line[128], device[IFNAMSIZ];
    FILE *in = fopen("/proc/thread-self/net/pppoe", "re");
    if (!in)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "/proc/net/pppoe");
    struct kr_netview *v = n->v;
    while (fgets(line, sizeof line, in)) {
        const struct kr_link *l;
        if (sscanf(line, "%*s %*s %15s", device) != 1 || !(l = kr_netview_link_named(v, device)))
            continue;
        v->pppoe = kr_grow(v->pppoe, &n->cap_pppoe, v->n_pppoe + 1, sizeof *v->pppoe);
        v->pppoe[v->n_pppoe++] = l->index;
    }
    int bad = ferror(in);
    fclose(in);
    return bad ? kr_fail(e, KR_UNKNOWN, 0, "/proc/net/pppoe can't be read") : 0;
}

/* The dumps are made one after the other. A device that came between them shows as an index that
 * nothing has. */
static bool fits(const struct kr_netview *v)
{
    for (size_t i = 0; i < v->n_addrs; i++)
        if (!kr_netview_link(v, v->addrs[i].index))
            return false;
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].oif && !kr_netview_link(v, v->routes[i].oif))
            return false;
    return true;
}

static int read_once(struct kr_netview *v, struct kr_rt *rt, bool all, struct kr_err *e)
{
    struct kr_nv n = {.v = v};
    memset(v, 0, sizeof *v);
    int bad = read_parts(&n, rt, all, e);
    if (!bad && v->n_links)
        qsort(v->links, v->n_links, sizeof *v->links, by_index);
    if (!bad && all)
        bad = read_pppoe(&n, e);
    free(n.hops);
    free(n.route_hop);
    if (!bad)
        return fits(v) ? 0 : 1;
    kr_netview_free(v);
    return -1;
}

static int read_view(struct kr_netview *v, bool all, struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    memset(v, 0, sizeof *v);
    if (kr_rt_open(&rt, e))
        return -1;
    for (int tries = 0; tries < TRIES; tries++) {
        struct kr_err why = {0};
        int got = read_once(v, &rt, all, &why);
        if (got < 0 && e)
            *e = why;
        if (got <= 0)
            return got;
        kr_netview_free(v);
    }
    return kr_fail(e, KR_UNKNOWN, EINTR, "reading links, addresses and routes: they do not fit");
}

int kr_netview_read(struct kr_netview *v, struct kr_err *e)
{
    return read_view(v, true, e);
}

int kr_netview_read_addresses(struct kr_netview *v, struct kr_err *e)
{
    return read_view(v, false, e);
}

void kr_netview_free(struct kr_netview *v)
{
    free(v->links);
    free(v->addrs);
    free(v->routes);
    free(v->rules);
    free(v->mpls);
    free(v->pppoe);
    memset(v, 0, sizeof *v);
}

/* A view that was made by hand need not be sorted: then the search goes on one by one. */
const struct kr_link *kr_netview_link(const struct kr_netview *v, unsigned index)
{
    size_t lo = 0, hi = v->n_links;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v->links[mid].index == index)
            return &v->links[mid];
        if (v->links[mid].index < index)
            lo = mid + 1;
        else
            hi = mid;
    }
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

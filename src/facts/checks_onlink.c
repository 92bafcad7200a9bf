#include "asks.h"
#include "checks_exempt_internal.h"
#include "lan_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/prefixset.h>
#include <kr/rt.h>

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define MOST_PREFIXES 256 /* asked for; of more, ones spread over all of them */
#define MOST_INSIDE 512   /* routes inside exempt prefixes */
#define SEED UINT64_C(0x6b756d6f6c616e)

struct onlink {
    const struct kr_scene *scene;
    const struct kr_netview *v;
    struct kr_asks asks; /* why: the struct kr_exempt */
    size_t inside;
};

static void say_exempt(const struct kr_exempt *x, char out[static KR_ADDRSTRLEN + IFNAMSIZ])
{
    char s[KR_ADDRSTRLEN];
    snprintf(out, KR_ADDRSTRLEN + IFNAMSIZ, "%s on %s", kr_prefix_str(&x->prefix, s), x->ifname);
}

/* As mail goes, and as the network is without our rule. */
static void ask(struct onlink *o, const struct kr_exempt *x, const struct kr_addr *to)
{
    struct kr_prefix link_local;
    bool scoped =
        kr_prefix_parse("fe80::/10", &link_local, NULL) == 0 && kr_prefix_has(&link_local, to);
    const uint16_t ports[] = {0, o->scene->ports[0]};
    for (size_t i = 0; i < (o->scene->standing ? 2 : 1); i++) {
        struct kr_lookup *l = kr_asks_add(&o->asks, to, x);
        l->dport = ports[i];
        l->bound = scoped ? x->index : 0;
    }
}

/* splitmix64: the same addresses each time, so that a finding can be looked into. */
static uint64_t any_number(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct kr_addr any_address(const struct kr_prefix *p, uint64_t *state)
{
    const struct kr_addr last = kr_prefix_last(p);
    struct kr_addr a = p->addr;
    for (size_t i = 0; i < sizeof a.b; i++)
        a.b[i] |= (uint8_t)((a.b[i] ^ last.b[i]) & any_number(state));
    return a;
}

static void ask_edges(struct onlink *o)
{
    const struct kr_lan *lan = o->scene->lan;
    size_t step = (lan->n + MOST_PREFIXES - 1) / MOST_PREFIXES;
    uint64_t state = SEED;
    for (size_t i = 0; i < lan->n; i += step) {
        const struct kr_exempt *x = &lan->v[i];
        const struct kr_addr last = kr_prefix_last(&x->prefix);
        const struct kr_addr any = any_address(&x->prefix, &state);
        ask(o, x, &x->prefix.addr);
        ask(o, x, &last);
        ask(o, x, &any);
    }
}

/* What a longer route inside an exempt prefix leads elsewhere. */
static void ask_inside(struct onlink *o)
{
    const struct kr_lan *lan = o->scene->lan;
    const struct kr_link *hole = kr_netview_link_named(o->v, KR_HOLE_NAME);
    struct kr_lan_routes routes;
    kr_lan_routes(o->v, hole ? hole->index : 0, &routes);
    for (size_t i = 0; i < lan->n; i++) {
        const struct kr_exempt *x = &lan->v[i];
        for (size_t k = kr_lan_from(&routes, &x->prefix);
             k < routes.n && kr_prefix_covers(&x->prefix, &routes.v[k]->dst); k++) {
            bool same = routes.v[k]->oif == x->index && !routes.v[k]->has_gateway;
            if (same || !kr_lan_same_family(&routes.v[k]->dst, &x->prefix) ||
                o->inside++ >= MOST_INSIDE)
                continue;
            const struct kr_addr last = kr_prefix_last(&routes.v[k]->dst);
            ask(o, x, &routes.v[k]->dst.addr);
            if (kr_addr_cmp(&last, &routes.v[k]->dst.addr))
                ask(o, x, &last); /* the first one of an IPv6 network is this host's anycast */
        }
    }
    kr_lan_routes_free(&routes);
}

/* Several devices may have the same prefix; then any of them will do. */
static bool is_way(const struct kr_lan *lan, const struct kr_exempt *x, const struct kr_lookup *l)
{
    if (l->out == x->index)
        return !l->has_gateway || (x->has_gateway && kr_addr_cmp(&x->gateway, &l->gateway) == 0);
    for (size_t i = 0; i < lan->n; i++)
        if (lan->v[i].index == l->out && kr_prefix_has(&lan->v[i].prefix, &l->to))
            return !l->has_gateway;
    return false;
}

static void judge(const struct onlink *o, size_t i, struct kr_result *r)
{
    const struct kr_lookup *l = &o->asks.v[i];
    const struct kr_exempt *x = o->asks.why[i];
    const struct kr_link *hole = kr_netview_link_named(o->v, KR_HOLE_NAME);
    char object[KR_ADDRSTRLEN + IFNAMSIZ], to[KR_ADDRSTRLEN], way[KR_WAYSTRLEN], port[32] = "";
    if (kr_asks_nowhere(l) || kr_asks_here(l) || (hole && l->out == hole->index) ||
        (!l->error && is_way(o->scene->lan, x, l)))
        return;
    say_exempt(x, object);
    if (l->dport)
        snprintf(port, sizeof port, " port %u", l->dport);
    struct kr_evidence *ev =
        kr_result_add(r, l->error ? KR_IN_DOUBT : KR_BROKEN, object, "%s%s in it is reached by %s",
                      kr_addr_str(&l->to, to), port, kr_asks_way(l, o->v, way));
    memcpy(ev->ifname, x->ifname, sizeof ev->ifname);
}

static void say_bounds(const struct onlink *o, struct kr_result *r)
{
    size_t n = o->scene->lan->n;
    if (n > MOST_PREFIXES)
        kr_result_add(r, KR_HOLDS, "exempt prefixes",
                      "of %zu about %d were asked for, and every route inside any of them", n,
                      MOST_PREFIXES);
    if (o->inside > MOST_INSIDE)
        kr_result_add(r, KR_IN_DOUBT, "exempt prefixes",
                      "%zu routes inside them lead elsewhere; only %d were looked up", o->inside,
                      MOST_INSIDE);
}

int kr_check_onlink(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct onlink o = {.scene = s, .v = kr_scene_view(s, e)};
    if (!o.v)
        return -1;
    if (!s->lan || !s->lan->n)
        return 0;
    ask_inside(&o);
    ask_edges(&o);
    int bad = kr_lookup_run(o.asks.v, o.asks.n, e);
    for (size_t i = 0; i < o.asks.n && !bad; i++)
        judge(&o, i, r);
    say_bounds(&o, r);
    kr_asks_free(&o.asks);
    return bad;
}

int kr_check_public(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    (void)e;
    for (size_t i = 0; s->lan && i < s->lan->n; i++) {
        const struct kr_exempt *x = &s->lan->v[i];
        char object[KR_ADDRSTRLEN + IFNAMSIZ];
        if (kr_prefix_is_private(&x->prefix))
            continue;
        say_exempt(x, object);
        struct kr_evidence *ev =
            kr_result_add(r, KR_BROKEN, object, "is not private space: it may hold a real MX");
        memcpy(ev->ifname, x->ifname, sizeof ev->ifname);
    }
    return 0;
}

bool kr_is_own(const struct kr_netview *v, const struct kr_addr *a)
{
    for (size_t i = 0; i < v->n_addrs; i++)
        if (kr_addr_cmp(&v->addrs[i].addr, a) == 0)
            return true;
    return kr_addr_is_loopback(a);
}

const struct kr_exempt *kr_exempt_of(const struct kr_lan *lan, const struct kr_addr *a,
                                     unsigned index)
{
    for (size_t i = 0; lan && i < lan->n; i++)
        if ((!index || lan->v[i].index == index) && kr_prefix_has(&lan->v[i].prefix, a))
            return &lan->v[i];
    return NULL;
}

static int by_way(const void *a, const void *b)
{
    const struct kr_route *x = a, *y = b;
    int c = kr_addr_cmp(&x->gateway, &y->gateway);
    return c ? c : (x->oif > y->oif) - (x->oif < y->oif);
}

/* Those that may be exempt, sorted. */
static size_t candidates(const struct kr_scene *s, const struct kr_netview *v,
                         struct kr_route *list)
{
    struct kr_prefixset exempt = {0};
    size_t n = 0;
    for (size_t i = 0; s->lan && i < s->lan->n; i++)
        kr_prefixset_add(&exempt, &s->lan->v[i].prefix);
    kr_prefixset_normalize(&exempt);
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].has_gateway && v->routes[i].table != KR_RT_TABLE &&
            kr_prefixset_find(&exempt, &v->routes[i].gateway))
            list[n++] = v->routes[i];
    kr_prefixset_free(&exempt);
    qsort(list, n, sizeof *list, by_way);
    return n;
}

size_t kr_exempt_gateways(const struct kr_scene *s, const struct kr_netview *v,
                          struct kr_route **out)
{
    struct kr_route *list = kr_calloc(v->n_routes, sizeof *list);
    size_t n = candidates(s, v, list), kept = 0;
    for (size_t i = 0; i < n; i++)
        if ((!i || by_way(&list[i - 1], &list[i])) &&
            kr_exempt_of(s->lan, &list[i].gateway, list[i].oif))
            list[kept++] = list[i];
    *out = list;
    return kept;
}

int kr_check_gateway(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    KR_AUTO_FREE struct kr_route *gateways = NULL;
    if (!v)
        return -1;
    size_t n = kr_exempt_gateways(s, v, &gateways);
    for (size_t i = 0; i < n; i++) {
        const struct kr_exempt *x = kr_exempt_of(s->lan, &gateways[i].gateway, gateways[i].oif);
        char gw[KR_ADDRSTRLEN], object[KR_ADDRSTRLEN + IFNAMSIZ];
        if (!x)
            continue;
        say_exempt(x, object);
        struct kr_evidence *ev =
            kr_result_add(r, KR_BROKEN, object,
                          "the gateway %s is in it: mail to that address is let through, and a "
                          "router may relay it",
                          kr_addr_str(&gateways[i].gateway, gw));
        memcpy(ev->ifname, x->ifname, sizeof ev->ifname);
    }
    return 0;
}

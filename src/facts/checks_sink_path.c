#include "asks.h"
#include "checks_exempt_internal.h"

#include <kr/rt.h>

#include <stdio.h>
#include <string.h>

#define MOST_INSIDE 64

struct path {
    const struct kr_scene *scene;
    const struct kr_netview *v;
    const struct kr_endpoint *sink;
    struct kr_asks asks;
    bool own;
};

static bool within(const struct kr_endpoint *sink, const struct kr_addr *a)
{
    return kr_addr_cmp(&sink->first, a) <= 0 && kr_addr_cmp(a, &sink->last) <= 0;
}

/* What is redirected is looked up without ports at first, and with them once it is connected. */
static void ask(struct path *p, const struct kr_addr *to)
{
    kr_asks_add(&p->asks, to, NULL);
    kr_asks_add(&p->asks, to, NULL)->dport = p->sink->port;
}

static void ask_all(struct path *p)
{
    ask(p, &p->sink->first);
    if (kr_addr_cmp(&p->sink->first, &p->sink->last))
        ask(p, &p->sink->last);
    for (size_t i = 0, n = 0; i < p->v->n_routes && n < MOST_INSIDE; i++) {
        const struct kr_route *r = &p->v->routes[i];
        if (r->protocol == KR_RT_PROTOCOL || !within(p->sink, &r->dst.addr) ||
            kr_addr_cmp(&p->sink->first, &r->dst.addr) == 0)
            continue;
        ask(p, &r->dst.addr);
        n++;
    }
}

/* What is wrong with the way of one address, or NULL. */
static const char *wrong(const struct path *p, const struct kr_lookup *l)
{
    const struct kr_exempt *x = kr_exempt_of(p->scene->lan, &l->to, 0);
    if (p->own)
        return kr_asks_here(l) ? NULL : "the sink is on this host, but its address is reached by";
    if (kr_asks_here(l))
        return "the sink is another host, but its address is";
    if (kr_asks_nowhere(l))
        return NULL; /* the sink is not reached: own-sink says so */
    if (l->has_gateway)
        return "mail for the sink leaves through a gateway:";
    return x && !kr_exempt_of(p->scene->lan, &l->to, l->out)
               ? "the sink's network is exempt on another device than"
               : NULL;
}

static void judge(const struct path *p, struct kr_result *r)
{
    for (size_t i = 0; i < p->asks.n; i++) {
        const struct kr_lookup *l = &p->asks.v[i];
        char object[KR_ADDRSTRLEN + 32], a[KR_ADDRSTRLEN], way[KR_WAYSTRLEN];
        const char *why = wrong(p, l);
        if (!why)
            continue;
        snprintf(object, sizeof object, "sink %s%s", kr_addr_str(&l->to, a),
                 l->dport ? " by its port" : "");
        kr_result_add(r, KR_BROKEN, object, "%s %s", why, kr_asks_way(l, p->v, way));
    }
}

/* The range of the built-in sink belongs to nobody else. */
static void judge_range(const struct path *p, struct kr_result *r)
{
    char a[KR_ADDRSTRLEN];
    for (size_t i = 0; i < p->v->n_addrs; i++) {
        const struct kr_link *l = kr_netview_link(p->v, p->v->addrs[i].index);
        if (within(p->sink, &p->v->addrs[i].addr))
            kr_result_add(r, KR_BROKEN, kr_addr_str(&p->v->addrs[i].addr, a),
                          "is in the sink's range, and an address of %s: neighbours may reach it",
                          l ? l->name : "a device");
    }
    for (size_t i = 0; p->scene->lan && i < p->scene->lan->n; i++)
        if (within(p->sink, &p->scene->lan->v[i].prefix.addr) ||
            kr_prefix_has(&p->scene->lan->v[i].prefix, &p->sink->first))
            kr_result_add(r, KR_BROKEN, kr_prefix_str(&p->scene->lan->v[i].prefix, a),
                          "is exempt on %s and overlaps the sink's range",
                          p->scene->lan->v[i].ifname);
}

static int check_one(struct path *p, struct kr_result *r, struct kr_err *e)
{
    p->own = p->scene->builtin || kr_is_own(p->v, &p->sink->first);
    if (p->scene->builtin)
        judge_range(p, r);
    if (p->scene->builtin && !p->scene->standing)
        return 0; /* its addresses become local by up */
    ask_all(p);
    int bad = kr_lookup_run(p->asks.v, p->asks.n, e);
    if (!bad)
        judge(p, r);
    kr_asks_free(&p->asks);
    return bad;
}

int kr_check_sink_path(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    const struct kr_endpoint *const sinks[] = {s->sink4, s->sink6};
    if (!v)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        struct path p = {.scene = s, .v = v, .sink = sinks[i]};
        if (sinks[i] && check_one(&p, r, e))
            return -1;
    }
    return 0;
}

#include "failsafe_internal.h"

#include <kr/mem.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#define METRIC6 1024u /* what IPv6 gives a route that names none */

static int cmp(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* The kernel's key of a route: no two routes have the same. */
static int cmp_key(const void *a, const void *b)
{
    const struct kr_route *x = a, *y = b;
    int c = cmp(x->family, y->family);
    c = c ? c : cmp(x->table, y->table);
    c = c ? c : kr_prefix_cmp(&x->dst, &y->dst);
    return c ? c : cmp(x->metric, y->metric);
}

static uint32_t flags_of(const struct kr_route *r)
{
    return 1u * r->has_gateway | 2u * r->has_source | 4u * r->has_encap | 8u * r->multipath |
           16u * r->odd;
}

static int cmp_route(const void *a, const void *b)
{
    const struct kr_route *x = a, *y = b;
    /* IPv6 shows unreachable routes on lo. */
    bool device = x->type != RTN_UNREACHABLE;
    int c = cmp_key(a, b);
    c = c ? c : cmp(x->type, y->type);
    c = c ? c : cmp(x->scope, y->scope);
    c = c ? c : cmp(x->protocol, y->protocol);
    c = c ? c : cmp(flags_of(x), flags_of(y));
    c = c || !device ? c : cmp(x->oif, y->oif);
    c = c || !x->has_gateway ? c : kr_addr_cmp(&x->gateway, &y->gateway);
    return c || !x->has_source ? c : kr_addr_cmp(&x->source, &y->source);
}

static int cmp_rule(const void *a, const void *b)
{
    const struct kr_fibrule *x = a, *y = b;
    int c = cmp((uint64_t)x->family, (uint64_t)y->family);
    c = c ? c : cmp(x->priority, y->priority);
    c = c ? c : cmp(x->table, y->table);
    c = c ? c : cmp(x->action, y->action);
    c = c ? c : cmp(x->protocol, y->protocol);
    c = c ? c : cmp(x->ipproto, y->ipproto);
    c = c ? c : cmp(x->dport_first, y->dport_first);
    c = c ? c : cmp(x->dport_last, y->dport_last);
    c = c ? c : cmp(x->invert, y->invert);
    return c ? c : cmp(x->other_selectors, y->other_selectors);
}

static void sort(struct kr_fs_state *s)
{
    if (s->n_routes)
        qsort(s->routes, s->n_routes, sizeof *s->routes, cmp_route);
    if (s->n_rules)
        qsort(s->rules, s->n_rules, sizeof *s->rules, cmp_rule);
}

bool kr_fs_has_route(const struct kr_fs_state *s, const struct kr_route *r)
{
    return s->n_routes && bsearch(r, s->routes, s->n_routes, sizeof *r, cmp_route);
}

bool kr_fs_has_key(const struct kr_fs_state *s, const struct kr_route *r)
{
    return s->n_routes && bsearch(r, s->routes, s->n_routes, sizeof *r, cmp_key);
}

bool kr_fs_has_rule(const struct kr_fs_state *s, const struct kr_fibrule *r)
{
    return s->n_rules && bsearch(r, s->rules, s->n_rules, sizeof *r, cmp_rule);
}

static void add_route(struct kr_fs_state *s, const struct kr_route *r)
{
    s->routes = kr_grow(s->routes, &s->cap_routes, s->n_routes + 1, sizeof *r);
    s->routes[s->n_routes++] = *r;
}

static void add_rule(struct kr_fs_state *s, const struct kr_fibrule *r)
{
    s->rules = kr_grow(s->rules, &s->cap_rules, s->n_rules + 1, sizeof *r);
    s->rules[s->n_rules++] = *r;
}

void kr_fs_have(const struct kr_netview *v, struct kr_fs_state *out)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].protocol == KR_RT_PROTOCOL)
            add_route(out, &v->routes[i]);
    for (size_t i = 0; i < v->n_rules; i++)
        if (v->rules[i].protocol == KR_RT_PROTOCOL)
            add_rule(out, &v->rules[i]);
    sort(out);
}

static struct kr_route plain_route(int family, const struct kr_prefix *p, uint32_t metric)
{
    return (struct kr_route){.family = (uint8_t)family,
                             .dst = *p,
                             .table = KR_RT_TABLE,
                             .metric = metric,
                             .type = RTN_UNICAST,
                             .scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                             .protocol = KR_RT_PROTOCOL};
}

static void want_default(struct kr_fs_state *s, int family, const struct kr_link *hole,
                         const struct kr_addr *source)
{
    const struct kr_addr zero = kr_addr_make(family, (uint8_t[16]){0});
    const struct kr_prefix any = kr_prefix_make(&zero, family == AF_INET ? 96 : 0);
    struct kr_route r = plain_route(family, &any, KR_LAST_METRIC);
    r.type = RTN_UNREACHABLE;
    r.scope = RT_SCOPE_UNIVERSE;
    add_route(s, &r);
    if (!source)
        return;
    r = plain_route(family, &any, 1);
    r.oif = hole ? hole->index : 0;
    r.has_source = true;
    r.source = *source;
    add_route(s, &r);
}

/* Several devices may have the same prefix (fe80::/64): the metric tells them apart. */
static void want_lan(struct kr_fs_state *s, const struct kr_exempt *x)
{
    int family = kr_prefix_is_v4(&x->prefix) ? AF_INET : AF_INET6;
    struct kr_route r = plain_route(family, &x->prefix, x->index);
    r.oif = x->index;
    r.has_source = x->has_source;
    r.source = x->source;
    r.has_gateway = x->has_gateway;
    r.gateway = x->gateway;
    if (x->has_gateway)
        r.scope = RT_SCOPE_UNIVERSE;
    add_route(s, &r);
}

static void want_local(struct kr_fs_state *s, const struct kr_netview *v, const struct kr_prefix *p)
{
    bool v4 = kr_prefix_is_v4(p);
    struct kr_route r = plain_route(v4 ? AF_INET : AF_INET6, p, v4 ? 0 : METRIC6);
    r.table = RT_TABLE_LOCAL;
    r.type = RTN_LOCAL;
    r.scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    for (size_t i = 0; i < v->n_links; i++)
        if (v->links[i].flags & IFF_LOOPBACK)
            r.oif = v->links[i].index;
    add_route(s, &r);
}

static void want_rules(struct kr_fs_state *s, const struct kr_failsafe *f, int family)
{
    for (size_t i = 0; i < f->n_ports; i++) {
        const struct kr_fibrule r = {.family = family,
                                     .priority = KR_RULE_PRIORITY,
                                     .table = KR_RT_TABLE,
                                     .action = FR_ACT_TO_TBL,
                                     .protocol = KR_RT_PROTOCOL,
                                     .ipproto = IPPROTO_TCP,
                                     .dport_first = f->ports[i],
                                     .dport_last = f->ports[i]};
        add_rule(s, &r);
    }
}

/* A kernel that was booted without IPv6 shows nothing of it at all. */
static bool has_inet6(const struct kr_netview *v)
{
    for (size_t i = 0; i < v->n_rules; i++)
        if (v->rules[i].family == AF_INET6)
            return true;
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].family == AF_INET6)
            return true;
    return false;
}

void kr_fs_want(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_fs_state *out)
{
    const struct kr_link *hole = kr_fs_hole(v);
    bool v6 = has_inet6(v);
    memset(out, 0, sizeof *out);
    want_default(out, AF_INET, hole, f->hole4 ? &f->source4 : NULL);
    want_rules(out, f, AF_INET);
    if (v6) {
        want_default(out, AF_INET6, hole, f->hole6 ? &f->source6 : NULL);
        want_rules(out, f, AF_INET6);
    }
    for (size_t i = 0; f->lan && i < f->lan->n; i++)
        if (v6 || kr_prefix_is_v4(&f->lan->v[i].prefix))
            want_lan(out, &f->lan->v[i]);
    for (size_t i = 0; i < f->n_local; i++)
        if (v6 || kr_prefix_is_v4(&f->local[i]))
            want_local(out, v, &f->local[i]);
    sort(out);
}

void kr_fs_free(struct kr_fs_state *s)
{
    free(s->routes);
    free(s->rules);
    memset(s, 0, sizeof *s);
}

#include "failsafe_internal.h"

#include <kr/buf.h>
#include <kr/mem.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#define LAST_METRIC 999
#define METRIC6 1024 /* what IPv6 gives a route that names none */

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

static int by_prefix(const void *a, const void *b)
{
    const struct kr_route *x = a, *y = b;
    return kr_prefix_cmp(&x->dst, &y->dst);
}

static void sort(struct kr_fs_state *s)
{
    if (s->n_routes)
        qsort(s->routes, s->n_routes, sizeof *s->routes, by_prefix);
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

static struct kr_prefix anywhere(bool v4)
{
    struct kr_addr zero = kr_addr_make(v4 ? AF_INET : AF_INET6, (uint8_t[16]){0});
    return kr_prefix_make(&zero, v4 ? 96 : 0);
}

static void want_default(struct kr_fs_state *s, const struct kr_netview *v, bool v4, bool hole,
                         const struct kr_addr *source)
{
    const struct kr_link *l = kr_netview_link_named(v, KR_HOLE_NAME);
    struct kr_route r = {.dst = anywhere(v4),
                         .table = KR_RT_TABLE,
                         .metric = LAST_METRIC,
                         .type = RTN_UNREACHABLE,
                         .protocol = KR_RT_PROTOCOL};
    add_route(s, &r);
    if (!hole)
        return;
    r.metric = 1;
    r.type = RTN_UNICAST;
    r.scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    r.oif = l ? l->index : 0;
    r.has_source = true;
    r.source = *source;
    add_route(s, &r);
}

/* The address the host itself would use toward an exempt network: its own in there, if any. */
static bool own_address(const struct kr_netview *v, const struct kr_exempt *x, struct kr_addr *out)
{
    for (size_t i = 0; i < v->n_addrs; i++) {
        const struct kr_ifaddr *a = &v->addrs[i];
        struct kr_prefix p = kr_prefix_make(&a->peer, a->len);
        if (a->index == x->index && kr_addr_is_v4(&a->addr) && kr_prefix_covers(&p, &x->prefix)) {
            *out = a->addr;
            return true;
        }
    }
    return false;
}

/* Where the main table sends an exempt network that is behind a gateway (a waiver allowed it). */
static const struct kr_route *routed(const struct kr_fs_state *gateways, const struct kr_exempt *x)
{
    const struct kr_route *best = NULL;
    for (size_t i = 0; i < gateways->n_routes; i++) {
        const struct kr_route *r = &gateways->routes[i];
        if (kr_prefix_is_v4(&r->dst) == kr_prefix_is_v4(&x->prefix) &&
            kr_prefix_covers(&r->dst, &x->prefix) && (!best || r->dst.len > best->dst.len))
            best = r;
    }
    return best && best->has_gateway ? best : NULL;
}

static void main_routes(const struct kr_netview *v, struct kr_fs_state *out)
{
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].table == RT_TABLE_MAIN && v->routes[i].type == RTN_UNICAST)
            add_route(out, &v->routes[i]);
}

static void want_lan(struct kr_fs_state *s, const struct kr_netview *v,
                     const struct kr_fs_state *gateways, const struct kr_exempt *x)
{
    bool v4 = kr_prefix_is_v4(&x->prefix);
    struct kr_route r = {.dst = x->prefix,
                         .table = KR_RT_TABLE,
                         .metric = x->index,
                         .type = RTN_UNICAST,
                         .scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                         .protocol = KR_RT_PROTOCOL,
                         .oif = x->index};
    const struct kr_route *via = routed(gateways, x);
    if (via) {
        r.has_gateway = true;
        r.gateway = via->gateway;
        r.scope = RT_SCOPE_UNIVERSE;
    }
    r.has_source = own_address(v, x, &r.source);
    add_route(s, &r);
}

static void want_local(struct kr_fs_state *s, const struct kr_netview *v, const struct kr_prefix *p)
{
    bool v4 = kr_prefix_is_v4(p);
    struct kr_route r = {.dst = *p,
                         .table = RT_TABLE_LOCAL,
                         .type = RTN_LOCAL,
                         .metric = v4 ? 0 : METRIC6,
                         .scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
                         .protocol = KR_RT_PROTOCOL};
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

/* Without IPv6 in the kernel there are no rules of it, not even the one for the local table. */
static bool has_family(const struct kr_netview *v, int family)
{
    for (size_t i = 0; i < v->n_rules; i++)
        if (v->rules[i].family == family)
            return true;
    return false;
}

void kr_fs_want(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_fs_state *out)
{
    bool v6 = has_family(v, AF_INET6);
    memset(out, 0, sizeof *out);
    want_default(out, v, true, f->hole4, &f->source4);
    if (v6)
        want_default(out, v, false, f->hole6, &f->source6);
    struct kr_fs_state gateways = {0};
    main_routes(v, &gateways);
    for (size_t i = 0; f->lan && i < f->lan->n; i++)
        want_lan(out, v, &gateways, &f->lan->v[i]);
    kr_fs_free(&gateways);
    for (size_t i = 0; i < f->n_local; i++)
        if (v6 || kr_prefix_is_v4(&f->local[i]))
            want_local(out, v, &f->local[i]);
    want_rules(out, f, AF_INET);
    if (v6)
        want_rules(out, f, AF_INET6);
    sort(out);
}

static bool same_route(const struct kr_route *a, const struct kr_route *b)
{
    /* IPv6 shows unreachable routes on lo. */
    bool device = a->type == RTN_UNREACHABLE || a->oif == b->oif;
    return kr_prefix_cmp(&a->dst, &b->dst) == 0 && a->table == b->table && a->type == b->type &&
           a->metric == b->metric && device && a->has_gateway == b->has_gateway &&
           (!a->has_gateway || kr_addr_cmp(&a->gateway, &b->gateway) == 0) &&
           a->has_source == b->has_source &&
           (!a->has_source || kr_addr_cmp(&a->source, &b->source) == 0);
}

bool kr_fs_has_route(const struct kr_fs_state *s, const struct kr_route *r)
{
    size_t lo = 0, hi = s->n_routes;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (by_prefix(&s->routes[mid], r) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < s->n_routes && by_prefix(&s->routes[lo], r) == 0; lo++)
        if (same_route(&s->routes[lo], r))
            return true;
    return false;
}

bool kr_fs_has_rule(const struct kr_fs_state *s, const struct kr_fibrule *r)
{
    for (size_t i = 0; i < s->n_rules; i++) {
        const struct kr_fibrule *x = &s->rules[i];
        if (x->family == r->family && x->priority == r->priority && x->table == r->table &&
            x->action == r->action && x->ipproto == r->ipproto &&
            x->dport_first == r->dport_first && x->dport_last == r->dport_last &&
            x->other_selectors == r->other_selectors)
            return true;
    }
    return false;
}

static bool takes_port(const struct kr_fibrule *r, const struct kr_failsafe *f)
{
    if (r->ipproto && r->ipproto != IPPROTO_TCP)
        return false;
    if (!r->dport_first && !r->dport_last)
        return true;
    for (size_t i = 0; i < f->n_ports; i++)
        if (r->dport_first <= f->ports[i] && f->ports[i] <= r->dport_last)
            return true;
    return false;
}

static bool local_first(const struct kr_fibrule *r)
{
    return r->priority == 0 && r->table == RT_TABLE_LOCAL && !r->other_selectors;
}

static bool strange_rules(const struct kr_failsafe *f, const struct kr_netview *v, int family,
                          struct kr_buf *out)
{
    bool local = false, any = false, ours = false;
    for (size_t i = 0; i < v->n_rules; i++) {
        const struct kr_fibrule *r = &v->rules[i];
        if (r->family != family || r->priority > KR_RULE_PRIORITY)
            continue;
        any = true;
        local |= local_first(r);
        ours |= r->protocol == KR_RT_PROTOCOL;
        if (local_first(r) || ours || !takes_port(r, f))
            continue;
        kr_buf_printf(out,
                      "failsafe: the IPv%c rule %u (lookup %u) stands ahead of ours (%u) and may "
                      "take tcp/%u; move it behind\n",
                      family == AF_INET ? '4' : '6', r->priority, r->table, KR_RULE_PRIORITY,
                      f->ports[0]);
        return true;
    }
    if (any && !local)
        kr_buf_printf(out, "failsafe: the IPv%c rule 'lookup local' is not the first one\n",
                      family == AF_INET ? '4' : '6');
    return any && !local;
}

bool kr_fs_strangers(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *out)
{
    bool strange = strange_rules(f, v, AF_INET, out);
    strange |= strange_rules(f, v, AF_INET6, out);
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].table == KR_RT_TABLE && v->routes[i].protocol != KR_RT_PROTOCOL) {
            kr_fs_say_route(out, "of somebody else", &v->routes[i]);
            strange = true;
        }
    return strange;
}

void kr_fs_say_route(struct kr_buf *out, const char *what, const struct kr_route *r)
{
    char s[KR_ADDRSTRLEN];
    kr_buf_printf(out, "failsafe: route %s (table %u, type %u, device %u, metric %u): %s\n",
                  kr_prefix_str(&r->dst, s), r->table, r->type, r->oif, r->metric, what);
}

void kr_fs_say_rule(struct kr_buf *out, const char *what, const struct kr_fibrule *r)
{
    kr_buf_printf(out, "failsafe: IPv%c rule %u ipproto tcp dport %u lookup %u: %s\n",
                  r->family == AF_INET ? '4' : '6', r->priority, r->dport_first, r->table, what);
}

void kr_fs_free(struct kr_fs_state *s)
{
    free(s->routes);
    free(s->rules);
    memset(s, 0, sizeof *s);
}

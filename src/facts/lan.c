#include "lan_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/prefixset.h>
#include <kr/strlist.h>

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

struct search {
    const struct kr_netview *v;
    const char *ignore;
    const struct kr_prefix *reserved;
    size_t n_reserved;
    bool allow_gateway;
    struct kr_lan_routes routes;
    struct kr_lan *out;
};

static bool same_way(const struct kr_route *a, const struct kr_route *b)
{
    return a->type == b->type && a->oif == b->oif && a->has_gateway == b->has_gateway &&
           (!a->has_gateway || kr_addr_cmp(&a->gateway, &b->gateway) == 0);
}

static void add(struct search *s, const struct kr_prefix *p, const struct kr_route *way)
{
    const struct kr_link *l = kr_netview_link(s->v, way->oif);
    struct kr_lan *lan = s->out;
    if (!l)
        return;
    lan->v = kr_grow(lan->v, &lan->cap, lan->n + 1, sizeof *lan->v);
    struct kr_exempt *x = &lan->v[lan->n++];
    memset(x, 0, sizeof *x);
    x->prefix = *p;
    x->index = l->index;
    memcpy(x->ifname, l->name, sizeof x->ifname);
    x->has_source = way->has_source;
    x->has_gateway = way->has_gateway;
    x->source = way->source;
    x->gateway = way->gateway;
}

static bool is_reserved(const struct search *s, const struct kr_prefix *p)
{
    for (size_t i = 0; i < s->n_reserved; i++)
        if (kr_prefix_overlaps(&s->reserved[i], p))
            return true;
    return false;
}

/* p without what is in `holes`, as the fewest prefixes: halves, until each is in or out. */
static void add_without(struct search *s, const struct kr_prefix *p,
                        const struct kr_prefixset *holes, const struct kr_route *way)
{
    if (!kr_prefixset_overlaps(holes, p)) {
        add(s, p, way);
        return;
    }
    if (kr_prefixset_covers(holes, p))
        return;
    struct kr_prefix low = kr_prefix_make(&p->addr, (uint8_t)(p->len + 1));
    struct kr_addr last = kr_prefix_last(p);
    struct kr_prefix high = kr_prefix_make(&last, (uint8_t)(p->len + 1));
    add_without(s, &low, holes, way);
    add_without(s, &high, holes, way);
}

/* Exempts p by `way`, without what longer routes inside it lead another way. With `all` those are
 * exempted too, each by its own way. */
static void take(struct search *s, const struct kr_prefix *p, const struct kr_route *way, bool all)
{
    const struct kr_lan_routes *r = &s->routes;
    struct kr_prefixset holes = {0};
    size_t i = kr_lan_from(r, p);
    while (i < r->n && kr_prefix_covers(p, &r->v[i]->dst)) {
        const struct kr_route *in = r->v[i++];
        if (in->dst.len == p->len || same_way(in, way) || !kr_lan_same_family(&in->dst, p))
            continue;
        kr_prefixset_add(&holes, &in->dst);
        if (all)
            take(s, &in->dst, in, true);
        while (i < r->n && kr_prefix_covers(&in->dst, &r->v[i]->dst))
            i++;
    }
    kr_prefixset_normalize(&holes);
    add_without(s, p, &holes, way);
    kr_prefixset_free(&holes);
}

/* The route that makes p on-link on this device, or NULL. */
static const struct kr_route *on_link(const struct search *s, const struct kr_prefix *p,
                                      unsigned index)
{
    const struct kr_lan_routes *r = &s->routes;
    size_t first = kr_lan_covering(r, p);
    for (size_t i = first; i < r->n && kr_prefix_cmp(&r->v[i]->dst, &r->v[first]->dst) == 0; i++)
        if (r->v[i]->type == RTN_UNICAST && r->v[i]->oif == index && !r->v[i]->has_gateway &&
            !r->v[i]->has_encap)
            return r->v[i];
    return NULL;
}

static void take_auto(struct search *s)
{
    for (size_t i = 0; i < s->v->n_addrs; i++) {
        const struct kr_ifaddr *a = &s->v->addrs[i];
        const struct kr_link *l = kr_netview_link(s->v, a->index);
        struct kr_prefix p = kr_prefix_make(&a->peer, a->len);
        bool own_only = a->len == 128 && kr_addr_cmp(&a->addr, &a->peer) == 0;
        if (!l || own_only || (l->flags & IFF_LOOPBACK) || strcmp(l->name, s->ignore) == 0 ||
            !kr_prefix_is_private(&p) || is_reserved(s, &p))
            continue;
        const struct kr_route *way = on_link(s, &p, a->index);
        if (way)
            take(s, &p, way, false);
    }
}

static const char *way_text(const struct search *s, const struct kr_route *r, char out[static 256])
{
    static const char *const names[] = {[RTN_BLACKHOLE] = "blackhole ",
                                        [RTN_UNREACHABLE] = "unreachable ",
                                        [RTN_PROHIBIT] = "prohibit ",
                                        [RTN_THROW] = "throw "};
    char dst[KR_ADDRSTRLEN], gw[KR_ADDRSTRLEN], table[32] = "";
    const struct kr_link *l = r->type == RTN_UNICAST ? kr_netview_link(s->v, r->oif) : NULL;
    const char *name = r->type < sizeof names / sizeof *names ? names[r->type] : NULL;
    if (r->table != RT_TABLE_MAIN)
        snprintf(table, sizeof table, " table %u", r->table);
    snprintf(out, 256, "%s%s%s%s%s%s%s", name ? name : "", kr_prefix_str(&r->dst, dst),
             r->has_gateway ? " via " : "", r->has_gateway ? kr_addr_str(&r->gateway, gw) : "",
             l ? " dev " : "", l ? l->name : "", table);
    return out;
}

/* What is wrong with exempting p by this route, when `lead` is the route of p as a whole. */
static int refuse(const struct search *s, const char *text, const struct kr_route *lead,
                  const struct kr_route *r, struct kr_err *e)
{
    char this[256], first[256];
    way_text(s, r, this);
    if (r->type != RTN_UNICAST)
        return kr_fail(e, KR_UNSAFE, 0,
                       "--lan '%s' is not a network of one link: the route '%s' "
                       "takes packets of it nowhere; exempt less",
                       text, this);
    if (r->has_encap)
        return kr_fail(e, KR_UNSAFE, 0,
                       "--lan '%s' is not on-link: the route '%s' encapsulates "
                       "its packets; exempt less",
                       text, this);
    if (r->oif != lead->oif)
        return kr_fail(e, KR_UNSAFE, 0,
                       "--lan '%s' is not a network of one link: the route '%s' leads to another "
                       "device than '%s'; exempt the network of each",
                       text, this, way_text(s, lead, first));
    return kr_fail(e, KR_UNSAFE, 0,
                   "--lan '%s' is not on-link: the route '%s' leads there through a gateway, which "
                   "may carry packets further; exempt a network of this host's own links, or "
                   "accept it with --allow lan-gateway=REASON",
                   text, this);
}

static int check_way(const struct search *s, const char *text, const struct kr_route *lead,
                     const struct kr_route *r, struct kr_err *e)
{
    if (r->type == RTN_UNICAST && r->oif == lead->oif && !r->has_encap &&
        (!r->has_gateway || s->allow_gateway))
        return 0;
    return refuse(s, text, lead, r, e);
}

/* Where a policy table has the longest route, the closest one of the main table must not be on-link
 * elsewhere: most packets would go by that. */
static int check_main(const struct search *s, const char *text, size_t first, struct kr_err *e)
{
    const struct kr_lan_routes *r = &s->routes;
    const struct kr_route *lead = r->v[first];
    size_t i = first;
    while (i != KR_LAN_NONE && r->v[i]->table != RT_TABLE_MAIN)
        i = r->up[i];
    if (i == KR_LAN_NONE || !kr_lan_same_family(&r->v[i]->dst, &lead->dst))
        return 0;
    bool on_link_there = r->v[i]->type == RTN_UNICAST && !r->v[i]->has_gateway;
    return on_link_there && r->v[i]->oif != lead->oif ? refuse(s, text, lead, r->v[i], e) : 0;
}

static int take_routed(struct search *s, const char *text, const struct kr_prefix *p,
                       struct kr_err *e)
{
    const struct kr_lan_routes *r = &s->routes;
    size_t first = kr_lan_covering(r, p);
    if (first == KR_LAN_NONE)
        return kr_fail(e, KR_UNSAFE, 0, "--lan '%s': this host has no route to it", text);
    const struct kr_route *lead = r->v[first];
    for (size_t i = first; i < r->n && kr_prefix_cmp(&r->v[i]->dst, &lead->dst) == 0; i++)
        if (check_way(s, text, lead, r->v[i], e))
            return -1;
    for (size_t i = kr_lan_from(r, p); i < r->n && kr_prefix_covers(p, &r->v[i]->dst); i++)
        if (kr_lan_same_family(&r->v[i]->dst, p) && check_way(s, text, lead, r->v[i], e))
            return -1;
    if (check_main(s, text, first, e))
        return -1;
    const struct kr_link *l = kr_netview_link(s->v, lead->oif);
    if (!l || (l->flags & IFF_LOOPBACK))
        return kr_fail(e, l ? KR_USAGE : KR_UNKNOWN, 0, "--lan '%s': its route leads to %s", text,
                       l ? "the loopback device, which is exempt anyway" : "no known device");
    take(s, p, lead, true);
    return 0;
}

static int absurd(const struct search *s, const char *text, const struct kr_prefix *p,
                  struct kr_err *e)
{
    static const struct {
        const char *space, *why;
    } never[] = {{"127.0.0.0/8", "loopback, which is exempt anyway"},
                 {"::1/128", "loopback, which is exempt anyway"},
                 {"0.0.0.0/8", "no destination"},
                 {"224.0.0.0/3", "multicast or reserved space"},
                 {"ff00::/8", "multicast space"},
                 {"198.18.0.0/15", "benchmarking space, where the sink lives"},
                 {"2001:2::/48", "benchmarking space, where the sink lives"},
                 {"192.0.2.0/24", "documentation space, which the probes connect to"},
                 {"198.51.100.0/24", "documentation space, which the probes connect to"},
                 {"203.0.113.0/24", "documentation space, which the probes connect to"},
                 {"2001:db8::/32", "documentation space, which the probes connect to"},
                 {"3fff::/20", "documentation space, which the probes connect to"}};
    static struct kr_prefix spaces[sizeof never / sizeof *never];
    static bool parsed;
    uint8_t least = kr_prefix_is_v4(p) ? 8 : 16;
    for (size_t i = 0; !parsed && i < sizeof never / sizeof *never; i++)
        kr_prefix_parse(never[i].space, &spaces[i], NULL);
    parsed = true;
    if (kr_prefix_family_len(p) < least)
        return kr_fail(e, KR_USAGE, 0,
                       "--lan '%s' is no LAN: it exempts the internet; at least /%u", text, least);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (kr_prefix_overlaps(&spaces[i], p))
            return kr_fail(e, KR_USAGE, 0, "--lan '%s': %s is %s", text, never[i].space,
                           never[i].why);
    if (is_reserved(s, p))
        return kr_fail(e, KR_USAGE, 0, "--lan '%s' overlaps the sink's addresses", text);
    return 0;
}

static int take_cidr(struct search *s, const char *text, struct kr_err *e)
{
    struct kr_prefix p;
    if (kr_prefix_parse(text, &p, e))
        return kr_wrap(e, "--lan");
    return absurd(s, text, &p, e) || take_routed(s, text, &p, e) ? -1 : 0;
}

static int by_device(const void *a, const void *b)
{
    const struct kr_exempt *x = a, *y = b;
    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return kr_prefix_cmp(&x->prefix, &y->prefix);
}

/* The kernel's sets of intervals take no overlaps. */
static void tidy(struct kr_lan *l)
{
    size_t n = 0;
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_device);
    for (size_t i = 0; i < l->n; i++) {
        bool covered = n && l->v[n - 1].index == l->v[i].index &&
                       kr_prefix_covers(&l->v[n - 1].prefix, &l->v[i].prefix);
        if (!covered)
            l->v[n++] = l->v[i];
    }
    l->n = n;
}

static int take_words(struct search *s, const struct kr_strlist *words, struct kr_err *e)
{
    size_t n = words ? words->n : 0;
    bool automatic = n == 0;
    for (size_t i = 0; i < n; i++) {
        const char *w = words->v[i];
        if (strcmp(w, "auto") == 0)
            automatic = true;
        else if (strcmp(w, "none") == 0 && n > 1)
            return kr_fail(e, KR_USAGE, 0, "--lan 'none' stands alone, but there is '%s' too",
                           words->v[i ? 0 : 1]);
        else if (strcmp(w, "none") != 0 && take_cidr(s, w, e))
            return -1;
    }
    if (automatic)
        take_auto(s);
    return 0;
}

int kr_lan_find(const struct kr_netview *v, const struct kr_strlist *words, const char *ignore,
                const struct kr_prefix *reserved, size_t n_reserved, bool allow_gateway,
                struct kr_lan *out, struct kr_err *e)
{
    struct search s = {.v = v,
                       .ignore = ignore,
                       .reserved = reserved,
                       .n_reserved = n_reserved,
                       .allow_gateway = allow_gateway,
                       .out = out};
    const struct kr_link *hole = kr_netview_link_named(v, ignore);
    memset(out, 0, sizeof *out);
    kr_lan_routes(v, hole ? hole->index : 0, &s.routes);
    int bad = take_words(&s, words, e);
    kr_lan_routes_free(&s.routes);
    if (bad) {
        kr_lan_free(out);
        return -1;
    }
    tidy(out);
    return 0;
}

void kr_lan_free(struct kr_lan *l)
{
    free(l->v);
    memset(l, 0, sizeof *l);
}

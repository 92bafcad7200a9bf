#include <kr/lan.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/opt.h>
#include <kr/prefixset.h>

#include <linux/rtnetlink.h>
#include <string.h>

struct finder {
    const struct kr_netview *v;
    const char *ignore;
    const struct kr_prefix *reserved;
    size_t n_reserved;
    bool allow_gateway;
    struct kr_route *routes; /* of the main table, by prefix */
    size_t n_routes;
    struct kr_lan *out;
};

static void add(struct finder *f, const struct kr_prefix *p, const struct kr_link *l)
{
    struct kr_lan *lan = f->out;
    lan->v = kr_grow(lan->v, &lan->cap, lan->n + 1, sizeof *lan->v);
    struct kr_exempt *x = &lan->v[lan->n++];
    memset(x, 0, sizeof *x);
    x->prefix = *p;
    x->index = l->index;
    memcpy(x->ifname, l->name, sizeof x->ifname);
}

static bool is_reserved(const struct finder *f, const struct kr_prefix *p)
{
    for (size_t i = 0; i < f->n_reserved; i++)
        if (kr_prefix_overlaps(&f->reserved[i], p))
            return true;
    return false;
}

static void take_auto(struct finder *f)
{
    for (size_t i = 0; i < f->v->n_addrs; i++) {
        const struct kr_ifaddr *a = &f->v->addrs[i];
        const struct kr_link *l = kr_netview_link(f->v, a->index);
        struct kr_prefix p = kr_prefix_make(&a->peer, a->len);
        if (!l || (l->flags & IFF_LOOPBACK) || strcmp(l->name, f->ignore) == 0)
            continue;
        if (kr_prefix_is_private(&p) && !is_reserved(f, &p))
            add(f, &p, l);
    }
}

static int by_prefix(const void *a, const void *b)
{
    const struct kr_route *x = a, *y = b;
    return kr_prefix_cmp(&x->dst, &y->dst);
}

static void sort_routes(struct finder *f)
{
    f->routes = kr_calloc(f->v->n_routes, sizeof *f->routes);
    for (size_t i = 0; i < f->v->n_routes; i++) {
        const struct kr_route *r = &f->v->routes[i];
        if (r->table == RT_TABLE_MAIN && r->type == RTN_UNICAST)
            f->routes[f->n_routes++] = *r;
    }
    if (f->n_routes)
        qsort(f->routes, f->n_routes, sizeof *f->routes, by_prefix);
}

/* Index of the first route whose prefix is not before p. */
static size_t first_from(const struct finder *f, const struct kr_prefix *p)
{
    size_t lo = 0, hi = f->n_routes;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (kr_prefix_cmp(&f->routes[mid].dst, p) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The longest route that covers p: tried by length, longest first, each by a search. */
static const struct kr_route *covering(const struct finder *f, const struct kr_prefix *p)
{
    int least = kr_prefix_is_v4(p) ? 96 : 0;
    for (int len = p->len; len >= least; len--) {
        struct kr_prefix up = kr_prefix_make(&p->addr, (uint8_t)len);
        size_t i = first_from(f, &up);
        if (i < f->n_routes && kr_prefix_cmp(&f->routes[i].dst, &up) == 0)
            return &f->routes[i];
    }
    return NULL;
}

static int refuse(const char *text, const struct kr_route *r, const char *why, struct kr_err *e)
{
    char dst[KR_ADDRSTRLEN], gw[KR_ADDRSTRLEN];
    return kr_fail(e, KR_UNSAFE, 0,
                   "--lan '%s': the route %s%s%s %s; exempt single networks of this host's own "
                   "links, or accept it with --allow lan-gateway=REASON",
                   text, kr_prefix_str(&r->dst, dst), r->has_gateway ? " via " : "",
                   r->has_gateway ? kr_addr_str(&r->gateway, gw) : "", why);
}

static int check_routes(struct finder *f, const char *text, const struct kr_prefix *p,
                        const struct kr_route **out, struct kr_err *e)
{
    const struct kr_route *r = covering(f, p);
    if (!r)
        return kr_fail(e, KR_UNSAFE, 0, "--lan '%s': this host has no route to it", text);
    if (r->has_gateway && !f->allow_gateway)
        return refuse(text, r, "leads there through a gateway, which may carry it further", e);
    for (size_t i = first_from(f, p); i < f->n_routes && kr_prefix_covers(p, &f->routes[i].dst);
         i++) {
        const struct kr_route *in = &f->routes[i];
        if (in->oif != r->oif)
            return refuse(text, in, "inside it leads to another device", e);
        if (in->has_gateway && !f->allow_gateway)
            return refuse(text, in, "inside it goes through a gateway", e);
    }
    *out = r;
    return 0;
}

static int absurd(const struct finder *f, const char *text, const struct kr_prefix *p,
                  struct kr_err *e)
{
    static const struct {
        const char *space, *why;
    } never[] = {{"127.0.0.0/8", "is loopback, which is never redirected anyway"},
                 {"::1/128", "is loopback, which is never redirected anyway"},
                 {"0.0.0.0/8", "is no destination"},
                 {"224.0.0.0/3", "is multicast or reserved"},
                 {"ff00::/8", "is multicast"},
                 {"198.18.0.0/15", "is benchmarking space, where the sink lives"},
                 {"2001:2::/48", "is benchmarking space, where the sink lives"}};
    bool v4 = kr_prefix_is_v4(p);
    uint8_t least = v4 ? 8 : 16;
    if (kr_prefix_family_len(p) < least)
        return kr_fail(e, KR_USAGE, 0,
                       "--lan '%s' is no LAN: it exempts the internet; at least /%u", text, least);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        struct kr_prefix n;
        if (kr_prefix_parse(never[i].space, &n, e))
            return -1;
        if (kr_prefix_overlaps(&n, p))
            return kr_fail(e, KR_USAGE, 0, "--lan '%s': %s %s", text, never[i].space, never[i].why);
    }
    if (kr_prefix_is_documentation(p))
        return kr_fail(e, KR_USAGE, 0,
                       "--lan '%s' is documentation space, which the probes connect to", text);
    if (is_reserved(f, p))
        return kr_fail(e, KR_USAGE, 0, "--lan '%s' overlaps the sink", text);
    return 0;
}

static int take_cidr(struct finder *f, const char *text, struct kr_err *e)
{
    struct kr_prefix p;
    const struct kr_route *r = NULL;
    if (kr_prefix_parse(text, &p, e))
        return kr_wrap(e, "--lan");
    if (absurd(f, text, &p, e) || check_routes(f, text, &p, &r, e))
        return -1;
    const struct kr_link *l = kr_netview_link(f->v, r->oif);
    if (!l)
        return kr_fail(e, KR_UNKNOWN, 0, "--lan '%s': its route has no device", text);
    add(f, &p, l);
    return 0;
}

static int by_exempt(const void *a, const void *b)
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
        qsort(l->v, l->n, sizeof *l->v, by_exempt);
    for (size_t i = 0; i < l->n; i++) {
        bool covered = n && l->v[n - 1].index == l->v[i].index &&
                       kr_prefix_covers(&l->v[n - 1].prefix, &l->v[i].prefix);
        if (!covered)
            l->v[n++] = l->v[i];
    }
    l->n = n;
}

static int take_words(struct finder *f, const struct kr_strlist *words, struct kr_err *e)
{
    bool automatic = words->n == 0, none = false;
    for (size_t i = 0; i < words->n; i++) {
        const char *w = words->v[i];
        bool is_auto = strcmp(w, "auto") == 0, is_none = strcmp(w, "none") == 0;
        automatic |= is_auto;
        none |= is_none;
        if (!is_auto && !is_none && take_cidr(f, w, e))
            return -1;
    }
    if (none && words->n > 1)
        return kr_fail(e, KR_USAGE, 0, "--lan none stands alone");
    if (automatic)
        take_auto(f);
    return 0;
}

int kr_lan_find(const struct kr_netview *v, const struct kr_strlist *words, const char *ignore,
                const struct kr_prefix *reserved, size_t n_reserved, bool allow_gateway,
                struct kr_lan *out, struct kr_err *e)
{
    struct finder f = {.v = v,
                       .ignore = ignore,
                       .reserved = reserved,
                       .n_reserved = n_reserved,
                       .allow_gateway = allow_gateway,
                       .out = out};
    memset(out, 0, sizeof *out);
    sort_routes(&f);
    int bad = take_words(&f, words, e);
    free(f.routes);
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

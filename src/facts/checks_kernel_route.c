#include "asks.h"
#include "checks_route_internal.h"

#include <kr/err.h>
#include <kr/rt.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define MOST 256 /* of sources, VRFs and networks each */
#define STRANGE_MARK 0x6b756d6fu

/* What the answers are compared with; the text says it to the user. */
static const char control[] = "without a port", plain[] = "", marked[] = "with a mark",
                  sourced[] = "from an own address", in_vrf[] = "in a VRF",
                  forwarded[] = "forwarded";

struct family {
    struct kr_scene *scene;
    const struct kr_netview *v;
    int family;
    struct kr_addr to[3];
    size_t n_to;
    struct kr_asks asks;
};

static bool is_own(const struct kr_netview *v, const struct kr_addr *a)
{
    for (size_t i = 0; i < v->n_addrs; i++)
        if (kr_addr_cmp(&v->addrs[i].addr, a) == 0)
            return true;
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].type == RTN_LOCAL && kr_prefix_has(&v->routes[i].dst, a))
            return true;
    return false;
}

/* Documentation addresses (RFC 5737, RFC 3849) that, oddly, are not this host's own. */
static void destinations(struct family *f)
{
    static const char *const v4[] = {"203.0.113.25", "198.51.100.25", "192.0.2.25"};
    static const char *const v6[] = {"2001:db8:ffff::25", "2001:db8:2525::1", "2001:db8::2525"};
    for (size_t i = 0; i < 3; i++) {
        struct kr_addr a;
        if (kr_addr_parse(f->family == AF_INET ? v4[i] : v6[i], &a, NULL) == 0 && !is_own(f->v, &a))
            f->to[f->n_to++] = a;
    }
}

static struct kr_lookup *ask(struct family *f, size_t nth, uint16_t port, const char *what)
{
    struct kr_lookup *x = kr_asks_add(&f->asks, &f->to[nth], what);
    x->dport = port;
    return x;
}

static void ask_marks(struct family *f, uint16_t port)
{
    ask(f, 0, port, marked)->mark = STRANGE_MARK;
    uint32_t last = STRANGE_MARK;
    for (size_t i = 0, n = 0; i < f->v->n_rules && n < MOST; i++) {
        uint32_t mark = f->v->rules[i].mark;
        if (f->v->rules[i].family != f->family || !mark || mark == last)
            continue;
        ask(f, 0, port, marked)->mark = last = mark;
        n++;
    }
}

static bool is_source(const struct family *f, const struct kr_ifaddr *a)
{
    return kr_addr_family(&a->addr) == f->family && a->scope == RT_SCOPE_UNIVERSE &&
           !kr_addr_is_loopback(&a->addr) && !(a->flags & IFA_F_TENTATIVE);
}

/* Of more sources than that, ones spread over all of them. */
static void ask_sources(struct family *f, uint16_t port)
{
    size_t n = 0, nth = 0;
    for (size_t i = 0; i < f->v->n_addrs; i++)
        n += is_source(f, &f->v->addrs[i]);
    size_t step = n / MOST + 1;
    for (size_t i = 0; i < f->v->n_addrs; i++) {
        const struct kr_ifaddr *a = &f->v->addrs[i];
        if (!is_source(f, a) || nth++ % step)
            continue;
        struct kr_lookup *x = ask(f, 0, port, sourced);
        x->has_from = true;
        x->from = a->addr;
    }
}

static void ask_vrfs(struct family *f, uint16_t port)
{
    for (size_t i = 0, n = 0; i < f->v->n_links && n < MOST; i++)
        if (strcmp(f->v->links[i].kind, "vrf") == 0 && ++n)
            ask(f, 0, port, in_vrf)->bound = f->v->links[i].index;
}

/* A host of the same network as an own address: the first one that is not this. */
static bool neighbour_of(const struct kr_ifaddr *a, struct kr_addr *out)
{
    const struct kr_prefix net = kr_prefix_make(&a->addr, a->len);
    if (a->len > 126)
        return false;
    *out = net.addr;
    out->b[15] |= 1;
    if (kr_addr_cmp(out, &a->addr) == 0)
        out->b[15] ^= 3;
    return true;
}

static void ask_forwarded(struct family *f, uint16_t port)
{
    for (size_t i = 0, n = 0; i < f->v->n_addrs && n < MOST; i++) {
        const struct kr_ifaddr *a = &f->v->addrs[i];
        struct kr_addr from;
        if (!is_source(f, a) || !neighbour_of(a, &from))
            continue;
        struct kr_lookup *x = ask(f, 0, port, forwarded);
        x->in = a->index;
        x->has_from = true;
        x->from = from;
        n++;
    }
}

static void ask_port(struct family *f, uint16_t port, bool forwards)
{
    for (size_t i = 0; i < f->n_to; i++)
        ask(f, i, port, plain);
    ask_marks(f, port);
    ask_sources(f, port);
    ask_vrfs(f, port);
    if (forwards)
        ask_forwarded(f, port);
}

static void said(const struct kr_lookup *x, const struct family *f, const char *what,
                 char out[static 160])
{
    char to[KR_ADDRSTRLEN], more[KR_ADDRSTRLEN + 16] = "", from[KR_ADDRSTRLEN];
    const struct kr_link *l = kr_netview_link(f->v, x->in ? x->in : x->bound);
    if (x->mark)
        snprintf(more, sizeof more, " 0x%x", x->mark);
    else if (x->has_from)
        snprintf(more, sizeof more, " %s", kr_addr_str(&x->from, from));
    snprintf(out, 160, "route to %s port %u%s%s%s%s%s", kr_addr_str(&x->to, to), x->dport,
             *what ? " " : "", what, more, l ? " dev " : "", l ? l->name : "");
}

static void judge(const struct family *f, size_t i, unsigned hole, struct kr_result *r)
{
    const struct kr_lookup *x = &f->asks.v[i];
    const char *what = f->asks.why[i];
    char object[160], way[KR_WAYSTRLEN];
    bool in_hole = !x->error && hole && x->out == hole;
    said(x, f, what, object);
    if (what == control) {
        if (in_hole)
            kr_result_add(r, KR_IN_DOUBT, object,
                          "without a port it leads into the hole too: the answers show nothing");
        return;
    }
    if (in_hole || kr_asks_nowhere(x))
        return;
    const struct kr_link *l = kr_netview_link(f->v, x->out);
    struct kr_evidence *ev = kr_result_add(
        r, x->error ? KR_IN_DOUBT : KR_BROKEN, object, "leads to %s%s", kr_asks_way(x, f->v, way),
        x->error ? ": the kernel does not understand the question" : "");
    if (l)
        memcpy(ev->ifname, l->name, sizeof ev->ifname);
}

static int check_family(struct family *f, bool forwards, struct kr_result *r, struct kr_err *e)
{
    const struct kr_link *hole = kr_netview_link_named(f->v, KR_HOLE_NAME);
    destinations(f);
    if (!f->n_to) {
        kr_result_add(r, KR_IN_DOUBT, f->family == AF_INET ? "IPv4" : "IPv6",
                      "all documentation addresses are this host's own: none is left to ask for");
        return 0;
    }
    for (size_t i = 0; i < f->n_to; i++)
        ask(f, i, 0, control);
    for (size_t i = 0; i < f->scene->n_ports; i++)
        ask_port(f, f->scene->ports[i], forwards);
    if (kr_lookup_run(f->asks.v, f->asks.n, e))
        return -1;
    for (size_t i = 0; i < f->asks.n; i++)
        judge(f, i, hole ? hole->index : 0, r);
    return 0;
}

static bool has_family(const struct kr_netview *v, int family)
{
    for (size_t i = 0; i < v->n_rules; i++)
        if (v->rules[i].family == family)
            return true;
    return false;
}

int kr_check_kernel_route(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const int families[] = {AF_INET, AF_INET6};
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v)
        return -1;
    if (!s->standing) {
        kr_result_add(r, KR_HOLDS, "routes", "asked for once our rule stands");
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        struct family f = {.scene = s, .v = v, .family = families[i]};
        int forwards = kr_forwards(families[i], e);
        if (forwards < 0 || !has_family(v, families[i])) {
            if (forwards < 0)
                return -1;
            continue;
        }
        int bad = check_family(&f, forwards, r, e);
        kr_asks_free(&f.asks);
        if (bad)
            return -1;
    }
    return 0;
}

/* Views of the network made by hand. */
#ifndef KR_TEST_NETWORKS_H
#define KR_TEST_NETWORKS_H

#include <kr/err.h>
#include <kr/netview.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view {
    struct kr_netview v;
    struct kr_link links[64];
    struct kr_ifaddr addrs[32];
    struct kr_route routes[64];
};

static inline struct kr_link *link_add(struct view *w, const char *name, const char *kind)
{
    w->v.links = w->links;
    assert_true(w->v.n_links < sizeof w->links / sizeof *w->links);
    struct kr_link *l = &w->links[w->v.n_links++];
    *l = (struct kr_link){.index = (unsigned)w->v.n_links, .arphrd = ARPHRD_ETHER, .flags = IFF_UP};
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->kind, sizeof l->kind, "%s", kind);
    return l;
}

static inline unsigned index_of(const struct view *w, const char *name)
{
    const struct kr_link *l = kr_netview_link_named(&w->v, name);
    assert_non_null(l);
    return l->index;
}

static inline struct kr_link *link_on(struct view *w, const char *name, const char *kind,
                                      const char *lower)
{
    struct kr_link *l = link_add(w, name, kind);
    l->lower = index_of(w, lower);
    return l;
}

static inline struct kr_link *vlan_on(struct view *w, const char *name, const char *lower)
{
    struct kr_link *l = link_on(w, name, "vlan", lower);
    l->vlan_protocol = ETH_P_8021Q;
    l->vlan_reorder = true;
    return l;
}

static inline void loopback(struct view *w)
{
    struct kr_link *lo = link_add(w, "lo", "");
    lo->arphrd = ARPHRD_LOOPBACK;
    lo->flags |= IFF_LOOPBACK;
}

/* text: "10.0.0.0/8" or "default" / "default6". */
static inline struct kr_route *route(struct view *w, const char *text, const char *gateway,
                                     const char *device)
{
    w->v.routes = w->routes;
    assert_true(w->v.n_routes < sizeof w->routes / sizeof *w->routes);
    struct kr_route *r = &w->routes[w->v.n_routes++];
    *r = (struct kr_route){.table = RT_TABLE_MAIN, .type = RTN_UNICAST, .protocol = RTPROT_BOOT};
    const char *dst = strcmp(text, "default") == 0    ? "0.0.0.0/0"
                      : strcmp(text, "default6") == 0 ? "::/0"
                                                      : text;
    assert_int_equal(kr_prefix_parse(dst, &r->dst, NULL), 0);
    r->family = kr_prefix_is_v4(&r->dst) ? AF_INET : AF_INET6;
    r->oif = device ? index_of(w, device) : 0;
    r->has_gateway = gateway && kr_addr_parse(gateway, &r->gateway, NULL) == 0;
    return r;
}

/* An address and, unless it stands alone, the route to its network. text: "10.0.0.1/24". */
static inline struct kr_ifaddr *address(struct view *w, const char *device, const char *text)
{
    char addr[64];
    w->v.addrs = w->addrs;
    assert_true(w->v.n_addrs < sizeof w->addrs / sizeof *w->addrs);
    struct kr_ifaddr *a = &w->addrs[w->v.n_addrs++];
    *a = (struct kr_ifaddr){.index = index_of(w, device)};
    snprintf(addr, sizeof addr, "%.*s", (int)strcspn(text, "/"), text);
    assert_int_equal(kr_addr_parse(addr, &a->addr, NULL), 0);
    a->peer = a->addr;
    a->len = (uint8_t)(atoi(strchr(text, '/') + 1) + (kr_addr_is_v4(&a->addr) ? 96 : 0));
    if (a->len < 128) {
        char dst[KR_ADDRSTRLEN];
        struct kr_prefix p = kr_prefix_make(&a->addr, a->len);
        struct kr_route *r = route(w, kr_prefix_str(&p, dst), NULL, device);
        r->protocol = RTPROT_KERNEL;
        r->has_source = r->family == AF_INET;
        r->source = a->addr;
    }
    return a;
}

#endif

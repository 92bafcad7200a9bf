/* Made-up networks for tests: links, addresses and routes, written as an operator would. */
#ifndef KR_TEST_VIEW_H
#define KR_TEST_VIEW_H

#include <kr/mem.h>
#include <kr/netview.h>

#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

struct world {
    struct kr_netview v;
    size_t cap_links, cap_addrs, cap_routes;
};

static inline struct kr_link *a_link(struct world *w, const char *name, const char *kind,
                                     unsigned arphrd)
{
    w->v.links = kr_grow(w->v.links, &w->cap_links, w->v.n_links + 1, sizeof *w->v.links);
    struct kr_link *l = &w->v.links[w->v.n_links++];
    memset(l, 0, sizeof *l);
    l->index = (unsigned)w->v.n_links;
    l->arphrd = arphrd;
    l->flags = IFF_UP | (strcmp(name, "lo") == 0 ? IFF_LOOPBACK : 0);
    l->vlan_reorder = true;
    strncpy(l->name, name, sizeof l->name - 1);
    strncpy(l->kind, kind, sizeof l->kind - 1);
    return l;
}

static inline unsigned index_of(const struct world *w, const char *name)
{
    const struct kr_link *l = kr_netview_link_named(&w->v, name);
    return l ? l->index : 0;
}

static inline struct kr_route *a_route(struct world *w, const char *dst, const char *dev,
                                       const char *gateway);

/* "192.168.1.10/24": an address with the length of its network, and the route to that. */
static inline void an_addr(struct world *w, const char *dev, const char *text)
{
    char addr[KR_ADDRSTRLEN];
    strcpy(addr, text);
    char *slash = strchr(addr, '/');
    *slash = '\0';
    w->v.addrs = kr_grow(w->v.addrs, &w->cap_addrs, w->v.n_addrs + 1, sizeof *w->v.addrs);
    struct kr_ifaddr *a = &w->v.addrs[w->v.n_addrs++];
    memset(a, 0, sizeof *a);
    kr_addr_parse(addr, &a->addr, NULL);
    a->peer = a->addr;
    a->index = index_of(w, dev);
    a->len = (uint8_t)(atoi(slash + 1) + (kr_addr_is_v4(&a->addr) ? 96 : 0));
    const struct kr_prefix p = kr_prefix_make(&a->addr, a->len);
    a_route(w, kr_prefix_str(&p, addr), dev, NULL);
}

static inline struct kr_route *a_route(struct world *w, const char *dst, const char *dev,
                                       const char *gateway)
{
    w->v.routes = kr_grow(w->v.routes, &w->cap_routes, w->v.n_routes + 1, sizeof *w->v.routes);
    struct kr_route *r = &w->v.routes[w->v.n_routes++];
    memset(r, 0, sizeof *r);
    kr_prefix_parse(dst, &r->dst, NULL);
    r->type = RTN_UNICAST;
    r->table = RT_TABLE_MAIN;
    r->oif = index_of(w, dev);
    r->has_gateway = gateway != NULL;
    if (gateway)
        kr_addr_parse(gateway, &r->gateway, NULL);
    return r;
}

/* lo, and eth0 with 192.168.1.10/24 and a default route. */
static inline void plain_host(struct world *w)
{
    memset(w, 0, sizeof *w);
    a_link(w, "lo", "", ARPHRD_LOOPBACK);
    a_link(w, "eth0", "", ARPHRD_ETHER);
    an_addr(w, "lo", "127.0.0.1/8");
    an_addr(w, "eth0", "192.168.1.10/24");
    a_route(w, "192.168.1.0/24", "eth0", NULL);
    a_route(w, "0.0.0.0/0", "eth0", "192.168.1.1");
}

static inline void free_world(struct world *w)
{
    kr_netview_free(&w->v);
    memset(w, 0, sizeof *w);
}

#endif

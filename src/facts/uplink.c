#include <kr/uplink.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/opt.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(s, *list) == 0)
            return true;
    return false;
}

static bool ipip_kind(const char *kind)
{
    static const char *const kinds[] = {"ipip", "sit", "ip6tnl", "vti", "vti6", "fou", NULL};
    return one_of(kind, kinds);
}

static bool gre_kind(const char *kind)
{
    static const char *const kinds[] = {"gre",       "gretap",    "erspan", "ip6gre",
                                        "ip6gretap", "ip6erspan", NULL};
    return one_of(kind, kinds);
}

static enum kr_uplink_layer layer_of(const struct kr_link *l)
{
    static const unsigned bare[] = {ARPHRD_NONE,    ARPHRD_PPP,   ARPHRD_TUNNEL,
                                    ARPHRD_TUNNEL6, ARPHRD_SIT,   ARPHRD_IPGRE,
                                    ARPHRD_IP6GRE,  ARPHRD_RAWIP, ARPHRD_SLIP};
    if (l->arphrd == ARPHRD_ETHER)
        return KR_LAYER_ETHERNET;
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        if (l->arphrd == bare[i])
            return KR_LAYER_IP;
    return KR_LAYER_OTHER;
}

static bool known(const struct kr_uplinks *u, unsigned index)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->v[i].index == index)
            return true;
    return false;
}

struct finder {
    const struct kr_netview *v;
    const char *ignore;
    struct kr_uplinks *u;
    size_t cap, cap_encaps;
};

static void add(struct finder *f, const struct kr_link *l, const char *why)
{
    if (!l || (l->flags & IFF_LOOPBACK) || strcmp(l->name, f->ignore) == 0 || known(f->u, l->index))
        return;
    f->u->v = kr_grow(f->u->v, &f->cap, f->u->n + 1, sizeof *f->u->v);
    struct kr_uplink *x = &f->u->v[f->u->n++];
    memset(x, 0, sizeof *x);
    x->index = l->index;
    memcpy(x->name, l->name, sizeof x->name);
    x->layer = layer_of(l);
    snprintf(x->why, sizeof x->why, "%s", why);
}

static bool leads_out(const struct kr_route *r)
{
    if (r->type != RTN_UNICAST || r->table == RT_TABLE_LOCAL || !r->oif)
        return false;
    return r->has_gateway || kr_prefix_family_len(&r->dst) == 0;
}

static bool is_hardware(const struct kr_link *l)
{
    return !*l->kind && !(l->flags & IFF_LOOPBACK) && l->arphrd != ARPHRD_LOOPBACK;
}

static void add_found(struct finder *f)
{
    for (size_t i = 0; i < f->v->n_routes; i++) {
        const struct kr_route *r = &f->v->routes[i];
        if (leads_out(r))
            add(f, kr_netview_link(f->v, r->oif),
                kr_prefix_family_len(&r->dst) ? "route through a gateway" : "default route");
    }
    for (size_t i = 0; i < f->v->n_links; i++)
        if (is_hardware(&f->v->links[i]))
            add(f, &f->v->links[i], "hardware device");
}

static int add_named(struct finder *f, const struct kr_strlist *only, struct kr_err *e)
{
    for (size_t i = 0; i < only->n; i++) {
        const struct kr_link *l = kr_netview_link_named(f->v, only->v[i]);
        if (!l)
            return kr_fail(e, KR_USAGE, 0, "--uplink '%s': there is no such device", only->v[i]);
        if (l->flags & IFF_LOOPBACK)
            return kr_fail(e, KR_USAGE, 0, "--uplink '%s' is the loopback device", only->v[i]);
        add(f, l, "named by --uplink");
    }
    return 0;
}

/* What lies below an uplink sends the same frames: VLAN parents, ports of bonds and bridges. The
 * list grows while it is walked, so this goes all the way down. */
static void add_below(struct finder *f)
{
    for (size_t i = 0; i < f->u->n; i++) {
        char why[96];
        const struct kr_link *l = kr_netview_link(f->v, f->u->v[i].index);
        snprintf(why, sizeof why, "below %s", l->name);
        if (l->lower)
            add(f, kr_netview_link(f->v, l->lower), why);
        snprintf(why, sizeof why, "port of %s", l->name);
        for (size_t k = 0; k < f->v->n_links; k++)
            if (f->v->links[k].master == l->index)
                add(f, &f->v->links[k], why);
    }
}

static void add_encap(struct finder *f, const struct kr_link *l, const char *lower, uint16_t type,
                      const char *what)
{
    f->u->encaps = kr_grow(f->u->encaps, &f->cap_encaps, f->u->n_encaps + 1, sizeof *f->u->encaps);
    struct kr_encap *x = &f->u->encaps[f->u->n_encaps++];
    memset(x, 0, sizeof *x);
    memcpy(x->uplink, l->name, sizeof x->uplink);
    snprintf(x->lower, sizeof x->lower, "%s", lower);
    snprintf(x->what, sizeof x->what, "%s on %s", what, lower);
    x->ethertype = type;
}

/* A tag that a VLAN device keeps out of band is no matter; one written into the frame is. The
 * lowest device of a QinQ stack sees the inner tag in the frame. */
static void vlan_encap(struct finder *f, const struct kr_link *l, const struct kr_link *lower)
{
    const struct kr_link *below = lower->lower ? kr_netview_link(f->v, lower->lower) : NULL;
    if (strcmp(lower->kind, "vlan") == 0 && below)
        add_encap(f, l, below->name, l->vlan_protocol, "QinQ (two VLAN tags)");
    else if (!l->vlan_reorder)
        add_encap(f, l, lower->name, l->vlan_protocol, "a VLAN with reorder_hdr off");
}

static void pppoe_encaps(struct finder *f, const struct kr_link *ppp)
{
    char line[128], device[IFNAMSIZ];
    FILE *in = fopen("/proc/net/pppoe", "re");
    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, "%*x %*x:%*x:%*x:%*x:%*x:%*x %15s", device) == 1 ||
            sscanf(line, "%*x %*s %15s", device) == 1)
            if (kr_netview_link_named(f->v, device))
                add_encap(f, ppp, device, ETH_P_PPP_SES, "PPPoE");
    if (in)
        fclose(in);
}

static void find_encaps(struct finder *f)
{
    size_t n = f->u->n;
    for (size_t i = 0; i < n; i++) {
        const struct kr_link *l = kr_netview_link(f->v, f->u->v[i].index);
        const struct kr_link *lower = l->lower ? kr_netview_link(f->v, l->lower) : NULL;
        if (lower && strcmp(l->kind, "vlan") == 0)
            vlan_encap(f, l, lower);
        if (lower && strcmp(l->kind, "macsec") == 0)
            add_encap(f, l, lower->name, ETH_P_MACSEC, "MACsec");
        if (l->arphrd == ARPHRD_PPP)
            pppoe_encaps(f, l);
        if (strcmp(l->kind, "batadv") == 0)
            add_encap(f, l, "its hard interfaces", ETH_P_BATMAN, "batman-adv");
    }
    for (size_t i = 0; i < f->v->n_routes; i++) {
        const struct kr_link *l = kr_netview_link(f->v, f->v->routes[i].oif);
        if (f->v->routes[i].has_encap && l && leads_out(&f->v->routes[i]) && known(f->u, l->index))
            add_encap(f, l, l->name, ETH_P_MPLS_UC, "a route with an encapsulation (MPLS?)");
    }
}

static void find_tunnels(struct finder *f)
{
    bool ipip = false, gre = false;
    for (size_t i = 0; i < f->v->n_links; i++) {
        ipip |= ipip_kind(f->v->links[i].kind);
        gre |= gre_kind(f->v->links[i].kind);
    }
    for (size_t i = 0; i < f->u->n; i++) {
        f->u->v[i].tunnels_ipip = ipip;
        f->u->v[i].tunnels_gre = gre;
        for (size_t k = 0; k < f->v->n_links; k++)
            if (f->v->links[k].lower == f->u->v[i].index &&
                strcmp(f->v->links[k].kind, "vlan") == 0)
                f->u->v[i].carries_vlan = true;
    }
}

int kr_uplinks_find(const struct kr_netview *v, const struct kr_strlist *only, const char *ignore,
                    struct kr_uplinks *out, struct kr_err *e)
{
    struct finder f = {.v = v, .ignore = ignore, .u = out};
    memset(out, 0, sizeof *out);
    if (only && only->n) {
        if (add_named(&f, only, e)) {
            kr_uplinks_free(out);
            return -1;
        }
    } else {
        add_found(&f);
    }
    add_below(&f);
    find_encaps(&f);
    find_tunnels(&f);
    return 0;
}

void kr_uplinks_free(struct kr_uplinks *u)
{
    free(u->v);
    free(u->encaps);
    memset(u, 0, sizeof *u);
}

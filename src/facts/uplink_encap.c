/* Theory of operation: what a frame looks like on its way down.
 *
 * The fence knows a frame as IP when skb->protocol says so and the bytes at offset 12 agree, where
 * a tag that is carried out of band reads as if it stood there. A VLAN device puts its tag out of
 * band (vlan_dev_hard_start_xmit in net/8021q/vlan_dev.c), and a bond, team or bridge hands it on
 * so (they offer NETIF_F_HW_VLAN_CTAG_TX). Any other device that is given such a frame gets the tag
 * written into the bytes first (validate_xmit_vlan in net/core/dev.c), and from there on
 * skb->protocol is the tag's: the fence does not let that pass. The same is true of what MACsec,
 * PPPoE or MPLS make of a packet. So each device that can send is followed down with that state.
 * What comes out of an IP tunnel is a new packet: there it begins again. */
#include "uplink_internal.h"

#include <kr/mem.h>

#include <linux/if_ether.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 12 /* devices stack 8 deep (MAX_NEST_DEV) */

enum manner { ON_TOP, HANDS_ON, NEW_PACKET, ENCAPSULATES };

static const struct kind {
    const char *name, *title;
    enum manner manner;
    uint16_t ethertype;
} kinds[] = {
    {"bond", NULL, HANDS_ON, 0},
    {"team", NULL, HANDS_ON, 0},
    {"bridge", NULL, HANDS_ON, 0},
    {"openvswitch", NULL, HANDS_ON, 0},
    {"macsec", "MACsec", ENCAPSULATES, ETH_P_MACSEC},
    {"batadv", "batman-adv", ENCAPSULATES, ETH_P_BATMAN},
    {"hsr", "HSR", ENCAPSULATES, ETH_P_HSR},
    {"dsa", "DSA switch port", ENCAPSULATES, ETH_P_XDSA},
    {"rmnet", "rmnet", ENCAPSULATES, ETH_P_MAP},
    {"lowpan", "6LoWPAN", ENCAPSULATES, ETH_P_IEEE802154},
    {"vrf", NULL, NEW_PACKET, 0},
    {"vxlan", NULL, NEW_PACKET, 0},
    {"geneve", NULL, NEW_PACKET, 0},
    {"ipip", NULL, NEW_PACKET, 0},
    {"sit", NULL, NEW_PACKET, 0},
    {"ip6tnl", NULL, NEW_PACKET, 0},
    {"gre", NULL, NEW_PACKET, 0},
    {"gretap", NULL, NEW_PACKET, 0},
    {"ip6gre", NULL, NEW_PACKET, 0},
    {"ip6gretap", NULL, NEW_PACKET, 0},
    {"erspan", NULL, NEW_PACKET, 0},
    {"ip6erspan", NULL, NEW_PACKET, 0},
    {"vti", NULL, NEW_PACKET, 0},
    {"vti6", NULL, NEW_PACKET, 0},
    {"xfrm", NULL, NEW_PACKET, 0},
    {"gtp", NULL, NEW_PACKET, 0},
    {"bareudp", NULL, NEW_PACKET, 0},
    {"amt", NULL, NEW_PACKET, 0},
};

static const struct kind *kind_of(const struct kr_link *l)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, l->kind) == 0)
            return &kinds[i];
    return NULL;
}

struct frame {
    const struct kr_link *from;
    bool inside;   /* the bytes at offset 12 are not IP's: */
    uint16_t type; /* they are this, unless a tag is out of band */
    uint16_t tag;  /* protocol of a tag out of band, or 0 */
    const struct kr_link *tagger;
    char what[64];
};

static void wrap(struct frame *f, uint16_t type, const char *title, const char *upper,
                 const char *lower)
{
    if (!f->inside)
        snprintf(f->what, sizeof f->what, "%s: %s on %s", title, upper, lower);
    f->inside = true;
    f->type = type;
    f->tag = 0;
}

static void write_tag(struct frame *f, const struct kr_link *at, const char *title)
{
    wrap(f, f->tag, title, f->tagger->name, at->name);
}

static void below_vlan(struct frame *f, const struct kr_link *l, const struct kr_link *lower)
{
    uint16_t protocol = l->vlan_protocol ? l->vlan_protocol : ETH_P_8021Q;
    if (!l->vlan_reorder) {
        wrap(f, protocol, "VLAN tag in the frame", l->name, lower->name);
        return;
    }
    if (f->tag)
        write_tag(f, l, "QinQ");
    f->tag = protocol;
    f->tagger = l;
}

/* The frame that l makes of f for the device below. */
static struct frame handed_down(const struct frame *above, const struct kr_link *l,
                                const struct kr_link *lower)
{
    struct frame f = *above;
    const struct kind *k = kind_of(l);
    enum manner manner = k ? k->manner : ON_TOP;
    if (strcmp(l->kind, "vlan") == 0)
        below_vlan(&f, l, lower);
    else if (manner == NEW_PACKET)
        f = (struct frame){.from = f.from};
    else if (manner == ENCAPSULATES)
        wrap(&f, k->ethertype, k->title, l->name, lower->name);
    else if (manner == ON_TOP && f.tag)
        write_tag(&f, l, "VLAN tag in the frame");
    return f;
}

static void add_encap(struct kr_up_search *s, const struct frame *f, const struct kr_link *l,
                      uint16_t type)
{
    struct kr_uplinks *u = s->u;
    for (size_t i = 0; i < u->n_encaps; i++)
        if (u->encaps[i].ethertype == type && strcmp(u->encaps[i].lower, l->name) == 0)
            return;
    u->encaps = kr_grow(u->encaps, &s->cap_encaps, u->n_encaps + 1, sizeof *u->encaps);
    struct kr_encap *x = &u->encaps[u->n_encaps++];
    memset(x, 0, sizeof *x);
    memcpy(x->uplink, f->from->name, sizeof x->uplink);
    memcpy(x->lower, l->name, sizeof x->lower);
    memcpy(x->what, f->what, sizeof x->what);
    x->ethertype = type;
}

static void arrive(struct kr_up_search *s, const struct frame *f, const struct kr_link *l)
{
    struct kr_uplink *u = kr_up_known(s, l);
    if (!u || u->layer == KR_LAYER_IP)
        return;
    if (f->inside)
        add_encap(s, f, l, f->tag ? f->tag : f->type);
    else if (f->tag)
        u->carries_vlan = true;
}

static void descend(struct kr_up_search *s, const struct frame *f, const struct kr_link *l,
                    unsigned depth)
{
    arrive(s, f, l);
    if (depth == DEEPEST)
        return;
    size_t n;
    const struct kr_link *const *ports = kr_up_ports(s, l->index, &n);
    const struct kr_link *lower = kr_up_lower(s, l);
    struct frame next;
    if (lower) {
        next = handed_down(f, l, lower);
        descend(s, &next, lower, depth + 1);
    }
    for (size_t i = 0; i < n; i++) {
        next = handed_down(f, l, ports[i]);
        descend(s, &next, ports[i], depth + 1);
    }
}

static void descend_pppoe(struct kr_up_search *s, const struct kr_link *ppp)
{
    static const uint16_t types[] = {ETH_P_PPP_SES, ETH_P_PPP_DISC};
    for (size_t i = 0; i < s->v->n_pppoe; i++)
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            const struct kr_link *l = kr_netview_link(s->v, s->v->pppoe[i]);
            struct frame f = {.from = ppp};
            if (!l)
                continue;
            wrap(&f, types[k], "PPPoE", ppp->name, l->name);
            descend(s, &f, l, 0);
        }
}

static void descend_mpls(struct kr_up_search *s, unsigned index)
{
    const struct kr_link *l = kr_netview_link(s->v, index);
    if (!l)
        return;
    struct frame f = {.from = l};
    wrap(&f, ETH_P_MPLS_UC, "MPLS", "labelled routes", l->name);
    descend(s, &f, l, 0);
}

/* What its ports send may be tagged by the bridge itself. */
static void tagged_by_bridge(struct kr_up_search *s, const struct kr_link *l)
{
    size_t n;
    const struct kr_link *const *ports = kr_up_ports(s, l->index, &n);
    if (!l->vlan_filtering && strcmp(l->kind, "openvswitch") != 0)
        return;
    const struct frame f = {.from = l, .tag = ETH_P_8021Q, .tagger = l};
    for (size_t i = 0; i < n; i++)
        descend(s, &f, ports[i], 1);
}

/* An encapsulation that does not say which counts as one, by prudence. */
static bool is_mpls(const struct kr_route *r)
{
    return r->has_encap && (r->encap == LWTUNNEL_ENCAP_MPLS || r->encap == LWTUNNEL_ENCAP_NONE);
}

void kr_up_encaps(struct kr_up_search *s)
{
    for (size_t i = 0; i < s->v->n_links; i++) {
        const struct kr_link *l = &s->v->links[i];
        const struct frame plain = {.from = l};
        if (!(l->flags & IFF_UP) && !kr_up_known(s, l))
            continue;
        descend(s, &plain, l, 0);
        tagged_by_bridge(s, l);
        if (kr_up_is_ppp(l))
            descend_pppoe(s, l);
    }
    for (size_t i = 0; i < s->v->n_routes; i++)
        if (is_mpls(&s->v->routes[i]))
            descend_mpls(s, s->v->routes[i].oif);
    for (size_t i = 0; i < s->v->n_mpls; i++)
        descend_mpls(s, s->v->mpls[i]);
}

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(s, *list) == 0)
            return true;
    return false;
}

void kr_up_tunnels(struct kr_up_search *s)
{
    static const char *const in_ip[] = {"ipip", "sit", "ip6tnl", "vti", "vti6", NULL};
    static const char *const in_gre[] = {"gre",       "gretap",    "erspan", "ip6gre",
                                         "ip6gretap", "ip6erspan", NULL};
    bool ipip = false, gre = false;
    for (size_t i = 0; i < s->v->n_links; i++) {
        const struct kr_link *l = &s->v->links[i];
        ipip |= (l->flags & IFF_UP) && one_of(l->kind, in_ip);
        gre |= (l->flags & IFF_UP) && one_of(l->kind, in_gre);
    }
    for (size_t i = 0; i < s->v->n_routes; i++)
        ipip |= s->v->routes[i].encap == LWTUNNEL_ENCAP_SEG6 ||
                s->v->routes[i].encap == LWTUNNEL_ENCAP_SEG6_LOCAL;
    for (size_t i = 0; i < s->u->n; i++) {
        s->u->v[i].tunnels_ipip = ipip;
        s->u->v[i].tunnels_gre = gre;
    }
}

/* Theory of operation: the netdev table.
 *
 * The fence is the last thing a frame meets on this host: the egress hook of each uplink (kernel
 * 5.16), behind which come only tc, the driver and XDP. It sees what never crossed an IP hook:
 * packet sockets, frames bridged or forwarded by another netdev rule, children in other namespaces.
 *
 * It lets nothing pass that it has not understood. A sender of raw frames chooses skb->protocol
 * (`meta protocol`) freely, so on Ethernet the ethertype in the frame's own bytes has to agree with
 * it before the frame counts as IP; anything else goes out only when its bytes say ARP, link
 * control or an 802.3 length that is not IP in SNAP. `ether type` of nft(8) is not used: it adds
 * `meta iiftype`, and a frame on its way out has no input device, so such a rule never matches. */
#include "plan_internal.h"

#include <ctype.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARDED "guard_ports"
#define TYPE_AT 12  /* the ethertype in a frame */
#define INNER_AT 16 /* the ethertype behind one VLAN tag */
#define IP_CHAIN "fence_ip"

static const struct {
    uint16_t type;
    const char *name;
} link_control[] = {
    {ETH_P_ARP, "ARP"},
    {ETH_P_SLOW, "LACP"},
    {ETH_P_PAE, "EAPOL"},
    {ETH_P_LLDP, "LLDP"},
};

static const char *const fence_counters[] = {
    "blocked_egress",
    "blocked_ethertype",
    "blocked_options",
    "blocked_tunnel",
};

static void sink_range(const char *range, struct kr_nft_chain *c)
{
    struct kr_prefix p;
    if (kr_prefix_parse(range, &p, NULL))
        return;
    struct kr_addr last = kr_prefix_last(&p);
    struct kr_nft_rule *r = kr_nft_rule(c, "the sink range never leaves this host");
    kr_nft_daddr(r, &p.addr, &last);
    kr_nft_count(r, "blocked_egress");
    kr_nft_drop(r);
}

static void tunnelled(const struct kr_plan *p, struct kr_nft_chain *c)
{
    uint8_t protos[3] = {137 /* MPLS in IP, RFC 4023 */};
    size_t n = 1;
    bool ipip = false;
    for (size_t i = 0; i < p->uplinks.n; i++)
        ipip |= p->uplinks.v[i].tunnels_ipip;
    if (!ipip) {
        protos[n++] = 4;  /* RFC 2003 */
        protos[n++] = 41; /* RFC 4213 */
    }
    struct kr_nft_rule *r = kr_nft_rule(c, "IP in IP, though this host has no such tunnel");
    kr_nft_l4proto_any(r, protos, n);
    kr_nft_count(r, "blocked_tunnel");
    kr_nft_drop(r);
}

static void pass_fragments(struct kr_nft_chain *c)
{
    struct kr_nft_rule *r = kr_nft_rule(c, "no header inside, and the head was judged");
    kr_nft_tail_fragment(r);
    kr_nft_accept(r);
    r = kr_nft_rule(c, "no header inside, and the head was judged");
    kr_nft_fragment6(r);
    kr_nft_accept(r);
}

/* Everything that reaches this chain is IP by its own bytes. */
static void ip_chain(const struct kr_plan *p, bool redirect, struct kr_nft_table *t)
{
    struct kr_nft_chain *c = kr_nft_chain(t, IP_CHAIN);
    if (kr_plan_keeps_range(p, redirect)) {
        sink_range(KR_SINK_RANGE4, c);
        sink_range(KR_SINK_RANGE6, c);
    }
    struct kr_nft_rule *r = kr_nft_rule(c, "other TCP ports are none of our business");
    kr_nft_dport(r, KR_IS_NOT, GUARDED);
    kr_nft_accept(r);
    tunnelled(p, c);
    r = kr_nft_rule(c, "nor is what is not TCP");
    kr_nft_l4proto_tcp(r, KR_IS_NOT);
    kr_nft_accept(r);
    kr_plan_option_rules(c);
    kr_plan_lan_accept(c, NULL);
    r = kr_nft_rule(c, "fence: dropped");
    kr_nft_dport(r, KR_IS, GUARDED);
    kr_nft_count(r, "blocked_egress");
    kr_nft_drop(r);
    pass_fragments(c);
    r = kr_nft_rule(c, "not understood, so not let out");
    kr_nft_count(r, "blocked_egress");
    kr_nft_drop(r);
}

static void ip_here(struct kr_nft_chain *c, uint16_t protocol, uint16_t outer, const char *why)
{
    struct kr_nft_rule *r = kr_nft_rule(c, why);
    kr_nft_protocol(r, protocol);
    if (outer)
        kr_nft_ethertype(r, TYPE_AT, outer);
    if (outer == ETH_P_8021Q || outer == ETH_P_8021AD)
        kr_nft_ethertype(r, INNER_AT, protocol);
    kr_nft_goto(r, IP_CHAIN);
}

static void ethernet_others(const struct kr_plan *p, struct kr_nft_chain *c)
{
    static const uint8_t snap[][6] = {
        {0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00}, /* RFC 1042: an ethertype behind it */
        {0xaa, 0xaa, 0x03, 0x00, 0x00, 0xf8}, /* IEEE 802.1H: the same, bridged */
    };
    struct kr_nft_rule *r;
    for (size_t i = 0; i < sizeof link_control / sizeof *link_control; i++) {
        r = kr_nft_rule(c, link_control[i].name);
        kr_nft_ethertype(r, TYPE_AT, link_control[i].type);
        kr_nft_accept(r);
    }
    for (size_t i = 0; i < sizeof snap / sizeof *snap; i++) {
        r = kr_nft_rule(c, "802.2 SNAP with an ethertype: IP may be inside");
        kr_nft_ethertype_length(r);
        kr_nft_snap(r, snap[i]);
        kr_nft_count(r, "blocked_ethertype");
        kr_nft_drop(r);
    }
    /* RFC 948, and the same address as a group. */
    for (uint8_t sap = 0x06; sap <= 0x07; sap++) {
        r = kr_nft_rule(c, "802.2 with the SAP of IP");
        kr_nft_ethertype_length(r);
        kr_nft_dsap(r, sap);
        kr_nft_count(r, "blocked_ethertype");
        kr_nft_drop(r);
    }
    r = kr_nft_rule(c, "other 802.2 frames: STP and its like");
    kr_nft_ethertype_length(r);
    kr_nft_accept(r);
    for (size_t i = 0; i < p->waivers.n; i++) {
        unsigned type;
        if (sscanf(p->waivers.v[i].id, "ethertype-0x%4x", &type) != 1)
            continue;
        r = kr_nft_rule(c, "allowed by a waiver");
        kr_nft_ethertype(r, TYPE_AT, (uint16_t)type);
        kr_nft_accept(r);
    }
}

/* A tag that a VLAN device put out of band reads as if it stood in the frame. */
static void vlan_devices(struct kr_nft_chain *c)
{
    static const uint16_t tags[] = {ETH_P_8021Q, ETH_P_8021AD};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        ip_here(c, ETH_P_IP, tags[i], "IPv4 of a VLAN device on this one");
        ip_here(c, ETH_P_IPV6, tags[i], "IPv6 of a VLAN device on this one");
        struct kr_nft_rule *r = kr_nft_rule(c, "ARP of a VLAN device on this one");
        kr_nft_ethertype(r, TYPE_AT, tags[i]);
        kr_nft_ethertype(r, INNER_AT, ETH_P_ARP);
        kr_nft_accept(r);
    }
}

static void ethernet(const struct kr_plan *p, const struct kr_uplink *u, struct kr_nft_chain *c)
{
    ip_here(c, ETH_P_IP, ETH_P_IP, "IPv4, by its bytes too");
    ip_here(c, ETH_P_IPV6, ETH_P_IPV6, "IPv6, by its bytes too");
    if (u->carries_vlan)
        vlan_devices(c);
    ethernet_others(p, c);
}

static void bare_ip(struct kr_nft_chain *c)
{
    ip_here(c, ETH_P_IP, 0, "IPv4");
    ip_here(c, ETH_P_IPV6, 0, "IPv6");
}

static void other_link_layer(struct kr_nft_chain *c)
{
    bare_ip(c);
    struct kr_nft_rule *r = kr_nft_rule(c, "ARP");
    kr_nft_protocol(r, ETH_P_ARP);
    kr_nft_accept(r);
}

static void chain_name(const struct kr_uplink *u, char out[static 64])
{
    char safe[IFNAMSIZ];
    bool changed = false;
    for (size_t i = 0; i < sizeof safe; i++) {
        safe[i] = u->name[i];
        if (safe[i] && !isalnum((unsigned char)safe[i]) && safe[i] != '_') {
            safe[i] = '_';
            changed = true;
        }
    }
    if (changed)
        snprintf(out, 64, "egress_%s_%u", safe, u->index);
    else
        snprintf(out, 64, "egress_%s", safe);
}

static void uplink_chain(const struct kr_plan *p, const struct kr_uplink *u, struct kr_nft_table *t)
{
    char name[64];
    chain_name(u, name);
    const struct kr_nft_hook h = {.type = "filter",
                                  .hook = NF_NETDEV_EGRESS,
                                  .priority = INT_MAX,
                                  .drop = true,
                                  .device = u->name};
    struct kr_nft_chain *c = kr_nft_base_chain(t, name, &h);
    if (u->layer == KR_LAYER_ETHERNET)
        ethernet(p, u, c);
    else if (u->layer == KR_LAYER_IP)
        bare_ip(c);
    else
        other_link_layer(c);
    struct kr_nft_rule *r = kr_nft_rule(c, "default deny");
    kr_nft_count(r, "blocked_ethertype");
    kr_nft_drop(r);
}

void kr_plan_fence(const struct kr_plan *p, bool redirect, struct kr_nft *ruleset)
{
    struct kr_nft_table *t = kr_nft_table(ruleset, NFPROTO_NETDEV, KR_TABLE);
    for (size_t i = 0; i < sizeof fence_counters / sizeof *fence_counters; i++)
        kr_nft_counter(t, fence_counters[i]);
    kr_plan_port_set(t, GUARDED, &p->guarded);
    kr_plan_lan_sets(p, t);
    ip_chain(p, redirect, t);
    for (size_t i = 0; i < p->uplinks.n; i++)
        uplink_chain(p, &p->uplinks.v[i], t);
}

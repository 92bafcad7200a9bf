/* What the kernel says of links, addresses, routes and policy rules: plain data, to be tested. */
#ifndef KR_NETVIEW_H
#define KR_NETVIEW_H

#include <kr/addr.h>

#include <net/if.h>

struct kr_link {
    unsigned index, lower, master; /* ifindex; IFLA_LINK in this namespace; IFLA_MASTER; 0: none */
    char name[IFNAMSIZ], kind[16]; /* IFLA_INFO_KIND, "" for hardware */
    unsigned arphrd, flags;        /* ARPHRD_*, IFF_* */
    bool lower_elsewhere;          /* IFLA_LINK_NETNSID: the lower device is in another namespace */
    bool vlan_reorder, vlan_filtering; /* VLAN_FLAG_REORDER_HDR; a bridge that tags its ports */
    uint16_t vlan_protocol;            /* 0x8100 or 0x88a8, 0: no VLAN device */
};
struct kr_ifaddr {
    unsigned index;
    struct kr_addr addr, peer; /* peer equals addr unless point-to-point */
    uint8_t len, scope;        /* v4-mapped prefix length, 0..128; RT_SCOPE_* */
    uint32_t flags;            /* IFA_F_* */
};
struct kr_route {
    struct kr_prefix dst;
    struct kr_addr gateway, source; /* source: RTA_PREFSRC */
    bool has_gateway, has_source, has_encap, multipath;
    bool odd;       /* says more than this struct: source prefix, TOS, metrics, nexthop id ... */
    uint8_t family; /* AF_INET, AF_INET6; IPv6 has routes to ::ffff:0:0/96 too */
    uint16_t encap; /* LWTUNNEL_ENCAP_* */
    unsigned oif;   /* 0: none (unreachable and its like); multipath: one row a next hop */
    uint32_t table, metric;
    uint8_t type, scope, protocol; /* RTN_*, RT_SCOPE_*, RTPROT_* */
};
struct kr_fibrule {
    uint32_t priority, table, mark; /* mark: FRA_FWMARK, 0 without */
    int family;
    uint8_t action, protocol, ipproto; /* FR_ACT_*, FRA_PROTOCOL, FRA_IP_PROTO */
    bool invert, l3mdev, detached;     /* "not"; for VRFs; names a device that is not there */
    uint16_t dport_first, dport_last;
    bool other_selectors; /* from, to, iif (lo: what this host sends), uid ..., or unknown ones */
    char iif[IFNAMSIZ];
};
struct kr_netview {
    struct kr_link *links; /* by index */
    struct kr_ifaddr *addrs;
    struct kr_route *routes;
    struct kr_fibrule *rules; /* IPv4 first, each family in the order of lookup */
    unsigned *mpls, *pppoe;   /* devices of AF_MPLS routes; devices below PPPoE sessions */
    size_t n_links, n_addrs, n_routes, n_rules, n_mpls, n_pppoe;
};

/* Reads all of it for this thread's network namespace (rtnetlink(7); libnl's objects would lose
 * encapsulations and unknown selectors). An interrupted dump is read again. -1: KR_UNKNOWN. */
int kr_netview_read(struct kr_netview *v, struct kr_err *e);
int kr_netview_read_addresses(struct kr_netview *v, struct kr_err *e); /* and links; no more */
void kr_netview_free(struct kr_netview *v);
const struct kr_link *kr_netview_link(const struct kr_netview *v, unsigned index);
const struct kr_link *kr_netview_link_named(const struct kr_netview *v, const char *name);

#endif

/* What the kernel says of links, addresses, routes and policy rules, read in one go. Plain data, so
 * that everything decided from it can be tested without a kernel. */
#ifndef KR_NETVIEW_H
#define KR_NETVIEW_H

#include <kr/addr.h>

#include <net/if.h>

struct kr_link {
    unsigned index, lower, master; /* ifindex; IFLA_LINK in this namespace; IFLA_MASTER; 0: none */
    char name[IFNAMSIZ], kind[16]; /* IFLA_INFO_KIND, "" for hardware */
    unsigned arphrd, flags;        /* ARPHRD_*, IFF_* */
    bool lower_elsewhere;          /* IFLA_LINK_NETNSID: the lower device is in another namespace */
    uint16_t vlan_protocol;        /* 0x8100 or 0x88a8, 0: no VLAN device */
    bool vlan_reorder;             /* VLAN_FLAG_REORDER_HDR: the tag stays out of band */
};
struct kr_ifaddr {
    unsigned index;
    struct kr_addr addr, peer; /* peer equals addr unless point-to-point */
    uint8_t len;               /* v4-mapped prefix length, 0..128 */
    uint8_t scope;             /* RT_SCOPE_* */
    uint32_t flags;            /* IFA_F_* */
};
struct kr_route {
    struct kr_prefix dst;
    struct kr_addr gateway, source;
    bool has_gateway, has_source, has_encap, multipath;
    unsigned
        oif; /* 0: none (unreachable and its like); a multipath route gives one row a next hop */
    uint32_t table, metric;
    uint8_t type, scope, protocol; /* RTN_*, RT_SCOPE_*, RTPROT_* */
};
struct kr_fibrule {
    int family;
    uint32_t priority, table;
    uint8_t action, protocol, ipproto; /* FR_ACT_*, FRA_PROTOCOL, FRA_IP_PROTO */
    uint16_t dport_first, dport_last;
    bool other_selectors; /* anything besides ipproto and dport: from, to, iif, oif, fwmark, uid ...
                           */
};
struct kr_netview {
    struct kr_link *links;
    struct kr_ifaddr *addrs;
    struct kr_route *routes;
    struct kr_fibrule *rules;
    size_t n_links, n_addrs, n_routes, n_rules;
};

/* Reads all of it for the current network namespace (rtnetlink(7), by libnl-route-3). A dump that
 * the kernel marks as interrupted is read again, at most 8 times. Returns 0, or -1 (KR_UNKNOWN). */
int kr_netview_read(struct kr_netview *v, struct kr_err *e);
int kr_netview_read_addresses(struct kr_netview *v,
                              struct kr_err *e); /* links and addresses only */
void kr_netview_free(struct kr_netview *v);
const struct kr_link *kr_netview_link(const struct kr_netview *v, unsigned index);
const struct kr_link *kr_netview_link_named(const struct kr_netview *v, const char *name);

#endif

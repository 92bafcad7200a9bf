/* One reading of a kr_netview: the rows of its dumps. */
#ifndef KR_NETVIEW_INTERNAL_H
#define KR_NETVIEW_INTERNAL_H

#include <kr/netview.h>
#include <kr/rt.h>

struct nlattr;

struct kr_nv_hop {       /* a nexthop object, RTM_GETNEXTHOP (Linux 5.3), or a member of a group */
    uint32_t id, member; /* member: of group `id`, another object's id; 0: this is no group row */
    unsigned oif;
    struct kr_addr gateway;
    bool has_gateway, has_encap;
    uint16_t encap;
};
struct kr_nv {
    struct kr_netview *v;
    size_t cap_links, cap_addrs, cap_routes, cap_rules, cap_mpls, cap_pppoe;
    struct kr_nv_hop *hops;
    size_t n_hops, cap_hops;
    uint32_t *route_hop; /* of each row of v->routes: the nexthop id still to be looked up, or 0 */
    size_t n_route_hop, cap_route_hop;
    bool pending; /* some route_hop is not 0 */
};

int kr_nv_link(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_addr(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_route4(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_route6(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_mpls(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_rule4(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_rule6(const struct nlmsghdr *h, void *nv, struct kr_err *e);
int kr_nv_nexthop(const struct nlmsghdr *h, void *nv, struct kr_err *e);
/* Fills the rows that name a nexthop object only (sysctl net.ipv4.nexthop_compat_mode = 0). */
int kr_nv_resolve(struct kr_nv *nv, struct kr_err *e);

/* The address in an attribute. False when there is none; *bad is set when it is too short. */
bool kr_nv_take(int family, struct nlattr *a, struct kr_addr *out, bool *bad);
int kr_nv_unreadable(const char *what, struct kr_err *e);

#endif

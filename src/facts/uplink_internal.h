/* The search for uplinks: one pass up from the routes, one down through what lies below. */
#ifndef KR_UPLINK_INTERNAL_H
#define KR_UPLINK_INTERNAL_H

#include <kr/uplink.h>

struct kr_up_search {
    const struct kr_netview *v;
    const char *ignore;
    struct kr_uplinks *u;
    size_t cap, cap_encaps;
    size_t *at;                   /* of each link of v: its place in u->v plus one, or 0 */
    const struct kr_link **ports; /* links that have a master, sorted by it */
    size_t n_ports;
};

/* The ports of a master: *n of them. */
const struct kr_link *const *kr_up_ports(const struct kr_up_search *s, unsigned master, size_t *n);
/* Where frames of l go by IFLA_LINK, or NULL: the peer of a veth pair is beside it, not below. */
const struct kr_link *kr_up_lower(const struct kr_up_search *s, const struct kr_link *l);
bool kr_up_is_ppp(const struct kr_link *l);
struct kr_uplink *kr_up_known(const struct kr_up_search *s, const struct kr_link *l);
/* Fills encaps, carries_vlan and the tunnels, once all uplinks are known. */
void kr_up_encaps(struct kr_up_search *s);
void kr_up_tunnels(struct kr_up_search *s);

#endif

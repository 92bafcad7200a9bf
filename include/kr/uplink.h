/* Which devices lead out, and what the fence on them would cut: decided from a kr_netview alone. */
#ifndef KR_UPLINK_H
#define KR_UPLINK_H

#include <kr/netview.h>

struct kr_strlist;

enum kr_uplink_layer {
    KR_LAYER_ETHERNET, /* ARPHRD_ETHER: frames begin with an Ethernet header */
    KR_LAYER_IP,       /* tunnels, PPP, tun: the device carries bare IP */
    KR_LAYER_OTHER,    /* link layers whose header we do not read (InfiniBand ...) */
};
struct kr_uplink {
    unsigned index;
    char name[IFNAMSIZ];
    enum kr_uplink_layer layer;
    bool carries_vlan; /* one tag comes to it out of band: a VLAN device sits on it, or on a bond or
                          bridge above it, or that bridge tags by itself */
    bool tunnels_ipip, tunnels_gre; /* a tunnel of this host that is up, or a segment route, may
                                       send such packets */
    char why[96];                   /* "default route", "below bond0", "hardware device" ... */
};
/* An encapsulation that the fence would cut on a device: PPPoE, QinQ, a VLAN device with in-band
 * tags, MPLS, MACsec, batman-adv. */
struct kr_encap {
    char uplink[IFNAMSIZ], lower[IFNAMSIZ]; /* who sends so; on which fenced device it shows */
    uint16_t ethertype;                     /* bytes 12 and 13 of the frame there */
    char what[64];                          /* "QinQ: eth0.5.7 on eth0.5" */
};
struct kr_uplinks {
    struct kr_uplink *v; /* as found: by routes, hardware, below */
    size_t n;
    struct kr_encap *encaps;
    size_t n_encaps;
};

/* Every device that a default route, a route through a gateway or one that somebody laid to other
 * than private space uses (any table but `local` and our own), every hardware device, and whatever
 * lies below them (bond and bridge ports, VLAN parents, macvlan lower devices, what tunnels and
 * PPPoE run on), lo and `ignore` (our own hole) left out. With `only` (names from --uplink) just
 * those and what lies below them. Returns 0, or -1: KR_USAGE for a name that does not exist,
 * KR_UNKNOWN. */
int kr_uplinks_find(const struct kr_netview *v, const struct kr_strlist *only, const char *ignore,
                    struct kr_uplinks *out, struct kr_err *e);
void kr_uplinks_free(struct kr_uplinks *u);

#endif

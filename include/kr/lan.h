/* Exemptions: prefixes that are neither redirected nor blocked, each tied to the device it is on.
 */
#ifndef KR_LAN_H
#define KR_LAN_H

#include <kr/netview.h>

struct kr_strlist;

struct kr_exempt {
    struct kr_prefix prefix;
    unsigned index;
    char ifname[IFNAMSIZ];
    /* How its route goes there: the preferred source; a gateway only by the waiver. */
    struct kr_addr source, gateway;
    bool has_source, has_gateway;
};
struct kr_lan {
    struct kr_exempt *v; /* sorted by device and prefix, disjoint within a device */
    size_t n, cap;
};

/* `words` are the values of --lan: "auto" (also when empty), "none", CIDRs; "auto" and CIDRs add
 * up. auto: on-link prefixes of the host's addresses that are private (RFC 1918, RFC 4193,
 * link-local), never a public one, and never what inside them a longer route leads elsewhere;
 * prefixes of `ignore` (our hole) and lo never. A CIDR must be on-link: the longest route that
 * covers it and every route inside it, of any table, lead to one device without a gateway;
 * otherwise refused (KR_UNSAFE) naming the route. Refused as absurd (KR_USAGE, with the reason):
 * /0, IPv4 shorter than /8, IPv6 shorter than /16, loopback, multicast, documentation and
 * benchmarking space, a prefix that overlaps one of `reserved` (the sink). `allow_gateway`: routed
 * prefixes are taken (the waiver lan-gateway), tied to the device of their route. Linear in routes
 * and prefixes × log. */
int kr_lan_find(const struct kr_netview *v, const struct kr_strlist *words, const char *ignore,
                const struct kr_prefix *reserved, size_t n_reserved, bool allow_gateway,
                struct kr_lan *out, struct kr_err *e);
void kr_lan_free(struct kr_lan *l);

#endif

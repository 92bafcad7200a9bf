/* Routes in an order that answers: which one covers this, which ones lie inside it. */
#ifndef KR_LAN_INTERNAL_H
#define KR_LAN_INTERNAL_H

#include <kr/lan.h>

struct kr_lan_routes {
    const struct kr_route **v; /* by prefix; of equal ones the main table's first, then by metric */
    size_t n;
    size_t *up; /* of each: the first of the routes that cover it most closely, or NONE */
};
#define KR_LAN_NONE SIZE_MAX

/* All that forward or refuse packets: not the local table's, our own, those to `ignore`. */
void kr_lan_routes(const struct kr_netview *v, unsigned ignore, struct kr_lan_routes *out);
void kr_lan_routes_free(struct kr_lan_routes *r);
/* The first of the longest routes that cover p, or NONE. Those of the same prefix follow it. */
size_t kr_lan_covering(const struct kr_lan_routes *r, const struct kr_prefix *p);
/* The first route not before p: those inside p start here and are all together. */
size_t kr_lan_from(const struct kr_lan_routes *r, const struct kr_prefix *p);
bool kr_lan_same_family(const struct kr_prefix *a, const struct kr_prefix *b);

#endif

/* The hosts this one has lately talked to on its links (ARP, neighbour discovery). */
#ifndef KR_NEIGH_H
#define KR_NEIGH_H

#include <kr/addr.h>

struct kr_err;

struct kr_neigh {
    unsigned index; /* of the device */
    struct kr_addr addr;
    uint16_t state; /* NUD_* */
};
struct kr_neighs {
    struct kr_neigh *v;
    size_t n, cap;
};

/* Every entry of both families that has, or had, an answer (NUD_VALID: reachable, stale, delay,
 * probe, permanent), without those of NUD_NOARP devices. An interrupted dump is read again, at most
 * 8 times. Returns 0, or -1 (KR_UNKNOWN, KR_CANNOT); then *out holds nothing. */
int kr_neighs_read(struct kr_neighs *out, struct kr_err *e);
void kr_neighs_free(struct kr_neighs *s);

#endif

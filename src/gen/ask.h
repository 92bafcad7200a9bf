/* What the kernel is asked directly, without privileges and without a library. */
#ifndef KR_GEN_ASK_H
#define KR_GEN_ASK_H

#include <kr/addr.h>

#include <net/if.h>

struct kr_err;

struct route {
    unsigned char type; /* RTN_* */
    uint32_t table;
    bool gateway; /* or anything else that takes packets further */
    unsigned oif;
};
/* The route this host would take; with a port, that of TCP connections to it. scope: the device of
 * a link-local address, or 0. Returns 0; 1: there is none; -1 (KR_UNKNOWN). */
int ask_route(const struct kr_addr *to, unsigned scope, uint16_t port, struct route *out,
              struct kr_err *e);
/* The generation of the nftables ruleset. Returns 0; 1: only who has CAP_NET_ADMIN may ask; -1
 * (KR_UNKNOWN). */
int ask_generation(uint32_t *out, struct kr_err *e);

#endif

/* What the kernel's own route lookup says (RTM_GETROUTE): nothing is sent, nothing changed. */
#ifndef KR_LOOKUP_H
#define KR_LOOKUP_H

#include <kr/addr.h>

struct kr_err;

struct kr_lookup {
    /* Asked: TCP to a port (RTA_IP_PROTO, RTA_DPORT: Linux 4.18), or to none when dport is 0. */
    struct kr_addr to, from; /* from: an address of this host, when has_from */
    bool has_from;
    uint16_t dport;
    uint32_t mark;  /* 0: none */
    unsigned bound; /* the device a socket is bound to, 0: none; a VRF; that of a link-local `to` */
    unsigned
        in; /* forwarded: the device it comes in by, with `from` of its network; 0: sent here */
    /* Answered. */
    int error;    /* errno value of the kernel's refusal: ENETUNREACH, EHOSTUNREACH ...; 0 */
    uint8_t type; /* RTN_*, without an error */
    unsigned out; /* ifindex */
    uint32_t table;
    struct kr_addr gateway;
    bool has_gateway;
};

/* Asks for each of them in this thread's network namespace. Returns 0, or -1 (KR_UNKNOWN). */
int kr_lookup_run(struct kr_lookup *v, size_t n, struct kr_err *e);

#endif

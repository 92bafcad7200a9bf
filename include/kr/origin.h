/* From which address this host would send to the internet. */
#ifndef KR_ORIGIN_H
#define KR_ORIGIN_H

#include <kr/addr.h>

struct kr_err;

struct kr_origin {
    bool has4, has6; /* the family has a route out and a source address */
    struct kr_addr source4, source6;
};

/* Asks the kernel by connect(2) on a UDP socket, which sends nothing (udp(7)), toward documentation
 * addresses. A family without a route or with a loopback source has no origin. Returns 0, or -1
 * (KR_UNKNOWN). */
int kr_origin_find(struct kr_origin *out, struct kr_err *e);

#endif

/* Whom a redirected client meant to reach. */
#ifndef KR_SINK_ORIGDST_H
#define KR_SINK_ORIGDST_H

#include <kr/endpoint.h>

struct kr_origdst {
    struct kr_addr local; /* our end of the connection */
    struct kr_addr meant; /* the original destination; `local` when not redirected */
    bool redirected;
};

/* Asks the kernel (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST: both option 80, see
 * linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h). A kernel that has no such connection
 * (ENOENT) or no connection tracking did not redirect it. `local`: our end, where
 * the listener says it; or NULL, and the kernel is asked. Returns 0, or -1 when the socket has no
 * local address. */
int kr_origdst(int fd, const struct kr_endpoint *local, struct kr_origdst *out);

#endif

/* Whom a redirected client meant to reach. */
#ifndef KR_SINK_ORIGDST_H
#define KR_SINK_ORIGDST_H

#include <kr/endpoint.h>

struct kr_origdst {
    struct kr_addr local; /* our end of the connection, where it was asked for */
    struct kr_addr meant; /* the original destination; our end when not redirected */
    bool redirected;
};

/* Asks the kernel (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST: both option 80, see
 * linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h). A kernel that has no such connection
 * (ENOENT) or no connection tracking did not redirect it. `bound`: where its listener is bound, to
 * one address of its family or to all; `local`: whether out->local is asked for. Returns 0, or -1
 * when the socket has no local address. */
int kr_origdst(int fd, const struct kr_endpoint *bound, bool local, struct kr_origdst *out);

#endif

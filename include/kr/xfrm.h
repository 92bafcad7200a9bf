/* IPsec: what the kernel's policies would transform (ip-xfrm(8), linux/xfrm.h). */
#ifndef KR_XFRM_H
#define KR_XFRM_H

#include <stdbool.h>
#include <stddef.h>

struct kr_err;

struct kr_xfrm {
    bool absent;        /* this kernel has no NETLINK_XFRM */
    size_t out, states; /* policies for what goes out; states */
    size_t out_tcp;     /* of these, policies that select TCP or any protocol */
    size_t offloaded;   /* policies and states handed to hardware, whole packets */
    unsigned device;    /* of the last such one, ifindex */
};

/* Dumps both for this thread's namespace. Needs CAP_NET_ADMIN. Returns 0, or -1 (KR_UNKNOWN). */
int kr_xfrm_read(struct kr_xfrm *out, struct kr_err *e);

#endif

/* Listening TCP sockets of this network namespace (sock_diag(7)). */
#ifndef KR_LISTENER_H
#define KR_LISTENER_H

#include <kr/addr.h>

struct kr_err;

struct kr_listener {
    struct kr_addr local; /* any address of a family: all zero bits of it */
    uint16_t port;
    bool any;               /* bound to no address */
    uint32_t backlog, uid;  /* backlog: connections it holds until they are accepted */
    uint32_t queued, inode; /* of those now waiting; inode: as /proc/PID/fd shows it */
};
struct kr_listeners {
    struct kr_listener *v;
    size_t n, cap;
};

/* Every listener of both families. An interrupted dump is read again, at most 8 times. Returns 0,
 * or -1: KR_CANNOT without tcp_diag (CONFIG_INET_TCP_DIAG), KR_UNKNOWN; `out` then holds nothing.
 */
int kr_listeners_read(struct kr_listeners *out, struct kr_err *e);
void kr_listeners_free(struct kr_listeners *l);

#endif

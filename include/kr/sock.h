/* TCP sockets of this namespace: sock_diag(7), and SOCK_DESTROY (Linux 4.5). */
#ifndef KR_SOCK_H
#define KR_SOCK_H

#include <kr/addr.h>

struct kr_err;
struct kr_nl;

struct kr_sock {
    struct kr_addr local, peer;
    uint16_t local_port, peer_port;
    uint8_t family, state;              /* AF_INET or AF_INET6 of the socket itself; TCP_* */
    uint32_t cookie[2], ifindex, inode; /* inode 0: no process holds it */
};
struct kr_socks {
    struct kr_sock *v;
    size_t n, cap;
};

/* Sockets with one of these peer ports, in every state but LISTEN. Returns 0, or -1 (KR_UNKNOWN).
 */
int kr_socks_read(struct kr_nl *nl, const uint16_t *ports, size_t n_ports, struct kr_socks *out,
                  struct kr_err *e);
void kr_socks_free(struct kr_socks *s);
/* Returns 0 (destroyed, or gone already), EOPNOTSUPP when the kernel can't, or -1. */
int kr_sock_destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e);

#endif

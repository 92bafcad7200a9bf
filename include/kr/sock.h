/* TCP sockets of this network namespace by their peer's port: listing and destroying them
 * (sock_diag(7)). */
#ifndef KR_SOCK_H
#define KR_SOCK_H

#include <kr/addr.h>

struct kr_err;
struct kr_nl;

struct kr_sock {
    struct kr_addr local, peer;
    uint16_t local_port, peer_port;
    uint8_t family; /* of the socket: AF_INET6 also for a v4-mapped peer */
    uint8_t state;  /* TCP_* of <netinet/tcp.h> */
    bool time_wait; /* no full socket any more, only its remains: TIME_WAIT or FIN_WAIT2 */
    bool orphan;    /* belongs to no descriptor: closed, or not yet accepted */
    uint32_t cookie[2], ifindex;
    uint32_t inode; /* as /proc/PID/fd shows it; 0: an orphan */
};
struct kr_socks {
    struct kr_sock *v;
    size_t n, cap;
};

/* Adds every TCP socket (both families; MPTCP subflows are such) of any state but LISTEN whose
 * peer's port is one of `ports`. The kernel filters, and what it sends is checked again. An
 * interrupted dump is read again, at most 8 times. Returns 0, or -1: KR_CANNOT without tcp_diag
 * (CONFIG_INET_TCP_DIAG), KR_UNKNOWN; `out` then holds nothing. */
int kr_socks_read(const uint16_t *ports, size_t n_ports, struct kr_socks *out, struct kr_err *e);
void kr_socks_free(struct kr_socks *s);

/* SOCK_DESTROY (Linux 4.5): a RST goes to the peer, the owner reads ECONNABORTED. `nl` is open on
 * NETLINK_SOCK_DIAG. Returns 0 (destroyed, or gone already); EOPNOTSUPP: CONFIG_INET_DIAG_DESTROY
 * is missing, or this kernel can't destroy what is in TIME_WAIT; -1: KR_CANNOT without
 * CAP_NET_ADMIN, KR_UNKNOWN. */
int kr_sock_destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e);

#endif

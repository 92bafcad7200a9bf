/* Sockets that write their own headers: packet(7) and raw(7), of this thread's namespace. */
#ifndef KR_BARE_SOCK_H
#define KR_BARE_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;

struct kr_bare_sock {
    uint32_t inode;    /* of /proc/PID/fd: "socket:[INODE]" */
    int family;        /* AF_PACKET, AF_INET, AF_INET6 */
    unsigned ifindex;  /* AF_PACKET: the device it is bound to; 0: any */
    uint16_t protocol; /* an ethertype, or a protocol number of IP */
    uint8_t type;      /* AF_PACKET: SOCK_RAW, SOCK_DGRAM, SOCK_PACKET */
    bool tx_ring;      /* PACKET_TX_RING */
};
struct kr_bare_socks {
    struct kr_bare_sock *v;
    size_t n, cap;
};

/* Adds the packet sockets (PACKET_DIAG, Linux 3.7; on a kernel without it /proc/net/packet, which
 * does not know of rings). Returns 0, or -1 (KR_UNKNOWN); `out` then holds nothing. */
int kr_packet_socks_read(struct kr_bare_socks *out, struct kr_err *e);
/* Adds the raw sockets: /proc/net/raw and raw6. */
int kr_raw_socks_read(struct kr_bare_socks *out, struct kr_err *e);
void kr_bare_socks_free(struct kr_bare_socks *s);

#endif

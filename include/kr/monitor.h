/* Watches what leaves by some devices of this namespace: the tap behind everything that could still
 * drop it (packet(7); dev_queue_xmit_nit in net/core/dev.c runs after netfilter's egress hook).
 * Blind to AF_XDP, to PACKET_QDISC_BYPASS and to what hardware forwards. */
#ifndef KR_MONITOR_H
#define KR_MONITOR_H

#include <kr/addr.h>

struct kr_err;

struct kr_sent {
    unsigned ifindex;
    struct kr_addr dst;
    uint16_t dport; /* of TCP; 0 for what has no ports: a later fragment, another protocol */
    bool neighbour; /* no packet yet: ARP or neighbour discovery asks for dst */
};
struct kr_monitor {
    struct kr_monitored {
        int fd;
        unsigned ifindex;
    } * v;
    size_t n;
};
/* Sees only what goes to documentation addresses (RFC 5737; 2001:db8:2500::/48 of RFC 3849), to
 * the benchmarking ranges of the built-in sink, and neighbour requests. Needs CAP_NET_RAW. Returns
 * 0, or -1 (KR_CANNOT). */
int kr_monitor_open(struct kr_monitor *m, const unsigned *ifindex, size_t n, struct kr_err *e);
/* Waits at most ms for anything, then hands over all that waits. Returns 0, or -1: KR_UNKNOWN when
 * frames were lost or a device went away. */
typedef void (*kr_sent_cb)(const struct kr_sent *x, void *arg);
int kr_monitor_read(struct kr_monitor *m, int ms, kr_sent_cb cb, void *arg, struct kr_err *e);
void kr_monitor_close(struct kr_monitor *m);
#define KR_AUTO_MONITOR __attribute__((cleanup(kr_monitor_close)))

/* A packet as packet sockets give it, from its network header on: false when it is none of those
 * above. `protocol`: ETH_P_*. Pure. */
bool kr_sent_parse(uint16_t protocol, const uint8_t *p, size_t n, struct kr_sent *out);

#endif

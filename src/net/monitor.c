#include <kr/monitor.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 2048
#define BUFFER (4 << 20)

/* ---- what is let through
 * -------------------------------------------------------------------------
 */

#define AD(what) ((unsigned)(SKF_AD_OFF + (what)))
#define YES 25 /* the last two instructions */
#define NO 26
#define GO(to, from) (unsigned char)((to) - (from)-1)
#define LOAD(k) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k)
#define IS(k, yes, no, at) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, GO(yes, at), GO(no, at))

static struct sock_filter program[] = {
    /*  0 */ LOAD(AD(SKF_AD_PKTTYPE)),
    /*  1 */ IS(PACKET_OUTGOING, 2, NO, 1),
    /*  2 */ LOAD(AD(SKF_AD_PROTOCOL)),
    /*  3 */ IS(ETH_P_ARP, YES, 4, 3),
    /*  4 */ IS(ETH_P_IPV6, 13, 5, 4),
    /*  5 */ IS(ETH_P_IP, 6, NO, 5),
    /*  6 */ LOAD(16), /* IPv4 destination */
    /*  7 */ BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffffff00),
    /*  8 */ IS(0xc0000200, YES, 9, 8),   /* 192.0.2.0/24 */
    /*  9 */ IS(0xc6336400, YES, 10, 9),  /* 198.51.100.0/24 */
    /* 10 */ IS(0xcb007100, YES, 11, 10), /* 203.0.113.0/24 */
    /* 11 */ IS(0xc6121900, YES, 12, 11), /* 198.18.25.0/24 */
    /* 12 */ IS(0xc6121b00, YES, NO, 12), /* 198.18.27.0/24 */
    /* 13 */ LOAD(24),                    /* IPv6 destination */
    /* 14 */ IS(0x20010db8, 17, 15, 14),
    /* 15 */ IS(0x20010002, 19, 16, 15),
    /* 16 */ IS(0xff020000, 22, NO, 16),
    /* 17 */ LOAD(28),
    /* 18 */ IS(0x25000000, YES, NO, 18), /* 2001:db8:2500::/64 */
    /* 19 */ LOAD(28),
    /* 20 */ IS(0x00000025, YES, 21, 20), /* 2001:2:0:25::/64 */
    /* 21 */ IS(0x00000027, YES, NO, 21), /* 2001:2:0:27::/64 */
    /* 22 */ BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
    /* 23 */ IS(IPPROTO_ICMPV6, YES, NO, 23), /* to a solicited-node address */
    /* 24 */ BPF_STMT(BPF_RET | BPF_K, 0),
    /* 25 */ BPF_STMT(BPF_RET | BPF_K, ROOM),
    /* 26 */ BPF_STMT(BPF_RET | BPF_K, 0),
};
_Static_assert(sizeof program / sizeof *program == NO + 1, "the jumps fit");

/* ---- reading
 * -------------------------------------------------------------------------------------
 */

static uint16_t port_at(const uint8_t *p, size_t n, size_t at)
{
    unsigned port = at + 4 <= n ? (unsigned)p[at + 2] << 8 | p[at + 3] : 0;
    return (uint16_t)port;
}

static bool parse4(const uint8_t *p, size_t n, struct kr_sent *out)
{
    if (n < 20)
        return false;
    bool first = ((p[6] & 0x1f) | p[7]) == 0;
    out->dst = kr_addr_make(AF_INET, p + 16);
    out->dport = p[9] == IPPROTO_TCP && first ? port_at(p, n, (size_t)(p[0] & 15) * 4) : 0;
    return true;
}

static bool is_extension(uint8_t type)
{
    return type == IPPROTO_HOPOPTS || type == IPPROTO_ROUTING || type == IPPROTO_DSTOPTS;
}

static bool parse6(const uint8_t *p, size_t n, struct kr_sent *out)
{
    if (n < 40)
        return false;
    uint8_t type = p[6];
    size_t at = 40;
    out->dst = kr_addr_make(AF_INET6, p + 24);
    for (; is_extension(type) && at + 8 <= n; at += 8 + (size_t)p[at + 1] * 8)
        type = p[at];
    if (type == IPPROTO_ICMPV6 && at + 24 <= n && p[at] == ND_NEIGHBOR_SOLICIT) {
        out->neighbour = true;
        out->dst = kr_addr_make(AF_INET6, p + at + 8);
        return true;
    }
    out->dport = type == IPPROTO_TCP ? port_at(p, n, at) : 0;
    return p[24] != 0xff;
}

/* A request for an IPv4 address (RFC 826). */
static bool parse_arp(const uint8_t *p, size_t n, struct kr_sent *out)
{
    if (n < 28 || p[4] != 6 || p[5] != 4 || p[7] != 1)
        return false;
    out->neighbour = true;
    out->dst = kr_addr_make(AF_INET, p + 24);
    return true;
}

bool kr_sent_parse(uint16_t protocol, const uint8_t *p, size_t n, struct kr_sent *out)
{
    static const struct {
        uint16_t protocol;
        bool (*parse)(const uint8_t *p, size_t n, struct kr_sent *out);
    } rows[] = {{ETH_P_IP, parse4}, {ETH_P_IPV6, parse6}, {ETH_P_ARP, parse_arp}};
    *out = (struct kr_sent){.ifindex = out->ifindex};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].protocol == protocol)
            return rows[i].parse(p, n, out);
    return false;
}

static int open_one(struct kr_monitored *x, unsigned ifindex, struct kr_err *e)
{
    struct sock_fprog prog = {sizeof program / sizeof *program, program};
    struct sockaddr_ll at = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)ifindex};
    int size = BUFFER;
    x->ifindex = ifindex;
    /* Protocol 0: nothing arrives before the filter stands. */
    x->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (x->fd < 0 || setsockopt(x->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof prog))
        return kr_fail(e, KR_CANNOT, errno, "watching device %u", ifindex);
    setsockopt(x->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(x->fd, (struct sockaddr *)&at, sizeof at))
        return kr_fail(e, KR_CANNOT, errno, "watching device %u", ifindex);
    return 0;
}

int kr_monitor_open(struct kr_monitor *m, const unsigned *ifindex, size_t n, struct kr_err *e)
{
    *m = (struct kr_monitor){.v = kr_calloc(n ? n : 1, sizeof *m->v)};
    for (size_t i = 0; i < n; i++)
        m->v[i].fd = -1;
    m->n = n;
    for (size_t i = 0; i < n; i++)
        if (open_one(&m->v[i], ifindex[i], e)) {
            kr_monitor_close(m);
            return -1;
        }
    return 0;
}

static int drain(struct kr_monitored *x, kr_sent_cb cb, void *arg, struct kr_err *e)
{
    uint8_t buf[ROOM];
    struct sockaddr_ll from = {0};
    for (;;) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(x->fd, buf, sizeof buf, 0, (struct sockaddr *)&from, &len);
        struct kr_sent sent = {.ifindex = x->ifindex};
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0)
            return kr_fail(e, KR_UNKNOWN, errno, "the monitor of device %u died", x->ifindex);
        if (kr_sent_parse(ntohs(from.sll_protocol), buf, (size_t)n, &sent))
            cb(&sent, arg);
    }
}

static int lost(const struct kr_monitored *x, struct kr_err *e)
{
    struct tpacket_stats stats = {0};
    socklen_t len = sizeof stats;
    if (getsockopt(x->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
        return kr_fail(e, KR_UNKNOWN, errno, "the monitor of device %u", x->ifindex);
    return stats.tp_drops ? kr_fail(e, KR_UNKNOWN, 0, "the monitor of device %u lost %u frames",
                                    x->ifindex, stats.tp_drops)
                          : 0;
}

int kr_monitor_read(struct kr_monitor *m, int ms, kr_sent_cb cb, void *arg, struct kr_err *e)
{
    KR_AUTO_FREE struct pollfd *polls = kr_calloc(m->n ? m->n : 1, sizeof *polls);
    for (size_t i = 0; i < m->n; i++)
        polls[i] = (struct pollfd){.fd = m->v[i].fd, .events = POLLIN};
    if (poll(polls, m->n, ms) < 0 && errno != EINTR)
        return kr_fail(e, KR_UNKNOWN, errno, "the monitor");
    for (size_t i = 0; i < m->n; i++)
        if (drain(&m->v[i], cb, arg, e) || lost(&m->v[i], e))
            return -1;
    return 0;
}

void kr_monitor_close(struct kr_monitor *m)
{
    for (size_t i = 0; i < m->n; i++)
        kr_close_fd(&m->v[i].fd);
    free(m->v);
    *m = (struct kr_monitor){0};
}

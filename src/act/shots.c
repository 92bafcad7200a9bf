#include "campaign.h"

#include <kr/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MARK 0x6b72u
#define ROOM 128

static uint32_t sum_up(uint32_t sum, const void *data, size_t n)
{
    const uint8_t *p = data;
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (uint32_t)(p[i] << 8 | p[i + 1]);
    return n & 1 ? sum + (uint32_t)(p[n - 1] << 8) : sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/* A SYN whose checksum is right (RFC 9293 3.1), or a middlebox might tell it from a real one. */
static struct tcphdr syn(const struct kr_shot *s)
{
    uint8_t from[16], to[16];
    size_t n = kr_addr_bytes(&s->source, from);
    struct tcphdr t = {.th_sport = htons((uint16_t)(40000 + s->destination.b[15])),
                       .th_dport = htons(s->port),
                       .th_seq = htonl(1),
                       .th_off = sizeof t / 4,
                       .th_flags = TH_SYN,
                       .th_win = htons(1024)};
    kr_addr_bytes(&s->destination, to);
    t.th_sum = folded(sum_up(sum_up(sum_up(IPPROTO_TCP + sizeof t, from, n), to, n), &t, sizeof t));
    return t;
}

static size_t packet4(const struct kr_shot *s, uint8_t out[static ROOM])
{
    const struct tcphdr t = syn(s);
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .tot_len = htons(sizeof ip + sizeof t),
                       .id = htons(1),
                       .ttl = 1,
                       .protocol = IPPROTO_TCP};
    kr_addr_bytes(&s->source, &ip.saddr);
    kr_addr_bytes(&s->destination, &ip.daddr);
    ip.check = folded(sum_up(0, &ip, sizeof ip));
    memcpy(out, &ip, sizeof ip);
    memcpy(out + sizeof ip, &t, sizeof t);
    return sizeof ip + sizeof t;
}

static size_t packet6(const struct kr_shot *s, uint8_t out[static ROOM])
{
    const struct tcphdr t = syn(s);
    struct ip6_hdr ip = {0};
    ip.ip6_vfc = 6 << 4;
    ip.ip6_plen = htons(sizeof t);
    ip.ip6_nxt = IPPROTO_TCP;
    ip.ip6_hops = 1;
    kr_addr_bytes(&s->source, &ip.ip6_src);
    kr_addr_bytes(&s->destination, &ip.ip6_dst);
    memcpy(out, &ip, sizeof ip);
    memcpy(out + sizeof ip, &t, sizeof t);
    return sizeof ip + sizeof t;
}

static size_t packet(const struct kr_shot *s, uint8_t out[static ROOM])
{
    return kr_addr_is_v4(&s->source) ? packet4(s, out) : packet6(s, out);
}

static int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int bind_to_device(const struct kr_shot *s)
{
    char name[IFNAMSIZ];
    if (s->method != KR_BY_DEVICE)
        return 0;
    return if_indextoname(s->ifindex, name)
               ? setsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1)
               : -1;
}

static int send_connect(struct kr_shot *s)
{
    struct sockaddr_storage from, to;
    socklen_t from_len = kr_addr_sockaddr(&s->source, 0, &from);
    socklen_t to_len = kr_addr_sockaddr(&s->destination, s->port, &to);
    int hops = s->method == KR_BY_FORWARD ? 2 : 1;
    s->fd = socket(from.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 ||
        (from.ss_family == AF_INET ? set(s->fd, IPPROTO_IP, IP_TTL, hops)
                                   : set(s->fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, hops)) ||
        set(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) ||
        (s->method == KR_BY_MARK && set(s->fd, SOL_SOCKET, SO_MARK, MARK)) || bind_to_device(s) ||
        bind(s->fd, (struct sockaddr *)&from, from_len))
        return -1;
    int bad = connect(s->fd, (struct sockaddr *)&to, to_len);
    return bad && errno != EINPROGRESS ? -1 : 0;
}

static int send_raw(struct kr_shot *s)
{
    uint8_t p[ROOM];
    struct sockaddr_storage to;
    socklen_t len = kr_addr_sockaddr(&s->destination, 0, &to);
    size_t n = packet(s, p);
    s->fd = socket(to.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    return s->fd < 0 || sendto(s->fd, p, n, 0, (struct sockaddr *)&to, len) < 0 ? -1 : 0;
}

/* To the device's own link address: no switch passes that on, and no host takes it. */
static int own_link_address(int fd, unsigned ifindex, struct sockaddr_ll *to)
{
    struct ifreq r = {0};
    if (!if_indextoname(ifindex, r.ifr_name) || ioctl(fd, SIOCGIFHWADDR, &r))
        return -1;
    to->sll_halen = ETH_ALEN;
    memcpy(to->sll_addr, r.ifr_hwaddr.sa_data, ETH_ALEN);
    return 0;
}

static int send_packet(struct kr_shot *s)
{
    uint8_t p[ROOM];
    size_t n = packet(s, p);
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_ifindex = (int)s->ifindex,
                             .sll_protocol =
                                 htons(kr_addr_is_v4(&s->source) ? ETH_P_IP : ETH_P_IPV6)};
    s->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return s->fd < 0 || own_link_address(s->fd, s->ifindex, &to) ||
                   sendto(s->fd, p, n, 0, (struct sockaddr *)&to, sizeof to) < 0
               ? -1
               : 0;
}

void kr_shot_send(struct kr_shot *s)
{
    static int (*const by[])(struct kr_shot * s) = {
        [KR_BY_CONNECT] = send_connect, [KR_BY_MARK] = send_connect,
        [KR_BY_DEVICE] = send_connect,  [KR_BY_RAW] = send_raw,
        [KR_BY_PACKET] = send_packet,   [KR_BY_FORWARD] = send_connect,
    };
    _Static_assert(sizeof by / sizeof *by == KR_METHODS, "a way for each method");
    s->sys = by[s->method](s) ? errno : 0;
}

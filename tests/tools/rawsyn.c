/*
 * Sends one hand-made TCP segment, in every way a privileged program can.
 *
 *   rawsyn [OPTION]... SRC SPORT DST DPORT
 *
 *   -V hdrincl   raw IP socket with its own IP header (default)
 *   -V tcp       raw IPPROTO_TCP socket, the kernel writes the IP header
 *   -V packet    AF_PACKET SOCK_RAW      -V dgram   AF_PACKET SOCK_DGRAM
 *   -d DEV -M MAC  where AF_PACKET sends to          -B  PACKET_QDISC_BYPASS
 *   -P HEX       what sockaddr_ll claims the frame's protocol to be
 *   -W LIST      wrap, outermost first: vlan qinq mpls pppoe snap llc ipip 6in4
 *   -O ADDR      destination of the outer header of ipip and 6in4
 *   -F FLAGS     of FSRPAU (default S)   -q SEQ  -a ACK  -t TEXT
 *   -x           IPv6 destination options before TCP
 *   -g HOP       IPv6 routing header: by way of HOP, DST is the last segment
 *   -f           in two fragments (needs -t)       -n      IP_NODEFRAG
 *
 * Prints "sent" and exits 0, or "error WHAT: WHY" and exits 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ROOM = 2048,
    SEGMENT_MAX = 512,
    FIRST_PIECE = 24,
    NODEFRAG_OPT = 22, /* IP_NODEFRAG, not in every libc */
};

static struct {
    const char *via, *dev, *mac, *wraps, *outer, *flags, *text, *hop;
    const char *src, *dst;
    unsigned sport, dport, seq, ack;
    int claim;
    bool bypass, dst_opts, frag, nodefrag, v6;
} cfg = {.via = "hdrincl", .wraps = "", .flags = "S", .text = "", .claim = -1, .seq = 1000};

/* Grows towards lower addresses; type is the EtherType of what is outermost now. */
struct pkt {
    uint8_t room[ROOM];
    size_t at;
    unsigned type;
};

static int fail(const char *what)
{
    printf("error %s: %s\n", what, strerror(errno));
    return -1;
}

static uint8_t *push(struct pkt *p, size_t n)
{
    if (n > p->at)
        abort();
    p->at -= n;
    memset(p->room + p->at, 0, n);
    return p->room + p->at;
}

static size_t length(const struct pkt *p)
{
    return ROOM - p->at;
}

static void put16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, unsigned v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

static unsigned long sum16(unsigned long sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += (unsigned long)p[i] << 8 | p[i + 1];
    return n % 2 ? sum + ((unsigned long)p[n - 1] << 8) : sum;
}

static unsigned fold(unsigned long sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (unsigned)~sum & 0xffff;
}

static size_t address(const char *text, uint8_t out[static 16])
{
    size_t n = cfg.v6 ? 16 : 4;
    if (inet_pton(cfg.v6 ? AF_INET6 : AF_INET, text, out) != 1) {
        printf("error bad address \"%s\"\n", text);
        exit(2);
    }
    return n;
}

static size_t build_tcp(uint8_t seg[static SEGMENT_MAX])
{
    static const char names[] = "FSRPAU";
    uint8_t src[16], dst[16];
    size_t text = strlen(cfg.text), n = 20 + text, alen = address(cfg.src, src);
    if (n > SEGMENT_MAX)
        exit(2);
    address(cfg.dst, dst);
    memset(seg, 0, SEGMENT_MAX);
    put16(seg, cfg.sport);
    put16(seg + 2, cfg.dport);
    put32(seg + 4, cfg.seq);
    put32(seg + 8, cfg.ack);
    seg[12] = 5 << 4;
    for (const char *f = cfg.flags; *f; f++)
        if (strchr(names, *f))
            seg[13] = (uint8_t)(seg[13] | 1 << (strchr(names, *f) - names));
    put16(seg + 14, 8192);
    memcpy(seg + 20, cfg.text, text);
    unsigned long sum = sum16(sum16(IPPROTO_TCP + n, src, alen), dst, alen);
    put16(seg + 16, fold(sum16(sum, seg, n)));
    return n;
}

static void push_ip4(struct pkt *p, const char *src, const char *dst, unsigned proto, unsigned frag)
{
    uint8_t *h = push(p, 20);
    h[0] = 0x45;
    put16(h + 2, length(p));
    put16(h + 4, 0x4b52);
    put16(h + 6, frag);
    h[8] = 64;
    h[9] = (uint8_t)proto;
    inet_pton(AF_INET, src, h + 12);
    inet_pton(AF_INET, dst, h + 16);
    put16(h + 10, fold(sum16(0, h, 20)));
    p->type = ETHERTYPE_IP;
}

static unsigned push_dst_opts(struct pkt *p, unsigned next)
{
    uint8_t *h = push(p, 8);
    h[0] = (uint8_t)next;
    h[2] = 1;
    h[3] = 4;
    return 60;
}

/* RFC 8754: segments in reverse, the last one first. */
static unsigned push_routing(struct pkt *p, unsigned next)
{
    uint8_t *h = push(p, 40);
    h[0] = (uint8_t)next;
    h[1] = 4;
    h[2] = 4;
    h[3] = 1;
    h[4] = 1;
    address(cfg.dst, h + 8);
    address(cfg.hop, h + 24);
    return 43;
}

static unsigned push_frag6(struct pkt *p, unsigned next, unsigned off)
{
    uint8_t *h = push(p, 8);
    h[0] = (uint8_t)next;
    put16(h + 2, off);
    put32(h + 4, 0x4b52);
    return 44;
}

static void push_ip6(struct pkt *p, unsigned next, unsigned frag)
{
    if (cfg.dst_opts)
        next = push_dst_opts(p, next);
    if (cfg.frag)
        next = push_frag6(p, next, frag);
    if (cfg.hop)
        next = push_routing(p, next);
    size_t n = length(p);
    uint8_t *h = push(p, 40);
    h[0] = 0x60;
    put16(h + 4, n);
    h[6] = (uint8_t)next;
    h[7] = 64;
    address(cfg.src, h + 8);
    address(cfg.hop ? cfg.hop : cfg.dst, h + 24);
    p->type = ETHERTYPE_IPV6;
}

/* The IP packet of one piece of the segment; bytes and more as the header counts them. */
static void build_ip(struct pkt *p, const uint8_t *piece, size_t n, size_t off, bool more)
{
    p->at = ROOM;
    memcpy(push(p, n), piece, n);
    if (cfg.v6)
        push_ip6(p, IPPROTO_TCP, (unsigned)off | more);
    else
        push_ip4(p, cfg.src, cfg.dst, IPPROTO_TCP, (unsigned)(off / 8) | (more ? 0x2000u : 0));
}

static void wrap_vlan(struct pkt *p)
{
    uint8_t *h = push(p, 4);
    put16(h, 100);
    put16(h + 2, p->type);
    p->type = ETHERTYPE_VLAN;
}

static void wrap_qinq(struct pkt *p)
{
    wrap_vlan(p);
    wrap_vlan(p);
    p->type = 0x88a8;
}

static void wrap_mpls(struct pkt *p)
{
    put32(push(p, 4), 100u << 12 | 1u << 8 | 64);
    p->type = 0x8847;
}

static void wrap_pppoe(struct pkt *p)
{
    size_t n = length(p);
    uint8_t *h = push(p, 8);
    h[0] = 0x11;
    put16(h + 2, 1);
    put16(h + 4, n + 2);
    put16(h + 6, p->type == ETHERTYPE_IPV6 ? 0x0057 : 0x0021);
    p->type = 0x8864;
}

static void wrap_snap(struct pkt *p)
{
    uint8_t *h = push(p, 8);
    memcpy(h, "\xaa\xaa\x03\0\0\0", 6);
    put16(h + 6, p->type);
    p->type = (unsigned)length(p);
}

static void wrap_llc(struct pkt *p)
{
    memcpy(push(p, 3), "\x06\x06\x03", 3);
    p->type = (unsigned)length(p);
}

static void wrap_tunnel(struct pkt *p)
{
    push_ip4(p, "192.0.2.2", cfg.outer ? cfg.outer : cfg.dst, cfg.v6 ? 41 : 4, 0);
}

static const struct {
    const char *name;
    void (*fn)(struct pkt *);
} wrappers[] = {
    {"vlan", wrap_vlan}, {"qinq", wrap_qinq}, {"mpls", wrap_mpls},   {"pppoe", wrap_pppoe},
    {"snap", wrap_snap}, {"llc", wrap_llc},   {"ipip", wrap_tunnel}, {"6in4", wrap_tunnel},
};

static void wrap_one(struct pkt *p, const char *name)
{
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++)
        if (!strcmp(wrappers[i].name, name)) {
            wrappers[i].fn(p);
            return;
        }
    printf("error unknown wrapper \"%s\"\n", name);
    exit(2);
}

static void wrap_all(struct pkt *p)
{
    char list[128];
    snprintf(list, sizeof list, "%s", cfg.wraps);
    for (char *comma; (comma = strrchr(list, ',')); *comma = '\0')
        wrap_one(p, comma + 1);
    if (list[0])
        wrap_one(p, list);
}

static int send_ip(const struct pkt *p, const uint8_t *piece, size_t n)
{
    bool tcp = !strcmp(cfg.via, "tcp");
    int one = 1, proto = tcp ? IPPROTO_TCP : IPPROTO_RAW;
    int fd = socket(cfg.v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, proto);
    struct sockaddr_in a4 = {.sin_family = AF_INET};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
    if (fd < 0)
        return fail("socket");
    address(cfg.hop ? cfg.hop : cfg.dst, cfg.v6 ? a6.sin6_addr.s6_addr : (uint8_t *)&a4.sin_addr);
    if (cfg.nodefrag && setsockopt(fd, IPPROTO_IP, NODEFRAG_OPT, &one, sizeof one))
        return fail("IP_NODEFRAG");
    if (cfg.dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, cfg.dev, (socklen_t)strlen(cfg.dev)))
        return fail("SO_BINDTODEVICE");
    ssize_t sent = sendto(fd, tcp ? piece : p->room + p->at, tcp ? n : length(p), 0,
                          cfg.v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4,
                          cfg.v6 ? sizeof a6 : sizeof a4);
    int rc = sent < 0 ? fail("sendto") : 0;
    close(fd);
    return rc;
}

static int own_mac(int fd, uint8_t out[static 6])
{
    struct ifreq r = {0};
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", cfg.dev);
    if (ioctl(fd, SIOCGIFHWADDR, &r))
        return fail("SIOCGIFHWADDR");
    memcpy(out, r.ifr_hwaddr.sa_data, 6);
    return 0;
}

static int send_frame(struct pkt *p)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = 6};
    bool raw = !strcmp(cfg.via, "packet");
    int fd = socket(AF_PACKET, (raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0), one = 1;
    uint8_t src[6];
    if (fd < 0 || own_mac(fd, src))
        return fd < 0 ? fail("socket") : -1;
    if (sscanf(cfg.mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &to.sll_addr[0], &to.sll_addr[1],
               &to.sll_addr[2], &to.sll_addr[3], &to.sll_addr[4], &to.sll_addr[5]) != 6)
        exit(2);
    if (cfg.bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one))
        return fail("PACKET_QDISC_BYPASS");
    to.sll_ifindex = (int)if_nametoindex(cfg.dev);
    to.sll_protocol = htons((uint16_t)(cfg.claim >= 0 ? cfg.claim : (int)p->type));
    if (raw) {
        unsigned type = p->type;
        uint8_t *h = push(p, 14);
        memcpy(h, to.sll_addr, 6);
        memcpy(h + 6, src, 6);
        put16(h + 12, type);
    }
    struct sockaddr *a = (struct sockaddr *)&to;
    ssize_t n = sendto(fd, p->room + p->at, length(p), 0, a, sizeof to);
    int rc = n < 0 ? fail("sendto") : 0;
    close(fd);
    return rc;
}

static int send_piece(const uint8_t *piece, size_t n, size_t off, bool more)
{
    struct pkt p;
    build_ip(&p, piece, n, off, more);
    wrap_all(&p);
    if (!strcmp(cfg.via, "packet") || !strcmp(cfg.via, "dgram"))
        return send_frame(&p);
    return send_ip(&p, piece, n);
}

static int parse_flag(int c)
{
    switch (c) {
    case 'B':
        cfg.bypass = true;
        return 0;
    case 'x':
        cfg.dst_opts = true;
        return 0;
    case 'f':
        cfg.frag = true;
        return 0;
    case 'n':
        cfg.nodefrag = true;
        return 0;
    case 'P':
        cfg.claim = (int)strtol(optarg, NULL, 16);
        return 0;
    case 'q':
        cfg.seq = (unsigned)strtoul(optarg, NULL, 10);
        return 0;
    case 'a':
        cfg.ack = (unsigned)strtoul(optarg, NULL, 10);
        return 0;
    default:
        return -1;
    }
}

static int parse_args(int argc, char **argv)
{
    const char **texts[128] = {
        ['V'] = &cfg.via,   ['d'] = &cfg.dev,   ['M'] = &cfg.mac,  ['W'] = &cfg.wraps,
        ['O'] = &cfg.outer, ['F'] = &cfg.flags, ['t'] = &cfg.text, ['g'] = &cfg.hop};
    for (int c; (c = getopt(argc, argv, "V:d:M:W:O:F:t:g:BxfnP:q:a:")) != -1;) {
        if (c > 0 && c < 128 && texts[c])
            *texts[c] = optarg;
        else if (parse_flag(c))
            return -1;
    }
    if (argc - optind != 4)
        return -1;
    cfg.src = argv[optind];
    cfg.sport = (unsigned)atoi(argv[optind + 1]);
    cfg.dst = argv[optind + 2];
    cfg.dport = (unsigned)atoi(argv[optind + 3]);
    cfg.v6 = strchr(cfg.dst, ':');
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t seg[SEGMENT_MAX];
    if (parse_args(argc, argv)) {
        fputs("usage: rawsyn [OPTION]... SRC SPORT DST DPORT (see tests/tools/rawsyn.c)\n", stderr);
        return 2;
    }
    size_t n = build_tcp(seg), cut = cfg.frag ? FIRST_PIECE : n;
    if (n < cut + (cfg.frag ? 1 : 0)) {
        puts("error -f needs five octets of TEXT or more");
        return 2;
    }
    int rc = send_piece(seg, cut, 0, cut < n);
    if (!rc && cut < n)
        rc = send_piece(seg + cut, n - cut, cut, false);
    if (!rc)
        puts("sent");
    return rc ? 1 : 0;
}

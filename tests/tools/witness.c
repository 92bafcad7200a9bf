/*
 * The oracle of the network tests: watches every link of its network namespace and says which TCP
 * segments for a guarded port came in from outside.
 *
 *   witness -p PORT... [-x PREFIX]... [-s PREFIX]...
 *
 * Lines on stdout, each flushed as it is written:
 *   ready            the socket is open, nothing after this was missed
 *   leak DEV DST:PORT < SRC:PORT flags=F len=N encap=E data="..."
 *                    a guarded port, and not in an -x prefix
 *   sink DEV ...     a redirected packet on a wire: into an -s prefix
 *   tail DEV ...     a later TCP fragment: carries no port, no leak alone
 *   mark TEXT drops=N    a frame of tests/tools/mark.c; N frames were lost
 *
 * What is unknown counts as a leak: a first fragment too short to show its port is printed as one,
 * with port "?". Encapsulations taken off: 802.1Q/ad, MPLS, PPPoE, LLC and SNAP, IPIP, 6in4, GRE,
 * VXLAN. The destination is the last one: of a source route or a routing header, not the next hop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LIST_MAX = 16,
    DEPTH_MAX = 12,
    FRAME_MAX = 70000,
    MARK_TYPE = 0x88b5,
};

struct view {
    const uint8_t *p;
    size_t n;
};

struct prefix {
    uint8_t addr[16];
    unsigned len;
};

struct prefixes {
    struct prefix at[LIST_MAX];
    size_t n;
};

static struct {
    unsigned ports[LIST_MAX];
    size_t nports;
    struct prefixes exempt, sink;
    unsigned long drops;
} cfg;

/* What is known of the frame so far, outermost first. */
struct seen {
    char dev[IF_NAMESIZE];
    char encap[96];
    int depth;
    uint8_t src[16], dst[16];
};

static void print_addr(const uint8_t a[static 16])
{
    char s[INET6_ADDRSTRLEN] = "?";
    struct in6_addr v6;
    memcpy(&v6, a, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        inet_ntop(AF_INET, a + 12, s, sizeof s);
    else
        inet_ntop(AF_INET6, a, s, sizeof s);
    fputs(s, stdout);
}

static void map4(uint8_t out[static 16], const uint8_t *v4)
{
    memset(out, 0, 10);
    memset(out + 10, 0xff, 2);
    memcpy(out + 12, v4, 4);
}

static bool inside(const struct prefixes *set, const uint8_t a[static 16])
{
    for (size_t i = 0; i < set->n; i++) {
        const struct prefix *x = &set->at[i];
        unsigned bytes = x->len / 8, bits = x->len % 8;
        if (memcmp(x->addr, a, bytes))
            continue;
        if (!bits || (x->addr[bytes] ^ a[bytes]) >> (8 - bits) == 0)
            return true;
    }
    return false;
}

static bool guarded(unsigned port)
{
    for (size_t i = 0; i < cfg.nports; i++)
        if (cfg.ports[i] == port)
            return true;
    return false;
}

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static struct view skip(struct view v, size_t n)
{
    if (n > v.n)
        n = v.n;
    return (struct view){v.p + n, v.n - n};
}

static void wrap(struct seen *s, const char *what)
{
    size_t n = strlen(s->encap);
    snprintf(s->encap + n, sizeof s->encap - n, "%s%s", n ? "," : "", what);
    s->depth++;
}

static void print_data(struct view v)
{
    fputs(" data=\"", stdout);
    for (size_t i = 0; i < v.n && i < 40; i++)
        putchar(v.p[i] >= ' ' && v.p[i] < 0x7f && v.p[i] != '"' ? v.p[i] : '.');
    puts("\"");
}

static void print_flags(unsigned bits)
{
    static const char names[] = "FSRPAUEC";
    fputs(" flags=", stdout);
    for (unsigned i = 0; i < 8; i++)
        if (bits & 1u << i)
            putchar(names[i]);
}

static void print_line(const char *kind, const struct seen *s, struct view tcp)
{
    bool whole = tcp.n >= 4;
    printf("%s %s ", kind, s->dev);
    print_addr(s->dst);
    printf(whole ? ":%u < " : ":? < ", whole ? be16(tcp.p + 2) : 0);
    print_addr(s->src);
    printf(whole ? ":%u" : ":?", whole ? be16(tcp.p) : 0);
    if (tcp.n >= 14)
        print_flags(tcp.p[13]);
    size_t head = tcp.n >= 14 ? (size_t)(tcp.p[12] >> 4) * 4 : tcp.n;
    struct view data = skip(tcp, head);
    printf(" len=%zu encap=%s", data.n, s->encap[0] ? s->encap : "-");
    print_data(data);
}

static void on_tcp(const struct seen *s, struct view v)
{
    if (inside(&cfg.sink, s->dst))
        print_line("sink", s, v);
    else if (!inside(&cfg.exempt, s->dst) && (v.n < 4 || guarded(be16(v.p + 2))))
        print_line("leak", s, v);
}

static void on_ether_type(struct seen *s, unsigned type, struct view v);
static void on_frame(struct seen *s, struct view v);

static void on_gre(struct seen *s, struct view v)
{
    if (v.n < 4)
        return;
    size_t n = 4;
    n += v.p[0] & 0x80 ? 4 : 0;
    n += v.p[0] & 0x20 ? 4 : 0;
    n += v.p[0] & 0x10 ? 4 : 0;
    wrap(s, "gre");
    if (be16(v.p + 2) == ETH_P_TEB)
        on_frame(s, skip(v, n));
    else
        on_ether_type(s, be16(v.p + 2), skip(v, n));
}

static void on_udp(struct seen *s, struct view v)
{
    if (v.n < 16 || be16(v.p + 2) != 4789)
        return;
    wrap(s, "vxlan");
    on_frame(s, skip(v, 16));
}

static void on_proto(struct seen *s, unsigned proto, struct view v)
{
    if (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6) {
        wrap(s, proto == IPPROTO_IPIP ? "ipip" : "6in4");
        on_ether_type(s, proto == IPPROTO_IPIP ? ETH_P_IP : ETH_P_IPV6, v);
        return;
    }
    if (proto == IPPROTO_TCP)
        on_tcp(s, v);
    else if (proto == IPPROTO_GRE)
        on_gre(s, v);
    else if (proto == IPPROTO_UDP)
        on_udp(s, v);
}

/* RFC 791 3.1: loose (131) and strict (137) source routes name the last host at their end. */
static void source_route(struct seen *s, struct view opt)
{
    while (opt.n >= 2 && opt.p[0] != 0) {
        size_t n = opt.p[0] == 1 ? 1 : opt.p[1];
        if (!n || n > opt.n)
            return;
        bool route = opt.p[0] == 131 || opt.p[0] == 137;
        if (route && n >= 7 && opt.p[2] <= n) {
            map4(s->dst, opt.p + n - 4);
            wrap(s, "srcroute");
        }
        opt = skip(opt, n);
    }
}

static void on_ipv4(struct seen *s, struct view v)
{
    if (v.n < 20 || v.p[0] >> 4 != 4)
        return;
    size_t head = (size_t)(v.p[0] & 15) * 4, total = be16(v.p + 2);
    unsigned frag = be16(v.p + 6);
    if (head < 20 || head > v.n)
        return;
    map4(s->src, v.p + 12);
    map4(s->dst, v.p + 16);
    source_route(s, (struct view){v.p + 20, head - 20});
    struct view up = skip(v, head);
    if (total >= head && total - head < up.n)
        up.n = total - head;
    if (frag & 0x2000)
        wrap(s, "frag");
    if (!(frag & 0x1fff))
        on_proto(s, v.p[9], up);
    else if (v.p[9] == IPPROTO_TCP)
        print_line("tail", s, (struct view){v.p, 0});
}

/* RFC 5095 type 0 and RFC 8754 type 4 keep the last segment at different ends of their list. */
static void routing_header(struct seen *s, struct view v, size_t n)
{
    if (n < 24 || v.n < n || v.p[3] == 0)
        return;
    memcpy(s->dst, v.p[2] == 4 ? v.p + 8 : v.p + n - 16, 16);
    wrap(s, "rthdr");
}

struct step {
    unsigned next;
    size_t n;
    bool ext, later;
};

static struct step ext_header(struct seen *s, unsigned type, struct view v)
{
    if (type == 44) {
        wrap(s, "frag");
        return (struct step){v.p[0], 8, true, (be16(v.p + 2) & 0xfff8) != 0};
    }
    if (type == 51)
        return (struct step){v.p[0], ((size_t)v.p[1] + 2) * 4, true, false};
    size_t n = ((size_t)v.p[1] + 1) * 8;
    if (type == 43)
        routing_header(s, v, n);
    if (type == 0 || type == 43 || type == 60 || type == 135)
        return (struct step){v.p[0], n, true, false};
    return (struct step){0};
}

static void on_ipv6(struct seen *s, struct view v)
{
    if (v.n < 40 || v.p[0] >> 4 != 6)
        return;
    memcpy(s->src, v.p + 8, 16);
    memcpy(s->dst, v.p + 24, 16);
    unsigned type = v.p[6];
    size_t total = be16(v.p + 4);
    v = skip(v, 40);
    if (total && total < v.n)
        v.n = total;
    for (int i = 0; i < DEPTH_MAX && v.n >= 8; i++) {
        struct step x = ext_header(s, type, v);
        if (!x.ext)
            break;
        type = x.next;
        v = skip(v, x.n);
        if (x.later && type == IPPROTO_TCP)
            print_line("tail", s, (struct view){v.p, 0});
        if (x.later)
            return;
    }
    bool cut = strstr(s->encap, "frag") && v.n < 8 && type != 59;
    on_proto(s, cut ? IPPROTO_TCP : type, v);
}

static void on_mpls(struct seen *s, struct view v)
{
    bool last = false;
    wrap(s, "mpls");
    while (!last && v.n >= 4) {
        last = v.p[2] & 1;
        v = skip(v, 4);
    }
    if (v.n)
        on_ether_type(s, v.p[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP, v);
}

static void on_pppoe(struct seen *s, struct view v)
{
    if (v.n < 8)
        return;
    wrap(s, "pppoe");
    unsigned proto = be16(v.p + 6);
    if (proto == 0x0021 || proto == 0x0057)
        on_ether_type(s, proto == 0x0021 ? ETH_P_IP : ETH_P_IPV6, skip(v, 8));
}

static void on_llc(struct seen *s, struct view v)
{
    if (v.n >= 8 && v.p[0] == 0xaa && v.p[1] == 0xaa) {
        wrap(s, "snap");
        on_ether_type(s, be16(v.p + 6), skip(v, 8));
    } else if (v.n >= 3 && v.p[0] == 0x06 && v.p[1] == 0x06) {
        wrap(s, "llc");
        on_ether_type(s, ETH_P_IP, skip(v, 3));
    }
}

static void on_mark(struct seen *s, struct view v)
{
    static const char tag[] = "KRMARK ";
    size_t n = sizeof tag - 1;
    (void)s;
    if (v.n > n && !memcmp(v.p, tag, n))
        printf("mark %.*s drops=%lu\n", (int)strnlen((const char *)v.p + n, v.n - n), v.p + n,
               cfg.drops);
}

static void on_vlan(struct seen *s, struct view v)
{
    wrap(s, "vlan");
    if (v.n >= 4)
        on_ether_type(s, be16(v.p + 2), skip(v, 4));
}

static const struct {
    unsigned type;
    void (*fn)(struct seen *, struct view);
} ether_types[] = {
    {ETH_P_IP, on_ipv4},      {ETH_P_IPV6, on_ipv6},     {ETH_P_8021Q, on_vlan},
    {ETH_P_8021AD, on_vlan},  {ETH_P_QINQ1, on_vlan},    {ETH_P_MPLS_UC, on_mpls},
    {ETH_P_MPLS_MC, on_mpls}, {ETH_P_PPP_SES, on_pppoe}, {MARK_TYPE, on_mark},
};

static void on_ether_type(struct seen *s, unsigned type, struct view v)
{
    if (s->depth > DEPTH_MAX)
        return;
    if (type < 0x0600)
        on_llc(s, v);
    for (size_t i = 0; i < sizeof ether_types / sizeof ether_types[0]; i++)
        if (ether_types[i].type == type)
            ether_types[i].fn(s, v);
}

static void on_frame(struct seen *s, struct view v)
{
    if (v.n >= 14)
        on_ether_type(s, be16(v.p + 12), skip(v, 14));
}

static void count_drops(int fd)
{
    struct tpacket_stats st = {0};
    socklen_t n = sizeof st;
    if (!getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &n))
        cfg.drops += st.tp_drops;
}

static bool tagged(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct tpacket_auxdata aux;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        memcpy(&aux, CMSG_DATA(c), sizeof aux);
        return aux.tp_status & TP_STATUS_VLAN_VALID;
    }
    return false;
}

static int receive(int fd)
{
    static uint8_t frame[FRAME_MAX];
    _Alignas(struct cmsghdr) char ctl[256];
    struct sockaddr_ll from = {0};
    struct iovec io = {frame, sizeof frame};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &io,
                       .msg_iovlen = 1,
                       .msg_control = ctl,
                       .msg_controllen = sizeof ctl};
    ssize_t n = recvmsg(fd, &m, 0);
    if (n < 0)
        return errno == EINTR || errno == ENETDOWN ? 0 : -1;
    if (from.sll_pkttype == PACKET_OUTGOING)
        return 0;
    count_drops(fd);
    struct seen s = {0};
    if (!if_indextoname((unsigned)from.sll_ifindex, s.dev))
        snprintf(s.dev, sizeof s.dev, "if%d", from.sll_ifindex);
    if (!strcmp(s.dev, "lo"))
        return 0;
    if (tagged(&m))
        wrap(&s, "vlan");
    on_frame(&s, (struct view){frame, (size_t)n});
    return 0;
}

static int parse_prefix(struct prefixes *set, const char *text)
{
    char addr[INET6_ADDRSTRLEN] = "";
    const char *slash = strchr(text, '/');
    struct prefix *x = &set->at[set->n];
    if (!slash || set->n == LIST_MAX || (size_t)(slash - text) >= sizeof addr)
        return -1;
    memcpy(addr, text, (size_t)(slash - text));
    x->len = (unsigned)strtoul(slash + 1, NULL, 10);
    uint8_t v4[4];
    if (inet_pton(AF_INET, addr, v4) == 1) {
        map4(x->addr, v4);
        x->len += 96;
    } else if (inet_pton(AF_INET6, addr, x->addr) != 1) {
        return -1;
    }
    set->n++;
    return x->len <= 128 ? 0 : -1;
}

static int parse_args(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "p:x:s:")) != -1;) {
        if (c == 'p' && cfg.nports < LIST_MAX)
            cfg.ports[cfg.nports++] = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'x' || c == 's') {
            if (parse_prefix(c == 'x' ? &cfg.exempt : &cfg.sink, optarg)) {
                fprintf(stderr, "witness: bad prefix \"%s\"\n", optarg);
                return -1;
            }
        } else {
            return -1;
        }
    }
    return cfg.nports && optind == argc ? 0 : -1;
}

static int open_tap(void)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    int big = 32 << 20, one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big) ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one))
        return -1;
    struct if_nameindex *all = if_nameindex();
    for (struct if_nameindex *i = all; i && i->if_index; i++) {
        struct packet_mreq mr = {.mr_ifindex = (int)i->if_index, .mr_type = PACKET_MR_PROMISC};
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof mr);
    }
    if_freenameindex(all);
    return fd;
}

int main(int argc, char **argv)
{
    if (parse_args(argc, argv)) {
        fputs("usage: witness -p PORT... [-x PREFIX]... [-s PREFIX]...\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int fd = open_tap();
    if (fd < 0) {
        perror("witness");
        return 3;
    }
    puts("ready");
    while (!receive(fd))
        ;
    perror("witness");
    return 1;
}

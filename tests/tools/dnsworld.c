/* A resolver of a made-up world: answers by what the asked name itself says, with AD where that
 * world is signed, so that a million domains need no zones. tests/dns/world.py names them. usage:
 * dnsworld [-p PORT] [-l LOSS%] [-d]     on 127.0.0.1 over UDP and TCP; -d: count by type at the
 * end
 *
 * A domain is dNUMBER-KIND[-GROUP].TLD: .com is unsigned, .org signed (see kinds[]); of
 * numbers that begin with 9999 an address is 10.9.0.7, not 192.0.2.1. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
enum { A = 1, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, TLSA = 52 };

static volatile sig_atomic_t stopped;
static uint64_t asked[256], dropped;
static unsigned loss, delay_ms;
static uint64_t dice = 88172645463325252u;

static void on_stop(int sig)
{
    (void)sig;
    stopped = 1;
}

static unsigned roll(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)(dice >> 33) % 1000;
}

struct answer {
    uint8_t b[65536];
    size_t n, limit;
    unsigned count, authority;
    bool ad;
};

static void put(struct answer *a, const void *p, size_t n)
{
    memcpy(a->b + a->n, p, n);
    a->n += n;
}

static void put16(struct answer *a, unsigned v)
{
    uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    put(a, b, 2);
}

static void put_name(struct answer *a, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, ".");
        uint8_t len = (uint8_t)n;
        put(a, &len, 1);
        put(a, text, n);
        text += n + (text[n] == '.');
    }
    put(a, "", 1);
}

/* A record of the asked name (a pointer to it) or of `owner`; its length is put in by finish(). */
static size_t begin(struct answer *a, const char *owner, unsigned type)
{
    if (owner)
        put_name(a, owner);
    else
        put16(a, 0xc00c);
    put16(a, type);
    put16(a, 1);
    put(a, "\0\0\1\54", 4);
    put16(a, 0);
    return a->n;
}

static void finish(struct answer *a, size_t start)
{
    size_t n = a->n - start;
    a->b[start - 2] = (uint8_t)(n >> 8);
    a->b[start - 1] = (uint8_t)n;
}

static void add_mx(struct answer *a, unsigned preference, const char *host)
{
    size_t s = begin(a, NULL, MX);
    put16(a, preference);
    put_name(a, host);
    finish(a, s);
    a->count++;
}

static void add_txt(struct answer *a, const char *owner, const char *text)
{
    size_t s = begin(a, owner, TXT);
    uint8_t n = (uint8_t)strlen(text);
    put(a, &n, 1);
    put(a, text, n);
    finish(a, s);
    a->count++;
}

static void add_soa(struct answer *a, const char *zone, bool authority)
{
    size_t s = begin(a, zone, SOA);
    put_name(a, "ns.example");
    put_name(a, "h.example");
    put(a, "\0\0\0\1\0\0\16\20\0\0\2\130\0\1\121\200\0\0\0\74", 20);
    finish(a, s);
    if (authority)
        a->authority++;
    else
        a->count++;
}

/* The zone of a name: its last two labels, of Microsoft's tenants the last three. */
static const char *zone_of(const char *name)
{
    const char *tenants = strstr(name, "protection.outlook.com");
    if (tenants)
        return "mail.protection.outlook.com";
    const char *at = name + strlen(name);
    for (int dots = 0; at > name; at--)
        if (at[-1] == '.' && ++dots == 2)
            break;
    return at;
}

static bool signed_zone(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".org") == 0;
}

/* What the number and the kind in a name say. */
struct domain {
    unsigned long number, group;
    char kind;
    const char *self; /* dNUMBER-KIND-GROUP.TLD */
};

static bool read_domain(const char *name, struct domain *d)
{
    char *end;
    *d = (struct domain){.self = name};
    if (*name != 'd')
        return false;
    d->number = strtoul(name + 1, &end, 10);
    if (*end != '-' || !end[1])
        return false;
    d->kind = end[1];
    if (end[2] == '-')
        d->group = strtoul(end + 3, NULL, 10);
    return true;
}

static void mx_of(struct answer *a, const struct domain *d)
{
    static const char *const google[] = {"aspmx.l.google.com", "alt1.aspmx.l.google.com",
                                         "alt2.aspmx.l.google.com", "alt3.aspmx.l.google.com",
                                         "alt4.aspmx.l.google.com"};
    char host[128];
    switch (d->kind) {
    case 'g': /* Google's five */
        for (unsigned i = 0; i < 5; i++)
            add_mx(a, i * 5 + 1, google[i]);
        return;
    case 'm': /* a host of its own at Microsoft */
        snprintf(host, sizeof host, "d%lu-com.mail.protection.outlook.com", d->number);
        add_mx(a, 0, host);
        return;
    case 'h': /* hosting: two hosts; of forty groups the first thirteen are signed, with DANE */
        for (unsigned i = 1; i <= 2; i++) {
            snprintf(host, sizeof host, "mx%u.hosting%lu.%s", i, d->group,
                     d->group < 13 ? "org" : "com");
            add_mx(a, i * 10, host);
        }
        return;
    case 's': /* a small group: two hosts in a domain of theirs; each tenth is signed, a few with
                 TLSA */
        for (unsigned i = 1; i <= 2; i++) {
            snprintf(host, sizeof host, "mx%u.small%lu.%s", i, d->group,
                     d->group % 7 == 0 ? "org" : "com");
            add_mx(a, i * 10, host);
        }
        return;
    case 'o': /* its own mail.<domain> */
        snprintf(host, sizeof host, "mail.%s", d->self);
        add_mx(a, 10, host);
        return;
    case 't': /* too many for a datagram */
        for (unsigned i = 0; i < 40; i++) {
            snprintf(host, sizeof host, "mx%u.a-rather-long-name-of-a-host.fat%lu.com", i,
                     d->number % 50);
            add_mx(a, i, host);
        }
        return;
    case 'n': /* null MX */
        add_mx(a, 0, "");
        return;
    default:
        return; /* 'i': implicit */
    }
}

static void sts_of(struct answer *a, const struct domain *d)
{
    if (d->number % 135 != 0) /* 0.74 % have a record */
        return;
    if (d->number % 4050 == 0) { /* malformed */
        add_txt(a, NULL, "v=STSv1; id=not-an-id;");
    } else if (d->number % 13500 == 135) { /* doubled */
        add_txt(a, NULL, "v=STSv1; id=1;");
        add_txt(a, NULL, "v=STSv1; id=2;");
    } else if (d->number % 1350 == 270) { /* by an alias */
        size_t s = begin(a, NULL, CNAME);
        put_name(a, "_mta-sts.provider.com");
        finish(a, s);
        a->count++;
        add_txt(a, "_mta-sts.provider.com", "v=STSv1; id=20260101T00;");
    } else {
        add_txt(a, NULL, "v=STSv1; id=20260101T00;");
    }
}

/* TLSA at the hosts of the signed hosting groups, and at every fifth signed small one. */
static void tlsa_of(struct answer *a, const char *host)
{
    const char *hosting = strstr(host, ".hosting"), *small = strstr(host, ".small");
    unsigned long group = small ? strtoul(small + 6, NULL, 10) : 0;
    if (!signed_zone(host) || (!hosting && !(small && group % 35 == 0)))
        return;
    size_t s = begin(a, NULL, TLSA);
    bool unusable = small && group % 140 == 0;
    put(a, unusable ? "\0\0\1" : "\3\1\1", 3);
    for (int i = 0; i < 32; i++)
        put(a, "\252", 1);
    finish(a, s);
    a->count++;
}

/* Fills in the answer; its rcode, or -1: none at all. */
static int answer(struct answer *a, const char *name, unsigned type, bool cd)
{
    struct domain d = {0};
    const char *under = name;
    for (const char *const *p =
             (const char *const[]){"_25._tcp.", "_mta-sts.", "_smtp._tls.", NULL};
         *p; p++)
        if (strncmp(name, *p, strlen(*p)) == 0)
            under = name + strlen(*p);
    const char *mail = strncmp(under, "mail.", 5) == 0 ? under + 5 : under;
    bool domain = read_domain(mail, &d);
    a->ad = signed_zone(under) || !*under;
    if (domain && under == mail) {
        if (d.kind == 'f' || (d.kind == 'b' && !cd))
            return 2; /* SERVFAIL; bogus, unless checking is disabled */
        if (d.kind == 'z')
            return -1;
        if (d.kind == 'x') {
            add_soa(a, strrchr(under, '.') + 1, true);
            return 3;
        }
    }
    if (type == MX && domain)
        mx_of(a, &d);
    else if (type == TXT && strncmp(name, "_mta-sts.", 9) == 0 && domain)
        sts_of(a, &d);
    else if (type == TLSA)
        tlsa_of(a, under);
    else if (type == SOA && strcmp(name, zone_of(name)) == 0)
        add_soa(a, NULL, false);
    else if (type == A && name == under) {
        size_t s = begin(a, NULL, A);
        put(a, strncmp(name, "d9999", 5) == 0 ? "\12\11\0\7" : "\300\0\2\1", 4);
        finish(a, s);
        a->count++;
    }
    if (!a->count)
        add_soa(a, zone_of(under), true);
    return 0;
}

/* The question of a query as text, lower case; its type; where it ends. 0: malformed. */
static size_t question(const uint8_t *q, size_t n, char name[static 512], unsigned *type)
{
    size_t at = 12, to = 0;
    while (at < n && q[at] && at + q[at] + 5 < n && to + q[at] + 2 < 512) {
        if (to)
            name[to++] = '.';
        for (unsigned i = 1; i <= q[at]; i++)
            name[to++] = (char)(q[at + i] >= 'A' && q[at + i] <= 'Z' ? q[at + i] + 32 : q[at + i]);
        at += q[at] + 1u;
    }
    name[to] = '\0';
    if (at + 5 > n || q[at])
        return 0;
    *type = (unsigned)(q[at + 1] << 8 | q[at + 2]);
    return at + 5;
}

/* Returns the length of the reply in a->b; 0: none. */
static size_t reply(struct answer *a, const uint8_t *q, size_t n, bool tcp)
{
    char name[512];
    unsigned type;
    size_t end = question(q, n, name, &type);
    if (!end)
        return 0;
    asked[type < 256 ? type : 255]++;
    if (!tcp && loss && roll() < loss * 10) {
        dropped++;
        return 0;
    }
    a->n = a->count = a->authority = 0;
    put(a, q, end);
    int rcode = answer(a, name, type, q[3] & 0x10);
    if (rcode < 0)
        return 0;
    bool cut = !tcp && a->n > 1232;
    a->b[2] = (uint8_t)(0x81 | (cut ? 2 : 0));
    a->b[3] = (uint8_t)(0x80 | (a->ad && !rcode && q[3] & 0x20 ? 0x20 : 0) | rcode);
    memcpy(a->b + 4, "\0\1\0\0\0\0\0\0", 8);
    if (cut)
        return end;
    a->b[7] = (uint8_t)a->count;
    a->b[9] = (uint8_t)a->authority;
    return a->n;
}

static int listen_on(int kind, uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, big = 32 << 20, fd = socket(AF_INET, kind, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || (kind == SOCK_STREAM && listen(fd, 128))) {
        perror("dnsworld");
        exit(1);
    }
    return fd;
}

static void serve_tcp(int fd, struct answer *a)
{
    uint8_t q[2 + 1024], head[2];
    int c = accept(fd, NULL, NULL);
    size_t have = 0;
    struct timeval limit = {.tv_sec = 2};
    if (c < 0)
        return;
    setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (have < 2 || have < 2u + (size_t)(q[0] << 8 | q[1])) {
        ssize_t n = recv(c, q + have, sizeof q - have, 0);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    size_t n = have > 14 ? reply(a, q + 2, have - 2, true) : 0;
    head[0] = (uint8_t)(n >> 8);
    head[1] = (uint8_t)n;
    if (n && send(c, head, 2, MSG_NOSIGNAL) == 2)
        send(c, a->b, n, MSG_NOSIGNAL);
    close(c);
}

/* Answers that are held back, in the order they are due. */
static struct held {
    uint64_t due;
    struct sockaddr_in to;
    size_t n;
    uint8_t b[1500];
} held[2048];
static size_t first_held, n_held;

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void hold(const struct sockaddr_in *to, const uint8_t *b, size_t n)
{
    struct held *h = &held[(first_held + n_held) % (sizeof held / sizeof *held)];
    if (n_held == sizeof held / sizeof *held)
        return;
    n_held++;
    *h = (struct held){.due = now_ms() + delay_ms, .to = *to, .n = n};
    memcpy(h->b, b, n);
}

static void release(int fd)
{
    for (; n_held && held[first_held].due <= now_ms(); n_held--) {
        const struct held *h = &held[first_held];
        sendto(fd, h->b, h->n, 0, (const struct sockaddr *)&h->to, sizeof h->to);
        first_held = (first_held + 1) % (sizeof held / sizeof *held);
    }
}

static void serve_udp(int fd, struct answer *a)
{
    static uint8_t in[BATCH][2048], out[BATCH][1500];
    static struct sockaddr_in from[BATCH];
    struct mmsghdr m[BATCH], o[BATCH];
    struct iovec v[BATCH], w[BATCH];
    for (int i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){in[i], sizeof in[i]};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i],
                                            .msg_iovlen = 1,
                                            .msg_name = &from[i],
                                            .msg_namelen = sizeof from[i]}};
    }
    int got = recvmmsg(fd, m, BATCH, MSG_DONTWAIT, NULL), n = 0;
    for (int i = 0; i < got; i++) {
        size_t len = reply(a, in[i], m[i].msg_len, false);
        if (!len || len > sizeof out[0])
            continue;
        if (delay_ms) {
            hold(&from[i], a->b, len);
            continue;
        }
        memcpy(out[n], a->b, len);
        w[n] = (struct iovec){out[n], len};
        o[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &w[n],
                                            .msg_iovlen = 1,
                                            .msg_name = &from[i],
                                            .msg_namelen = sizeof from[i]}};
        n++;
    }
    for (int done = 0; done < n;) {
        int sent = sendmmsg(fd, o + done, (unsigned)(n - done), 0);
        if (sent <= 0)
            break;
        done += sent;
    }
}

int main(int argc, char **argv)
{
    static struct answer a;
    int c;
    uint16_t port = 53;
    bool count = false;
    while ((c = getopt(argc, argv, "p:l:w:d")) != -1) {
        if (c == 'p')
            port = (uint16_t)atoi(optarg);
        else if (c == 'l')
            loss = (unsigned)atoi(optarg);
        else if (c == 'w')
            delay_ms = (unsigned)atoi(optarg);
        else if (c == 'd')
            count = true;
        else
            return 2;
    }
    signal(SIGTERM, on_stop);
    struct pollfd p[2] = {{.fd = listen_on(SOCK_DGRAM, port), .events = POLLIN},
                          {.fd = listen_on(SOCK_STREAM, port), .events = POLLIN}};
    puts("ready");
    fflush(stdout);
    while (!stopped) {
        int got = poll(p, 2, n_held ? 1 : 200);
        release(p[0].fd);
        if (got <= 0)
            continue;
        if (p[0].revents)
            serve_udp(p[0].fd, &a);
        if (p[1].revents)
            serve_tcp(p[1].fd, &a);
    }
    for (unsigned i = 0; count && i < 256; i++)
        if (asked[i])
            printf("type %u: %llu\n", i, (unsigned long long)asked[i]);
    printf("dropped %llu\n", (unsigned long long)dropped);
    return 0;
}

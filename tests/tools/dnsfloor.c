/*
 * The most that anybody gets out of a DNS server on this machine: queries that were written before,
 * as many in one message as the kernel takes, and answers that are counted and not looked at. What
 * a client gets less is the client's; the rest is the server's and the kernel's.
 *
 *   dnsfloor ADDRESS FILE [SECONDS [SOCKETS [OUT]]]
 *
 * For each domain in FILE (one a line) MX and _mta-sts TXT; OUT at once by each socket. Prints
 * answers a second and the CPU time an answer took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 800000, ROOM = 96, BATCH = 64, SOCKETS = 64, MX = 15, TXT = 16, LOST_US = 200000 };

static uint8_t queries[MOST][ROOM];
static uint16_t lengths[MOST];
static unsigned count, next;

struct line {
    int fd;
    unsigned out;
    uint64_t heard; /* us */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* As the engine asks a server on this host: RD, AD, EDNS with 1,232 bytes. */
static void write_query(const char *under, const char *domain, uint8_t type)
{
    static const uint8_t opt[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
    char name[ROOM - 12 - 5 - sizeof opt];
    uint8_t *b = queries[count], *at = b + 12;
    int n = snprintf(name, sizeof name - 1, "%s%s", under, domain);
    if (count == MOST || n < 1 || (size_t)n >= sizeof name - 1)
        return;
    memcpy(b, (const uint8_t[]){(uint8_t)(count >> 8), (uint8_t)count, 1, 0x20, 0, 1}, 6);
    b[11] = 1;
    for (const char *s = name; *s;) {
        size_t len = strcspn(s, ".");
        *at++ = (uint8_t)len;
        memcpy(at, s, len);
        at += len;
        s += len + (s[len] == '.');
    }
    memcpy(at, (const uint8_t[]){0, 0, type, 0, 1}, 5);
    memcpy(at + 5, opt, sizeof opt);
    lengths[count++] = (uint16_t)(at + 5 + sizeof opt - b);
}

static void read_file(const char *path, const char *under, uint8_t type)
{
    char line[256];
    FILE *f = fopen(path, "r");
    if (!f)
        fail(path);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        write_query(under, line, type);
    }
    fclose(f);
}

static int open_socket(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 8 << 20;
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) ||
        connect(fd, (struct sockaddr *)&to, sizeof to))
        fail(address);
    return fd;
}

/* One message of queries of one length. */
static void say(struct line *l)
{
    static struct iovec v[BATCH];
    union {
        struct cmsghdr head;
        uint8_t b[CMSG_SPACE(sizeof(uint16_t))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(uint16_t)),
                          .cmsg_level = IPPROTO_UDP,
                          .cmsg_type = UDP_SEGMENT}};
    unsigned n = 0, at = next;
    memcpy(CMSG_DATA(&control.head), &lengths[at], sizeof(uint16_t));
    for (; n < BATCH && at < count && lengths[at] == lengths[next]; at++)
        v[n++] = (struct iovec){queries[at], lengths[at]};
    struct msghdr m = {
        .msg_iov = v, .msg_iovlen = n, .msg_control = &control, .msg_controllen = sizeof control};
    if (sendmsg(l->fd, &m, 0) < 0) {
        if (errno != EAGAIN && errno != ENOBUFS)
            fail("sendmsg");
        return;
    }
    l->out += n;
    next = at == count ? 0 : at;
}

static unsigned hear(struct line *l, uint64_t now)
{
    static uint8_t text[BATCH][1500];
    static struct iovec v[BATCH];
    static struct mmsghdr in[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){text[i], sizeof text[i]};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    unsigned all = 0;
    for (int n = BATCH; n == BATCH;) {
        n = recvmmsg(l->fd, in, BATCH, MSG_DONTWAIT, NULL);
        all += n > 0 ? (unsigned)n : 0;
    }
    if (all)
        l->heard = now;
    l->out = now > l->heard + LOST_US || all > l->out ? 0 : l->out - all;
    return all;
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    struct line lines[SOCKETS];
    double seconds = argc > 3 ? atof(argv[3]) : 2;
    unsigned sockets = argc > 4 ? (unsigned)atoi(argv[4]) : 16;
    unsigned most = argc > 5 ? (unsigned)atoi(argv[5]) : 128;
    if (argc < 3 || sockets < 1 || sockets > SOCKETS)
        fail("usage: dnsfloor ADDRESS FILE [SECONDS [SOCKETS [OUT]]]");
    read_file(argv[2], "", MX);
    read_file(argv[2], "_mta-sts.", TXT);
    if (!count)
        fail("no domains");
    uint64_t now = now_us(), begun = now, end = now + (uint64_t)(seconds * 1e6), answers = 0;
    double before = cpu_us();
    for (unsigned i = 0; i < sockets; i++)
        lines[i] = (struct line){.fd = open_socket(argv[1]), .heard = now};
    for (; now < end; now = now_us()) {
        for (unsigned i = 0; i < sockets; i++) {
            answers += hear(&lines[i], now);
            while (lines[i].out + BATCH <= most) {
                unsigned out = lines[i].out;
                say(&lines[i]);
                if (lines[i].out == out)
                    break;
            }
        }
        nanosleep(&(struct timespec){.tv_nsec = 300000}, NULL);
    }
    printf("%.0f %.2f\n", (double)answers * 1e6 / (double)(now - begun),
           answers ? (cpu_us() - before) / (double)answers : 0.0);
}

/*
 * A TCP client for the network tests.
 *
 *   tcpconn [-d DEV] [-k MARK] [-b SRC] [-f] [-r LSRR-HOP] [-R SSRR-HOP] [-x] [-m] [-t TTL]
 *           [-w MS] [-s TEXT] [-i] ADDR PORT
 *
 * -d SO_BINDTODEVICE, -k SO_MARK, -b bind the source, -f TCP Fast Open (TEXT rides in the SYN), -r
 * and -R an IPv4 source route (loose, strict) by way of a hop, -x IPv6 destination options, -m an
 * IPv6 socket to the v4-mapped address, -w how long to wait (default 200 ms), -s what to send.
 * Lines on stdout: "connected LOCAL:PORT", "recv TEXT", "error WHAT: WHY". Exit 0 if something was
 * received, 1 if not.
 * With -i it stays and obeys stdin: "send TEXT", "recv" (wait for input), "fin", "quit"; each is
 * answered by a line: "sent N", "recv TEXT", "fin", "error ...".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    const char *dev, *src, *hop, *text, *addr;
    unsigned char route;
    int mark, wait, ttl;
    unsigned port;
    bool fast_open, dst_opts, mapped, stay;
} cfg = {.wait = 200, .text = ""};

union sa {
    struct sockaddr a;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int fail(const char *what)
{
    printf("error %s: %s\n", what, strerror(errno));
    return -1;
}

static socklen_t fill(union sa *out, const char *addr, unsigned port, bool mapped)
{
    char text[64];
    memset(out, 0, sizeof *out);
    snprintf(text, sizeof text, "%s%s", mapped ? "::ffff:" : "", addr);
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        return sizeof out->v6;
    }
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) != 1)
        return 0;
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons((uint16_t)port);
    return sizeof out->v4;
}

/* RFC 791: type, length, pointer, then the route; the kernel takes its first hop as next hop and
 * appends connect's address as the last one. */
static int set_route(int fd)
{
    unsigned char opt[8] = {1, cfg.route, 7, 4};
    if (inet_pton(AF_INET, cfg.hop, opt + 4) != 1)
        return fail("hop");
    return setsockopt(fd, IPPROTO_IP, IP_OPTIONS, opt, sizeof opt) ? fail("IP_OPTIONS") : 0;
}

static int set_dst_opts(int fd)
{
    unsigned char opt[8] = {0, 0, 1, 4};
    return setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, opt, sizeof opt) ? fail("DSTOPTS") : 0;
}

static int set_options(int fd, int family)
{
    int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    int name = family == AF_INET6 ? IPV6_UNICAST_HOPS : IP_TTL;
    if (cfg.dev && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, cfg.dev, (socklen_t)strlen(cfg.dev)))
        return fail("SO_BINDTODEVICE");
    if (cfg.mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &cfg.mark, sizeof cfg.mark))
        return fail("SO_MARK");
    if (cfg.ttl && setsockopt(fd, level, name, &cfg.ttl, sizeof cfg.ttl))
        return fail("ttl");
    if (cfg.route && set_route(fd))
        return -1;
    return cfg.dst_opts ? set_dst_opts(fd) : 0;
}

static bool ready(int fd, short what)
{
    struct pollfd p = {.fd = fd, .events = what};
    return poll(&p, 1, cfg.wait) == 1;
}

static int start(int fd, const union sa *to, socklen_t n)
{
    if (!cfg.fast_open)
        return connect(fd, &to->a, n) && errno != EINPROGRESS ? fail("connect") : 0;
    ssize_t sent = sendto(fd, cfg.text, strlen(cfg.text), MSG_FASTOPEN, &to->a, n);
    return sent < 0 && errno != EINPROGRESS ? fail("sendto") : 0;
}

static int finish(int fd)
{
    int why = 0;
    socklen_t n = sizeof why;
    if (!ready(fd, POLLOUT)) {
        errno = ETIMEDOUT;
        return fail("connect");
    }
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n);
    errno = why;
    return why ? fail("connect") : 0;
}

static void print_local(int fd)
{
    union sa me;
    socklen_t n = sizeof me;
    char text[INET6_ADDRSTRLEN] = "?";
    memset(&me, 0, sizeof me);
    getsockname(fd, &me.a, &n);
    bool v6 = me.a.sa_family == AF_INET6;
    inet_ntop(me.a.sa_family, v6 ? (void *)&me.v6.sin6_addr : (void *)&me.v4.sin_addr, text,
              sizeof text);
    printf("connected %s:%u\n", text, ntohs(v6 ? me.v6.sin6_port : me.v4.sin_port));
}

static int receive(int fd)
{
    char buf[512];
    if (!ready(fd, POLLIN)) {
        errno = ETIMEDOUT;
        return fail("recv");
    }
    ssize_t n = recv(fd, buf, sizeof buf - 1, 0);
    if (n < 0)
        return fail("recv");
    buf[n] = '\0';
    buf[strcspn(buf, "\r\n")] = '\0';
    printf("recv %s\n", buf);
    return n ? 0 : -1;
}

static int send_text(int fd, const char *text)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%s\r\n", text);
    ssize_t sent = send(fd, line, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0)
        return fail("send");
    printf("sent %zd\n", sent);
    return 0;
}

static void obey(int fd)
{
    char line[512];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4) != 0) {
        line[strcspn(line, "\n")] = '\0';
        if (!strncmp(line, "send ", 5))
            send_text(fd, line + 5);
        else if (!strcmp(line, "recv"))
            receive(fd);
        else if (!strcmp(line, "fin"))
            puts(shutdown(fd, SHUT_WR) ? "error fin" : "fin");
        else
            puts("error unknown command");
    }
}

static int open_socket(union sa *to, socklen_t *n)
{
    union sa from;
    *n = fill(to, cfg.addr, cfg.port, cfg.mapped);
    if (!*n) {
        errno = EINVAL;
        return fail("address");
    }
    int fd = socket(to->a.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || set_options(fd, to->a.sa_family))
        return fd < 0 ? fail("socket") : -1;
    if (cfg.src) {
        socklen_t m = fill(&from, cfg.src, 0, cfg.mapped);
        if (!m || bind(fd, &from.a, m))
            return fail("bind");
    }
    return fd;
}

static int run(void)
{
    union sa to;
    socklen_t n;
    int fd = open_socket(&to, &n);
    if (fd < 0 || start(fd, &to, n) || finish(fd))
        return -1;
    print_local(fd);
    if (cfg.stay) {
        obey(fd);
        return 0;
    }
    if (!cfg.fast_open && cfg.text[0] && send_text(fd, cfg.text))
        return -1;
    return receive(fd);
}

static int parse_args(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "d:k:b:r:R:w:s:t:fxmi")) != -1;) {
        switch (c) {
        case 'd':
            cfg.dev = optarg;
            break;
        case 'k':
            cfg.mark = atoi(optarg);
            break;
        case 'b':
            cfg.src = optarg;
            break;
        case 'r':
        case 'R':
            cfg.route = c == 'r' ? 131 : 137;
            cfg.hop = optarg;
            break;
        case 'w':
            cfg.wait = atoi(optarg);
            break;
        case 't':
            cfg.ttl = atoi(optarg);
            break;
        case 's':
            cfg.text = optarg;
            break;
        case 'f':
            cfg.fast_open = true;
            break;
        case 'x':
            cfg.dst_opts = true;
            break;
        case 'm':
            cfg.mapped = true;
            break;
        case 'i':
            cfg.stay = true;
            break;
        default:
            return -1;
        }
    }
    if (argc - optind != 2)
        return -1;
    cfg.addr = argv[optind];
    cfg.port = (unsigned)atoi(argv[optind + 1]);
    return 0;
}

int main(int argc, char **argv)
{
    if (parse_args(argc, argv)) {
        fputs("usage: tcpconn [OPTION]... ADDR PORT (see tests/tools/tcpconn.c)\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return run() ? 1 : 0;
}

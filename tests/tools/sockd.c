/*
 * A small SMTP host for the network tests: accepts on every address of its namespace, speaks enough
 * SMTP for an MTA to deliver, and writes down who came for whom.
 *
 *   sockd -n NAME -p PORT... [-b ADDR] [-q] [-t]
 *
 * -n is said in the banner; -b binds one address instead of all; -q says nothing until SIGUSR1,
 * then sends its banner on every open connection; -t accepts TCP Fast Open. Lines on stdout: ready
 *   accept LOCAL:PORT < PEER:PORT
 *   line LOCAL:PORT < PEER:PORT "..."        a command as it was received
 *   mail LOCAL:PORT < PEER:PORT              a message was taken
 *   close LOCAL:PORT < PEER:PORT
 *   spoke N                                  SIGUSR1: to how many
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PORT_MAX = 8,
    LINE_MAX_ = 1024,
    FD_MAX = 4096,
};

struct conn {
    bool data;
    size_t n;
    char name[160];
    char line[LINE_MAX_];
};

static struct {
    const char *name, *bind;
    unsigned ports[PORT_MAX];
    size_t nports;
    bool quiet, fast_open;
    int epfd;
} cfg = {.name = "sockd", .bind = "::"};

static struct conn *conns[FD_MAX];

static void put_addr(char *out, size_t n, const struct sockaddr_in6 *a)
{
    char s[INET6_ADDRSTRLEN] = "?";
    if (IN6_IS_ADDR_V4MAPPED(&a->sin6_addr))
        inet_ntop(AF_INET, a->sin6_addr.s6_addr + 12, s, sizeof s);
    else
        inet_ntop(AF_INET6, &a->sin6_addr, s, sizeof s);
    snprintf(out, n, "%s:%u", s, ntohs(a->sin6_port));
}

static void put_name(char *out, size_t n, int fd)
{
    struct sockaddr_in6 here = {0}, there = {0};
    socklen_t a = sizeof here, b = sizeof there;
    char local[64], peer[64];
    getsockname(fd, (struct sockaddr *)&here, &a);
    getpeername(fd, (struct sockaddr *)&there, &b);
    put_addr(local, sizeof local, &here);
    put_addr(peer, sizeof peer, &there);
    snprintf(out, n, "%s < %s", local, peer);
}

static int watch(int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(cfg.epfd, EPOLL_CTL_ADD, fd, &ev);
}

static void say(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)n;
}

static void greet(int fd)
{
    char text[128];
    snprintf(text, sizeof text, "220 %s ESMTP\r\n", cfg.name);
    say(fd, text);
}

static void drop(int fd)
{
    printf("close %s\n", conns[fd]->name);
    free(conns[fd]);
    conns[fd] = NULL;
    close(fd);
}

static void take(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct conn *c = fd < FD_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c || watch(fd)) {
        free(c);
        close(fd);
        return;
    }
    put_name(c->name, sizeof c->name, fd);
    conns[fd] = c;
    printf("accept %s\n", c->name);
    if (!cfg.quiet)
        greet(fd);
}

static const struct {
    const char *verb, *reply;
} replies[] = {
    {"EHLO", "250-lab\r\n250 8BITMIME\r\n"},
    {"HELO", "250 lab\r\n"},
    {"MAIL", "250 2.1.0 ok\r\n"},
    {"RCPT", "250 2.1.5 ok\r\n"},
    {"DATA", "354 go on\r\n"},
    {"RSET", "250 2.0.0 ok\r\n"},
    {"NOOP", "250 2.0.0 ok\r\n"},
    {"QUIT", "221 2.0.0 bye\r\n"},
};

static void on_body(int fd, struct conn *c, const char *line)
{
    if (strcmp(line, ".") != 0)
        return;
    c->data = false;
    printf("mail %s\n", c->name);
    say(fd, "250 2.0.0 taken\r\n");
}

static void on_line(int fd, struct conn *c, const char *line)
{
    if (c->data) {
        on_body(fd, c, line);
        return;
    }
    printf("line %s \"%s\"\n", c->name, line);
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (!strncasecmp(line, replies[i].verb, 4)) {
            c->data = replies[i].reply[0] == '3';
            say(fd, replies[i].reply);
            return;
        }
    say(fd, "500 5.5.1 what\r\n");
}

static void split_lines(int fd, struct conn *c)
{
    for (char *lf; (lf = memchr(c->line, '\n', c->n));) {
        size_t used = (size_t)(lf - c->line) + 1;
        *lf = '\0';
        if (lf > c->line && lf[-1] == '\r')
            lf[-1] = '\0';
        on_line(fd, c, c->line);
        c->n -= used;
        memmove(c->line, c->line + used, c->n);
    }
    if (c->n == sizeof c->line)
        c->n = 0;
}

static void serve(int fd)
{
    struct conn *c = conns[fd];
    ssize_t n = recv(fd, c->line + c->n, sizeof c->line - c->n, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        drop(fd);
        return;
    }
    c->n += n > 0 ? (size_t)n : 0;
    split_lines(fd, c);
}

static void speak(int sigfd)
{
    struct signalfd_siginfo si;
    size_t n = 0;
    if (read(sigfd, &si, sizeof si) != (ssize_t)sizeof si)
        return;
    for (int fd = 0; fd < FD_MAX; fd++)
        if (conns[fd]) {
            greet(fd);
            n++;
        }
    printf("spoke %zu\n", n);
}

static int listen_on(unsigned port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, queue = 64;
    if (fd < 0 || inet_pton(AF_INET6, cfg.bind, &a.sin6_addr) != 1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (cfg.fast_open)
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof queue);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 512) || watch(fd))
        return -1;
    return fd;
}

static int open_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd >= 0 && !watch(fd) ? fd : -1;
}

static int parse_args(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "n:p:b:qt")) != -1;) {
        if (c == 'n')
            cfg.name = optarg;
        else if (c == 'b')
            cfg.bind = optarg;
        else if (c == 'q')
            cfg.quiet = true;
        else if (c == 't')
            cfg.fast_open = true;
        else if (c == 'p' && cfg.nports < PORT_MAX)
            cfg.ports[cfg.nports++] = (unsigned)strtoul(optarg, NULL, 10);
        else
            return -1;
    }
    return cfg.nports && optind == argc ? 0 : -1;
}

static void loop(int sigfd)
{
    struct epoll_event ev[64];
    for (;;) {
        int n = epoll_wait(cfg.epfd, ev, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = ev[i].data.fd;
            if (fd == sigfd)
                speak(fd);
            else if (fd < FD_MAX && conns[fd])
                serve(fd);
            else
                take(fd);
        }
    }
}

int main(int argc, char **argv)
{
    if (parse_args(argc, argv)) {
        fputs("usage: sockd -n NAME -p PORT... [-b ADDR] [-q] [-t]\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    cfg.epfd = epoll_create1(EPOLL_CLOEXEC);
    int sigfd = open_signal();
    for (size_t i = 0; i < cfg.nports; i++)
        if (sigfd < 0 || listen_on(cfg.ports[i]) < 0) {
            perror("sockd");
            return 3;
        }
    puts("ready");
    loop(sigfd);
}

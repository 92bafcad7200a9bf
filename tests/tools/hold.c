/*
 * Holds connections to a sink on loopback that say nothing.
 *
 *   hold PORT CONNECTIONS
 *
 * A process for each 16,000, with a source address of its own out of 127.1.0.0/16, so it belongs
 * into a network namespace. Prints "GREETED FAILED MILLISECONDS" once each was greeted, turned away
 * or failed, and holds those that were greeted until standard input ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EACH = 16000, AT_ONCE = 2000, EVENTS = 256, WAIT_MS = 30000 };

struct crowd {
    int epoll, port;
    uint32_t source;
    long wanted, begun, greeted, failed;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void raise_files(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        fail("RLIMIT_NOFILE");
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r))
        fail("RLIMIT_NOFILE");
}

static int dial(const struct crowd *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    from.sin_addr.s_addr = htonl(0x7f010001u + c->source);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)c->port);
    if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&from, sizeof from))
        fail("socket");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void begin_one(struct crowd *c)
{
    int fd = dial(c);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    c->begun++;
    if (fd < 0)
        c->failed++;
    else if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev))
        fail("epoll_ctl");
}

/* A greeting is one read: it is shorter than any segment. */
static void hear(struct crowd *c, int fd)
{
    char text[512];
    ssize_t n = recv(fd, text, sizeof text, 0);
    bool greeted = n > 4 && memcmp(text, "220 ", 4) == 0;
    c->greeted += greeted;
    c->failed += !greeted;
    if (greeted)
        epoll_ctl(c->epoll, EPOLL_CTL_DEL, fd, NULL);
    else
        close(fd);
}

static void gather(struct crowd *c)
{
    struct epoll_event ev[EVENTS];
    while (c->greeted + c->failed < c->wanted) {
        while (c->begun < c->wanted && c->begun - c->greeted - c->failed < AT_ONCE)
            begin_one(c);
        int n = epoll_wait(c->epoll, ev, EVENTS, WAIT_MS);
        if (n == 0)
            return;
        for (int i = 0; i < n; i++)
            hear(c, ev[i].data.fd);
    }
}

/* What a process counted, on its way to the first one. */
struct report {
    long greeted, failed;
};

static void work(int port, long from, long n, int report)
{
    struct crowd c = {.port = port, .wanted = n, .source = (uint32_t)(from / EACH)};
    char octet;
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    raise_files();
    gather(&c);
    struct report r = {c.greeted, n - c.greeted};
    if (write(report, &r, sizeof r) != (ssize_t)sizeof r)
        fail("write");
    while (read(STDIN_FILENO, &octet, 1) > 0)
        ;
    _exit(0);
}

int main(int argc, char **argv)
{
    int ends[2];
    if (argc != 3) {
        fprintf(stderr, "usage: hold PORT CONNECTIONS\n");
        return 2;
    }
    if (pipe(ends))
        fail("pipe");
    long wanted = atol(argv[2]), start = now_ms();
    struct report sum = {0}, one;
    for (long from = 0; from < wanted; from += EACH)
        if (fork() == 0)
            work(atoi(argv[1]), from, wanted - from < EACH ? wanted - from : EACH, ends[1]);
    close(ends[1]);
    while (sum.greeted + sum.failed < wanted && read(ends[0], &one, sizeof one) > 0) {
        sum.greeted += one.greeted;
        sum.failed += one.failed;
    }
    printf("%ld %ld %ld\n", sum.greeted, wanted - sum.greeted, now_ms() - start);
    fflush(stdout);
    while (wait(NULL) > 0)
        ;
    return 0;
}

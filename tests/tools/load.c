/*
 * Makes SMTP connections to thousands of destinations, as an MTA under load would.
 *
 *   load conns N SECONDS
 *
 * makes N connections with one short message each, 64 at a time, from one source address, for so
 * long at most; prints "RATE FAILED" (connections a second, failures).
 *
 *   load hold N PROCESSES
 *
 * opens N connections at once and holds them all until each was greeted; prints "GREETED FAILED".
 *
 *   load bulk MEGABYTES
 *
 * sends one message of that size; prints "MEGABYTES-A-SECOND".
 *
 * Destinations are addresses in 20.0.0.0/8, so it belongs into a network namespace only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SPREAD = 50000, WIDTH = 64, HOLD_SECONDS = 60 };

/* What is sent at each step, and how many replies have to come before the next. */
static const struct {
    const char *text;
    int replies;
} steps[] = {
    {"", 1},
    {"EHLO load.test\r\n", 1},
    {"MAIL FROM:<a@load.test>\r\nRCPT TO:<b@load.test>\r\nDATA\r\n", 3},
    {"Subject: load\r\n\r\nhello\r\n.\r\n", 1},
    {"QUIT\r\n", 1},
};
enum { STEPS = sizeof steps / sizeof *steps };

struct conn {
    int fd, step, replies;
    char line[4];
    int at; /* in the line */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(uint32_t n)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(25)};
    to.sin_addr.s_addr = htonl(0x14000000u + n * 2654435761u % SPREAD * 251u);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Counts the replies in a piece of input: lines whose code is followed by a space. */
static void take(struct conn *c, const char *p, ssize_t n)
{
    for (ssize_t i = 0; i < n; i++) {
        if (p[i] == '\n') {
            c->replies += c->at > 3 && c->line[3] == ' ';
            c->at = 0;
        } else {
            if (c->at < 4)
                c->line[c->at] = p[i];
            c->at++;
        }
    }
}

/* 1: done, 0: goes on, -1: failed. */
static int advance(struct conn *c)
{
    char buf[2048];
    ssize_t n = read(c->fd, buf, sizeof buf);
    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0)
        return -1;
    take(c, buf, n);
    while (c->replies >= steps[c->step].replies) {
        c->replies -= steps[c->step].replies;
        if (++c->step == STEPS)
            return 1;
        size_t len = strlen(steps[c->step].text);
        if (send(c->fd, steps[c->step].text, len, MSG_NOSIGNAL) != (ssize_t)len)
            return -1;
    }
    return 0;
}

static bool open_one(int ep, struct conn *c, uint32_t n)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    *c = (struct conn){.fd = dial(n)};
    return c->fd >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

static int conns(unsigned long most, double seconds)
{
    static struct conn table[WIDTH];
    struct epoll_event ev[WIDTH];
    int ep = epoll_create1(EPOLL_CLOEXEC);
    unsigned long done = 0, failed = 0;
    uint32_t n = (uint32_t)time(NULL);
    double begin = now();
    for (int i = 0; i < WIDTH; i++)
        if (!open_one(ep, &table[i], n++))
            failed++;
    while (done + failed < most && now() - begin < seconds) {
        int got = epoll_wait(ep, ev, WIDTH, 100);
        for (int i = 0; i < got; i++) {
            struct conn *c = ev[i].data.ptr;
            int r = advance(c);
            if (r == 0)
                continue;
            done += r > 0;
            failed += r < 0;
            close(c->fd);
            while (now() - begin < seconds && !open_one(ep, c, n++))
                failed++;
        }
    }
    printf("%.0f %lu\n", (double)done / (now() - begin), failed);
    return 0;
}

static void hold_some(uint32_t first, int count, volatile long *all, long want,
                      volatile long *failed)
{
    struct conn *table = calloc((size_t)count, sizeof *table);
    struct epoll_event ev[256];
    int ep = epoll_create1(EPOLL_CLOEXEC), opened = 0, greeted = 0, lost = 0;
    double begin = now();
    while (greeted + lost < count && now() - begin < HOLD_SECONDS) {
        for (int burst = 0; opened < count && burst < 64; burst++, opened++)
            if (!open_one(ep, &table[opened], first + (uint32_t)opened))
                lost++;
        int got = epoll_wait(ep, ev, 256, opened < count ? 0 : 100);
        for (int i = 0; i < got; i++) {
            struct conn *c = ev[i].data.ptr;
            char buf[512];
            ssize_t r = read(c->fd, buf, sizeof buf);
            if (r <= 0) {
                epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, NULL);
                lost++;
            } else if (c->step++ == 0) {
                greeted++;
            }
        }
    }
    __atomic_fetch_add(all, greeted, __ATOMIC_RELAXED);
    __atomic_fetch_add(failed, count - greeted, __ATOMIC_RELAXED);
    while (__atomic_load_n(all, __ATOMIC_RELAXED) + __atomic_load_n(failed, __ATOMIC_RELAXED) <
               want &&
           now() - begin < HOLD_SECONDS + 5)
        poll(NULL, 0, 20);
    _exit(0);
}

static int hold(long n, int processes)
{
    volatile long *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int each = (int)(n / processes);
    for (int i = 0; i < processes; i++)
        if (fork() == 0)
            hold_some((uint32_t)(i * each), each, &shared[0], (long)each * processes, &shared[1]);
    while (wait(NULL) > 0)
        ;
    printf("%ld %ld\n", shared[0], shared[1]);
    return 0;
}

static bool replies(int fd, struct conn *c, int want)
{
    char buf[2048];
    while (c->replies < want) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, 30000) > 0 ? read(fd, buf, sizeof buf) : -1;
        if (n <= 0)
            return false;
        take(c, buf, n);
    }
    c->replies -= want;
    return true;
}

static int bulk(long megabytes)
{
    static char block[1 << 20];
    struct conn c = {.fd = dial(7)};
    fcntl(c.fd, F_SETFL, 0);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : 'x';
    for (int step = 0; step < 3; step++) {
        size_t len = strlen(steps[step].text);
        if ((len && write(c.fd, steps[step].text, len) != (ssize_t)len) ||
            !replies(c.fd, &c, steps[step].replies))
            return 1;
    }
    double begin = now();
    for (long i = 0; i < megabytes; i++)
        for (size_t at = 0; at < sizeof block;) {
            ssize_t w = write(c.fd, block + at, sizeof block - at);
            if (w <= 0)
                return 1;
            at += (size_t)w;
        }
    if (write(c.fd, "\r\n.\r\n", 5) != 5 || !replies(c.fd, &c, 1))
        return 1;
    printf("%.0f\n", (double)megabytes / (now() - begin));
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (argc == 4 && strcmp(argv[1], "conns") == 0)
        return conns(strtoul(argv[2], NULL, 10), atof(argv[3]));
    if (argc == 4 && strcmp(argv[1], "hold") == 0)
        return hold(atol(argv[2]), atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "bulk") == 0)
        return bulk(atol(argv[2]));
    fputs("usage: load conns N SECONDS | hold N PROCESSES | bulk MEGABYTES\n", stderr);
    return 2;
}

/*
 * The least that a sink can cost: accepts, says what the next reply is whatever it is told, and
 * closes once the client has. What is dearer in a real sink is the sink; the rest is the kernel's.
 *
 *   smtpfloor PORT
 *
 * For clients that send one message a connection in the five steps of smtpload's `alone`. One
 * process; ends on a signal.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, FILES = 65536 };

/* After so many steps of a connection; the third is over when its octets end in a dot. */
static const char *const replies[] = {"220 floor\r\n", "250 floor\r\n",
                                      "250 ok\r\n250 ok\r\n354 go on\r\n", "250 ok\r\n",
                                      "221 bye\r\n"};
static uint8_t step[FILES];
static char text[65536];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int epoll, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev))
        fail("epoll_ctl");
}

static int listening(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) ||
        bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 65535))
        fail("listen");
    return fd;
}

static void say(int fd)
{
    if (step[fd] >= sizeof replies / sizeof *replies)
        return;
    const char *reply = replies[step[fd]];
    send(fd, reply, strlen(reply), MSG_NOSIGNAL);
}

static void take(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || fd >= FILES)
        fail("accept4");
    step[fd] = 0;
    watch(epoll, fd);
    say(fd);
}

static void hear(int fd)
{
    ssize_t n = recv(fd, text, sizeof text, 0);
    if (n <= 0) {
        close(fd);
        return;
    }
    if (step[fd] == 2 && (n < 3 || memcmp(text + n - 3, ".\r\n", 3) != 0))
        return;
    step[fd]++;
    say(fd);
}

int main(int argc, char **argv)
{
    struct epoll_event ev[EVENTS];
    if (argc != 2) {
        fprintf(stderr, "usage: smtpfloor PORT\n");
        return 2;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC), listener = listening((uint16_t)atoi(argv[1]));
    watch(epoll, listener);
    for (;;) {
        int n = epoll_wait(epoll, ev, EVENTS, -1);
        for (int i = 0; i < n; i++)
            if (ev[i].data.fd == listener)
                take(epoll, listener);
            else
                hear(ev[i].data.fd);
    }
}

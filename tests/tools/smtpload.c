/*
 * Sends mail to a sink, for measuring what a message costs the sink.
 *
 *   smtpload [NET/24:]PORT plain|pipelined|alone BYTES MESSAGES [DOMAIN]
 *
 * on loopback, or to the addresses of the net in turn; over 16 connections: a command after the
 * other; envelope in one write and content in another; or a connection for each message. Each
 * recipient is another one. Refusals are counted, and printed: "ACCEPTED REFUSED".
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 16 };

struct load {
    uint32_t net; /* 0: loopback */
    uint16_t port;
    unsigned dialled;
    const char *mode, *domain;
    char *content;
    size_t len;
    long accepted, refused, serial;
    int fd[CLIENTS];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int dial(struct load *l)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->port)};
    struct timeval limit = {.tv_sec = 20};
    to.sin_addr.s_addr = htonl(l->net ? l->net + 1 + l->dialled++ % 254 : INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
        connect(fd, (struct sockaddr *)&to, sizeof to))
        fail("connect");
    return fd;
}

static void say(int fd, const char *text, size_t n)
{
    if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
        fail("send");
}

/* The code of the last of so many replies. */
static int hear(int fd, int replies)
{
    char text[8192];
    size_t n = 0;
    int code = 0;
    while (replies > 0) {
        ssize_t r = recv(fd, text + n, sizeof text - n, 0);
        if (r <= 0)
            fail("recv");
        n += (size_t)r;
        for (char *lf; (lf = memchr(text, '\n', n)) != NULL;) {
            if (lf - text > 3 && text[3] == ' ' && replies-- > 0)
                code = atoi(text);
            n -= (size_t)(lf + 1 - text);
            memmove(text, lf + 1, n);
        }
    }
    return code;
}

static void hello(int fd)
{
    hear(fd, 1);
    say(fd, "EHLO me\r\n", 9);
    hear(fd, 1);
}

/* MAIL, RCPT and DATA: at once, or each after the reply to the one before. */
static void envelope(struct load *l, int fd, bool at_once)
{
    char lines[3][100];
    strcpy(lines[0], "MAIL FROM:<a@b.example>\r\n");
    snprintf(lines[1], sizeof lines[1], "RCPT TO:<user-%ld@%s>\r\n", l->serial++, l->domain);
    strcpy(lines[2], "DATA\r\n");
    if (at_once) {
        char all[300];
        say(fd, all, (size_t)snprintf(all, sizeof all, "%s%s%s", lines[0], lines[1], lines[2]));
        return;
    }
    for (int i = 0; i < 3; i++) {
        say(fd, lines[i], strlen(lines[i]));
        if (i < 2)
            hear(fd, 1);
    }
}

static void finish(struct load *l, int fd)
{
    *(hear(fd, 1) == 250 ? &l->accepted : &l->refused) += 1;
}

static void round_of(struct load *l, bool at_once)
{
    for (int i = 0; i < CLIENTS; i++)
        envelope(l, l->fd[i], at_once);
    for (int i = 0; i < CLIENTS; i++) {
        if (hear(l->fd[i], at_once ? 3 : 1) != 354)
            fail("DATA was refused");
        say(l->fd[i], l->content, l->len);
    }
    for (int i = 0; i < CLIENTS; i++)
        finish(l, l->fd[i]);
}

static void one_alone(struct load *l)
{
    int fd = dial(l);
    hello(fd);
    envelope(l, fd, true);
    hear(fd, 3);
    say(fd, l->content, l->len);
    finish(l, fd);
    say(fd, "QUIT\r\n", 6);
    hear(fd, 1);
    close(fd);
}

static void fill(struct load *l, size_t bytes)
{
    l->content = malloc(bytes + 5);
    if (!l->content)
        fail("malloc");
    memset(l->content, 'x', bytes);
    for (size_t i = 70; i + 2 <= bytes; i += 72)
        memcpy(l->content + i, "\r\n", 2);
    memcpy(l->content + bytes, "\r\n.\r\n", 5);
    l->len = bytes + 5;
}

/* [NET/24:]PORT */
static bool aim(struct load *l, const char *text)
{
    char net[16];
    struct in_addr a = {0};
    if (sscanf(text, "%15[0-9.]/24:%hu", net, &l->port) == 2) {
        bool good = inet_pton(AF_INET, net, &a) == 1;
        l->net = ntohl(a.s_addr) & 0xffffff00;
        return good && l->net;
    }
    return sscanf(text, "%hu", &l->port) == 1;
}

int main(int argc, char **argv)
{
    struct load l = {.domain = argc > 5 ? argv[5] : "d.example"};
    if (argc < 5 || !aim(&l, argv[1])) {
        fprintf(stderr,
                "usage: smtpload [NET/24:]PORT plain|pipelined|alone BYTES MESSAGES [DOMAIN]\n");
        return 2;
    }
    l.mode = argv[2];
    long messages = atol(argv[4]);
    bool alone = strcmp(l.mode, "alone") == 0;
    fill(&l, (size_t)atol(argv[3]));
    for (int i = 0; i < CLIENTS && !alone; i++)
        hello(l.fd[i] = dial(&l));
    while (l.accepted + l.refused < messages) {
        if (alone)
            one_alone(&l);
        else
            round_of(&l, strcmp(l.mode, "pipelined") == 0);
    }
    printf("%ld %ld\n", l.accepted, l.refused);
    free(l.content);
    return 0;
}

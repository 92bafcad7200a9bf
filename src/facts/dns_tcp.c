#include "dns_net_internal.h"

#include <kr/mem.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MOST_US 6000000u
#define LOOK_US 100000u

void kr_tcps_begin(struct tcps *t, int epoll)
{
    t->epoll = epoll;
    for (size_t i = 0; i < KR_TCP_MOST; i++)
        t->v[i].fd = -1;
}

static void drop(struct tcp *c)
{
    free(c->in);
    c->in = NULL;
    kr_close_fd(&c->fd);
}

/* The exchange is over before its end is told: that may begin another one here. */
static void end(struct tcp *c, struct kr_ask *a, bool good, uint64_t now)
{
    KR_AUTO_FREE uint8_t *in = c->in;
    size_t n = c->need;
    c->in = NULL;
    drop(c);
    kr_ask_tcp(a, c->slot, good ? in : NULL, n, now);
}

bool kr_tcps_start(struct tcps *t, const struct kr_dns_server *s, uint32_t slot, const uint8_t *b,
                   size_t len, uint64_t now)
{
    struct sockaddr_storage ss;
    size_t i = 0;
    while (i < KR_TCP_MOST && t->v[i].fd >= 0)
        i++;
    if (i == KR_TCP_MOST)
        return false;
    struct tcp *c = &t->v[i];
    *c = (struct tcp){.slot = slot, .deadline = now + MOST_US, .out_len = len + 2};
    c->out[0] = (uint8_t)(len >> 8);
    c->out[1] = (uint8_t)len;
    memcpy(c->out + 2, b, len);
    socklen_t n = kr_dns_server_sockaddr(s, &ss);
    c->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct epoll_event ev = {.events = EPOLLOUT, .data.u32 = KR_TCP_FIRST + (uint32_t)i};
    if (c->fd >= 0 && (connect(c->fd, (struct sockaddr *)&ss, n) == 0 || errno == EINPROGRESS) &&
        epoll_ctl(t->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0)
        return true;
    drop(c);
    return false;
}

/* 1: all is sent, 0: not yet, -1: failed. */
static int send_more(struct tcp *c)
{
    ssize_t n = send(c->fd, c->out + c->sent, c->out_len - c->sent, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    c->sent += (size_t)n;
    return c->sent == c->out_len;
}

/* 1: it is whole, 0: not yet, -1: failed. The first two bytes are its length. */
static int receive_more(struct tcp *c)
{
    bool head = c->got < 2;
    uint8_t *to = head ? c->head + c->got : c->in + c->got - 2;
    size_t room = head ? 2 - c->got : c->need + 2 - c->got;
    ssize_t n = recv(c->fd, to, room, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (n == 0)
        return -1;
    c->got += (size_t)n;
    if (head && c->got == 2) {
        c->need = (size_t)c->head[0] << 8 | c->head[1];
        c->in = c->need ? kr_calloc(c->need, 1) : NULL;
        return c->need ? 0 : -1;
    }
    return !head && c->got == c->need + 2;
}

void kr_tcps_event(struct tcps *t, uint32_t i, struct kr_ask *a, uint64_t now)
{
    struct tcp *c = i < KR_TCP_MOST ? &t->v[i] : NULL;
    if (!c || c->fd < 0)
        return;
    if (c->sent < c->out_len) {
        int sent = send_more(c);
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = KR_TCP_FIRST + i};
        if (sent < 0 || (sent == 1 && epoll_ctl(t->epoll, EPOLL_CTL_MOD, c->fd, &ev)))
            end(c, a, false, now);
        return;
    }
    int got = receive_more(c);
    if (got)
        end(c, a, got == 1, now);
}

void kr_tcps_look(struct tcps *t, struct kr_ask *a, uint64_t now)
{
    if (now < t->seen + LOOK_US)
        return;
    t->seen = now;
    for (size_t i = 0; i < KR_TCP_MOST; i++)
        if (t->v[i].fd >= 0 && t->v[i].deadline < now)
            end(&t->v[i], a, false, now);
}

void kr_tcps_end(struct tcps *t)
{
    for (size_t i = 0; i < KR_TCP_MOST; i++)
        drop(&t->v[i]);
}

/* A connection waits in one of two lists: `idle` while its session lives, `linger` once the last
 * reply is sent and only the client's FIN is missing. The client should close first: the side that
 * does keeps the port in TIME_WAIT, and behind a DNAT those ports are the ones that run out. */
#include "worker_internal.h"

#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_origdst.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void list_remove(struct waitlist *l, struct conn *c)
{
    *(c->prev ? &c->prev->next : &l->first) = c->next;
    *(c->next ? &c->next->prev : &l->last) = c->prev;
}

static void list_append(struct waitlist *l, struct conn *c, int64_t now)
{
    c->since = now;
    c->prev = l->last;
    c->next = NULL;
    *(l->last ? &l->last->next : &l->first) = c;
    l->last = c;
}

static struct waitlist *list_of(struct worker *w, const struct conn *c)
{
    return c->lingering ? &w->linger : &w->idle;
}

static void touch(struct worker *w, struct conn *c)
{
    list_remove(&w->idle, c);
    list_append(&w->idle, c, w->now);
}

static void conn_close(struct worker *w, struct conn *c)
{
    kr_sink_hang_up(&w->x, &c->s);
    list_remove(list_of(w, c), c);
    close(c->ref.fd);
    free(c->in);
    free(c->out);
    free(c);
    w->open--;
    kr_sink_add(w->x.stats, KR_SINK_open, -1);
}

static void watch(struct worker *w, struct conn *c, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = &c->ref};
    epoll_ctl(w->epoll, EPOLL_CTL_MOD, c->ref.fd, &ev);
}

static void keep(char **where, uint32_t *len, const char *data, size_t n)
{
    free(*where);
    *where = n ? memcpy(kr_calloc(n, 1), data, n) : NULL;
    *len = (uint32_t)n;
}

/* 1: all sent, 0: the socket is full, -1: the connection is gone. */
static int send_some(int fd, const char *data, size_t n, size_t *sent)
{
    *sent = 0;
    while (*sent < n) {
        ssize_t r = send(fd, data + *sent, n - *sent, MSG_NOSIGNAL);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return errno == EAGAIN ? 0 : -1;
        *sent += (size_t)r;
    }
    return 1;
}

/* Sends what the session said; what can't be sent is kept, and nothing is read until it is. */
static int say(struct worker *w, struct conn *c)
{
    size_t sent = 0, n = w->x.out.len;
    w->x.out.len = 0;
    int done = n ? send_some(c->ref.fd, w->x.out.s, n, &sent) : 1;
    if (done == 0) {
        keep(&c->out, &c->out_len, w->x.out.s + sent, n - sent);
        c->out_at = 0;
        watch(w, c, EPOLLOUT);
    }
    return done;
}

static void linger(struct worker *w, struct conn *c)
{
    list_remove(&w->idle, c);
    c->lingering = true;
    keep(&c->in, &c->in_len, NULL, 0);
    list_append(&w->linger, c, w->now);
}

/* Feeds the n octets in w->buf to the session, sends its replies, keeps the rest for later. May
 * close the connection. */
static void converse(struct worker *w, struct conn *c, size_t n)
{
    size_t used;
    int done;
    do {
        used = kr_sink_feed(&w->x, &c->s, w->buf, n);
        n -= used;
        memmove(w->buf, w->buf + used, n);
        done = say(w, c);
    } while (done > 0 && n && used);
    if (done < 0) {
        conn_close(w, c);
        return;
    }
    keep(&c->in, &c->in_len, w->buf, n);
    if (done > 0 && c->s.over)
        linger(w, c);
}

static void on_readable(struct worker *w, struct conn *c)
{
    if (c->in_len)
        memcpy(w->buf, c->in, c->in_len);
    ssize_t r = recv(c->ref.fd, w->buf + c->in_len, sizeof w->buf - c->in_len, 0);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (r <= 0) {
        conn_close(w, c);
    } else if (!c->lingering) {
        touch(w, c);
        converse(w, c, c->in_len + (size_t)r);
    }
}

static void on_writable(struct worker *w, struct conn *c)
{
    size_t sent;
    int done = send_some(c->ref.fd, c->out + c->out_at, c->out_len - c->out_at, &sent);
    c->out_at += (uint32_t)sent;
    if (done < 0) {
        conn_close(w, c);
        return;
    }
    if (sent)
        touch(w, c);
    if (done == 0)
        return;
    keep(&c->out, &c->out_len, NULL, 0);
    watch(w, c, EPOLLIN);
    if (c->in_len)
        memcpy(w->buf, c->in, c->in_len);
    converse(w, c, c->in_len);
}

void conn_event(struct worker *w, struct conn *c, uint32_t events)
{
    if (c->out && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        on_writable(w, c);
    else
        on_readable(w, c);
}

/* close() will send RST instead of FIN. */
static void reset_on_close(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* Too many, or not ours: the socket goes at once. */
static bool turned_away(struct worker *w, int fd, const struct kr_origdst *d)
{
    static const char busy[] = "421 4.3.2 Too many connections\r\n";
    size_t sent;
    if (w->cfg->ranges.n && !kr_prefixset_find(&w->cfg->ranges, &d->local)) {
        kr_sink_add(w->x.stats, KR_SINK_refused_local, 1);
        reset_on_close(fd);
    } else if (w->open >= w->cfg->max_connections) {
        kr_sink_add(w->x.stats, KR_SINK_refused_busy, 1);
        send_some(fd, busy, sizeof busy - 1, &sent);
    } else {
        return false;
    }
    close(fd);
    return true;
}

static void count_open(struct worker *w, struct conn *c, const struct kr_origdst *d)
{
    struct kr_sink_stats *t = w->x.stats;
    char talk;
    kr_sink_add(t, KR_SINK_connections, 1);
    kr_sink_add(t, KR_SINK_open, 1);
    kr_sink_add(t,
                !d->redirected             ? KR_SINK_not_redirected
                : kr_addr_is_v4(&d->meant) ? KR_SINK_redirected_v4
                                           : KR_SINK_redirected_v6,
                1);
    c->s.dest = d->redirected ? kr_sink_dest_connection(t, &d->meant) : KR_SINK_NOWHERE;
    if (recv(c->ref.fd, &talk, 1, MSG_PEEK) == 1)
        kr_sink_add(t, KR_SINK_early_talkers, 1);
}

void conn_open(struct worker *w, int fd)
{
    struct kr_origdst d;
    if (kr_origdst(fd, &d)) {
        close(fd);
        return;
    }
    if (turned_away(w, fd, &d))
        return;
    struct conn *c = kr_calloc(1, sizeof *c);
    c->ref = (struct ref){REF_CONN, fd};
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &c->ref};
    list_append(&w->idle, c, w->now);
    w->open++;
    count_open(w, c, &d);
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev)) {
        conn_close(w, c);
        return;
    }
    kr_sink_greet(&w->x, &d.meant, d.redirected);
    if (say(w, c) < 0)
        conn_close(w, c);
}

/* 421, then FIN; the rest of what the client sends is read away, or a RST would overtake the
 * reply. A client that does not take our replies is not told. */
static void time_out(struct worker *w, struct conn *c)
{
    static const char late[] = "421 4.4.2 Idle for too long\r\n";
    size_t sent;
    kr_sink_add(w->x.stats, KR_SINK_timeouts, 1);
    if (c->out || send_some(c->ref.fd, late, sizeof late - 1, &sent) <= 0 ||
        shutdown(c->ref.fd, SHUT_WR)) {
        conn_close(w, c);
        return;
    }
    linger(w, c);
}

static int64_t due(const struct waitlist *l)
{
    return l->first ? l->first->since + l->after : INT64_MAX;
}

int conn_expire(struct worker *w)
{
    while (due(&w->idle) <= w->now)
        time_out(w, w->idle.first);
    while (due(&w->linger) <= w->now)
        conn_close(w, w->linger.first);
    int64_t a = due(&w->idle), b = due(&w->linger), next = a < b ? a : b;
    if (next == INT64_MAX)
        return -1;
    return next - w->now > 60000 ? 60000 : (int)(next - w->now) + 1;
}

static void reset_list(struct worker *w, struct waitlist *l)
{
    while (l->first) {
        reset_on_close(l->first->ref.fd);
        conn_close(w, l->first);
    }
}

void conn_reset_all(struct worker *w)
{
    reset_list(w, &w->idle);
    reset_list(w, &w->linger);
}

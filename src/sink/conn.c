/* A connection waits for one of three things: IDLE for its client (how long depends on what it
 * should do, see kr/sink_idle.h), LINGERING for the client's FIN
 * once the last reply is sent, HELD for a time the policy chose. The client should close first: the
 * side that does keeps the port in TIME_WAIT, and behind a DNAT those ports are the ones that run
 * out. While replies can't be sent or are held back nothing is read: that is all the back-pressure
 * there is, and it bounds what a connection can make us keep.
 */
#include "secure.h"
#include "worker_internal.h"

#include <kr/mem.h>
#include <kr/sink_gather.h>
#include <kr/sink_hist.h>
#include <kr/sink_knobs.h>
#include <kr/sink_origdst.h>
#include <kr/sink_sums.h>
#include <kr/sink_tally.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLICE_MS 100 /* how often a client whose bandwidth is limited is read */
#define AGAIN 8      /* reads of one client before the others get their turn */
#define LENGTHY 4096 /* octets that take long to read, next to what a reply takes to send */

static void move(struct worker *w, struct conn *c, enum waits to, int64_t until)
{
    wait_move(&w->waits, c, to, until, w->now);
}

/* What is counted from now on is counted for this one too. */
static void turn_to(struct worker *w, const struct conn *c)
{
    w->x.account = c->account;
}

/* Why it ends: the first word counts. */
static void ends(const struct conn *c, enum kr_end how)
{
    if (c->account && !c->account->end)
        c->account->end = (uint8_t)how;
}

static void conn_close(struct worker *w, struct conn *c)
{
    if (c->s.over)
        ends(c, c->s.fault ? KR_END_fault : c->s.shut ? KR_END_dismissed : KR_END_quit);
    kr_sink_hang_up(&w->x, &c->s);
    kr_sink_time(w->x.stats, KR_HIST_session, w->x.now - c->born);
    wait_end(&w->waits, c);
    if (c->tls)
        secure->end(c);
    close(c->ref.fd);
    kr_tally(&w->x, KR_SINK_open, -1);
    w->x.account = NULL;
    kr_account_close(&w->x, c->account, w->x.now - c->born);
    free(c->in);
    free(c->out);
    free(c);
    w->open--;
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

static void hold(struct worker *w, struct conn *c, int64_t until)
{
    watch(w, c, 0);
    move(w, c, HELD, until);
}

static int send_replies(struct worker *w, struct conn *c, size_t n, size_t *sent)
{
    int64_t began = w->x.now;
    int done = conn_send(c, w->x.out.s, n, sent);
    worker_clock(w);
    luck_said(&w->luck, w->x.now - began);
    return done;
}

/* Sends what the session said, up to what is held back. Nothing more is read until all of it is
 * sent. 1: all is sent, 0: not yet, -1: the connection is gone. */
static int say(struct worker *w, struct conn *c)
{
    struct kr_sink_ctx *x = &w->x;
    size_t sent = 0, n = x->out.len, now = x->delay ? x->delay_at : n;
    int64_t until = x->delay == KR_SINK_FOREVER ? INT64_MAX : w->now + x->delay;
    bool held = x->delay != 0;
    x->out.len = x->delay = 0;
    int done = now ? send_replies(w, c, now, &sent) : 1;
    kr_tally(x, KR_SINK_octets_out, (int64_t)sent);
    if (done > 0 && !held)
        return 1;
    keep(&c->out, &c->out_len, kr_buf_str(&x->out) + sent, n - sent);
    c->out_at = 0;
    if (done < 0)
        return -1;
    if (held)
        hold(w, c, until);
    else
        watch(w, c, EPOLLOUT);
    return 0;
}

static void linger(struct worker *w, struct conn *c)
{
    keep(&c->in, &c->in_len, NULL, 0);
    move(w, c, LINGERING, 0);
}

/* Everything is said and sent: does the session go on? False: the connection is gone. */
static bool settle(struct worker *w, struct conn *c)
{
    if (w->draining && !c->in_len && kr_sink_goodbye(&w->x, &c->s) && say(w, c) <= 0) {
        conn_close(w, c);
        return false;
    }
    if (c->s.over && c->tls && !c->s.fault)
        secure->bye(c);
    bool gone = c->s.fault || (c->s.shut && shutdown(c->ref.fd, SHUT_WR)) ||
                (c->s.starttls && !c->tls && !secure->begin(w, c));
    if (c->s.fault == KR_FAULT_RESET)
        conn_reset_on_close(c->ref.fd);
    if (gone)
        conn_close(w, c);
    else if (c->s.over)
        linger(w, c);
    return !gone;
}

/* Feeds the n octets in w->buf to the session, sends its replies, keeps the rest for later. False:
 * the connection is gone. */
static bool converse(struct worker *w, struct conn *c, size_t n)
{
    size_t used;
    int done;
    do {
        used = kr_sink_feed(&w->x, &c->s, w->buf, n);
        if (n > LENGTHY)
            worker_clock(w);
        n -= used;
        memmove(w->buf, w->buf + used, n);
        done = say(w, c);
    } while (done > 0 && n && used);
    if (done < 0) {
        conn_close(w, c);
        return false;
    }
    keep(&c->in, &c->in_len, w->buf, n);
    if (c->waits == IDLE)
        move(w, c, IDLE, 0);
    return done == 0 || settle(w, c);
}

/* Octets of a chunk nobody wants to look at need not be copied; the last one is read as ever. */
static ssize_t skip_chunk(struct worker *w, struct conn *c)
{
    size_t most = c->s.chunk - 1 > (1u << 30) ? 1u << 30 : (size_t)c->s.chunk - 1;
    ssize_t r = recv(c->ref.fd, NULL, most, MSG_TRUNC);
    if (r > 0)
        kr_sink_feed(&w->x, &c->s, w->buf, (size_t)r); /* none of them is looked at */
    return r;
}

static bool can_skip(const struct worker *w, const struct conn *c)
{
    return c->s.chunk > 1 && !c->in_len && !c->s.bandwidth && !c->tls &&
           !kr_gather_wants(&w->x, &c->s);
}

/* Octets a second it is read with; 0: as they come. */
static uint32_t bandwidth(const struct worker *w, const struct conn *c)
{
    return atomic_load_explicit(&w->x.knobs->faultless, memory_order_relaxed) ? 0 : c->s.bandwidth;
}

static ssize_t read_some(struct worker *w, struct conn *c)
{
    size_t most = sizeof w->buf - c->in_len, slice = bandwidth(w, c) / (1000 / SLICE_MS) + 1;
    if (bandwidth(w, c) && slice < most)
        most = slice;
    else if (can_skip(w, c))
        return skip_chunk(w, c);
    if (c->in_len)
        memcpy(w->buf, c->in, c->in_len);
    return conn_recv(c, w->buf + c->in_len, most);
}

/* NOTHING was there; STOP: no more may be read now, or the connection is gone. */
enum got { NOTHING, STOP, PERHAPS_MORE, MORE };

static enum got more_of(const struct conn *c)
{
    return !c->tls ? PERHAPS_MORE : secure->pending(c) ? MORE : STOP;
}

static enum got read_once(struct worker *w, struct conn *c)
{
    bool skipping = can_skip(w, c);
    luck_silence(&w->luck);
    ssize_t r = read_some(w, c);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return NOTHING;
    if (r <= 0) {
        ends(c, r < 0 && !c->s.over ? KR_END_broken : KR_END_client);
        conn_close(w, c);
        return STOP;
    }
    kr_tally(&w->x, KR_SINK_octets_in, r);
    if (c->waits == LINGERING)
        return more_of(c);
    if (skipping)
        move(w, c, IDLE, 0);
    else if (!converse(w, c, c->in_len + (size_t)r))
        return STOP;
    if (bandwidth(w, c) && c->waits == IDLE && !c->out)
        hold(w, c, w->now + SLICE_MS);
    return c->waits == HELD || c->out || c->handshake ? STOP : more_of(c);
}

static void read_on(struct worker *w, struct conn *c, enum got got)
{
    for (int i = 1; got == MORE || (got == PERHAPS_MORE && i < AGAIN && luck_try(&w->luck)); i++) {
        bool guessed = got == PERHAPS_MORE;
        if (guessed && w->luck.tried == LUCK_SILENCE)
            worker_clock(w);
        got = read_once(w, c);
        if (guessed)
            luck_note(&w->luck, got != NOTHING);
    }
}

static void on_readable(struct worker *w, struct conn *c)
{
    read_on(w, c, read_once(w, c));
}

/* What was said is sent: what has come meanwhile gets its turn. */
static void go_on(struct worker *w, struct conn *c)
{
    watch(w, c, EPOLLIN);
    if (c->in_len)
        memcpy(w->buf, c->in, c->in_len);
    if (converse(w, c, c->in_len) && c->waits == IDLE && !c->out && c->tls && secure->pending(c))
        on_readable(w, c);
}

static void shake_hands(struct worker *w, struct conn *c)
{
    int done = secure->handshake(w, c);
    if (done < 0) {
        ends(c, KR_END_tls);
        conn_close(w, c);
    } else if (done == 0)
        watch(w, c, secure->wants_write(c) ? EPOLLOUT : EPOLLIN);
    else
        go_on(w, c);
}

static void on_writable(struct worker *w, struct conn *c)
{
    size_t sent;
    int done = conn_send(c, c->out + c->out_at, c->out_len - c->out_at, &sent);
    c->out_at += (uint32_t)sent;
    kr_tally(&w->x, KR_SINK_octets_out, (int64_t)sent);
    if (done < 0) {
        conn_close(w, c);
        return;
    }
    if (sent)
        move(w, c, IDLE, 0);
    if (done == 0) {
        watch(w, c, EPOLLOUT);
        return;
    }
    keep(&c->out, &c->out_len, NULL, 0);
    go_on(w, c);
}

void conn_event(struct worker *w, struct conn *c, uint32_t events)
{
    turn_to(w, c);
    if (c->waits == HELD) /* nothing was asked for: it is gone */
        conn_close(w, c);
    else if (c->handshake)
        shake_hands(w, c);
    else if (c->out && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        on_writable(w, c);
    else
        on_readable(w, c);
}

/* The time it was held for is over. */
static void resume(struct worker *w, struct conn *c)
{
    turn_to(w, c);
    move(w, c, IDLE, 0);
    if (c->out)
        on_writable(w, c);
    else
        go_on(w, c);
}

/* Too many, or not ours: the socket goes at once. */
static bool turned_away(struct worker *w, int fd, const struct kr_origdst *d)
{
    static const char busy[] = "421 4.3.2 Too many connections\r\n";
    struct conn c = {.ref.fd = fd};
    size_t sent;
    if (w->cfg->ranges.n && !kr_prefixset_find(&w->cfg->ranges, &d->local)) {
        kr_tally(&w->x, KR_SINK_refused_local, 1);
        conn_reset_on_close(fd);
    } else if (w->open >= w->cfg->max_connections) {
        kr_tally(&w->x, KR_SINK_refused_busy, 1);
        kr_tally_reply(&w->x, 421);
        conn_send(&c, busy, sizeof busy - 1, &sent);
    } else {
        return false;
    }
    close(fd);
    return true;
}

static void count_open(struct worker *w, struct conn *c, const struct kr_origdst *d)
{
    char talk;
    kr_tally(&w->x, KR_SINK_connections, 1);
    kr_tally(&w->x, KR_SINK_open, 1);
    kr_tally(&w->x,
             !d->redirected             ? KR_SINK_not_redirected
             : kr_addr_is_v4(&d->meant) ? KR_SINK_redirected_v4
                                        : KR_SINK_redirected_v6,
             1);
    c->s.dest = d->redirected ? kr_sink_dest_connection(w->x.stats, &d->meant) : KR_SINK_NOWHERE;
    if (recv(c->ref.fd, &talk, 1, MSG_PEEK) == 1)
        kr_tally(&w->x, KR_SINK_early_talkers, 1);
}

void conn_open(struct worker *w, int fd, const struct sockaddr_storage *from,
               const struct kr_endpoint *bound)
{
    struct kr_origdst d;
    uint16_t port;
    w->x.account = NULL;
    if (kr_origdst(fd, bound, w->cfg->ranges.n, &d)) {
        close(fd);
        return;
    }
    if (turned_away(w, fd, &d))
        return;
    struct conn *c = kr_calloc(1, sizeof *c);
    c->ref = (struct ref){REF_CONN, fd};
    c->meant = d.meant;
    c->born = w->x.now;
    struct kr_sink_peer peer = {kr_addr_from_sockaddr(from, &port), d.meant, d.redirected};
    c->account = kr_account_open(&w->x, &peer, port);
    turn_to(w, c);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &c->ref};
    wait_begin(&w->waits, c, w->now);
    w->open++;
    count_open(w, c, &d);
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev)) {
        conn_close(w, c);
        return;
    }
    kr_sink_greet(&w->x, &c->s, &peer);
    int done = say(w, c);
    if (done < 0)
        conn_close(w, c);
    else if (done > 0 && settle(w, c))
        read_on(w, c, PERHAPS_MORE);
}

/* 421, then FIN; the rest of what the client sends is read away, or a RST would overtake the
 * reply. A client that does not take our replies is not told. */
static void time_out(struct worker *w, struct conn *c)
{
    static const char late[] = "421 4.4.2 Idle for too long\r\n";
    size_t sent = 0;
    turn_to(w, c);
    ends(c, KR_END_timeout);
    bool told = !c->out && !c->handshake && conn_send(c, late, sizeof late - 1, &sent) > 0;
    kr_tally(&w->x, KR_SINK_timeouts, 1);
    if (told) {
        kr_tally(&w->x, KR_SINK_octets_out, (int64_t)sent);
        kr_tally_reply(&w->x, 421);
    }
    if (told && shutdown(c->ref.fd, SHUT_WR) == 0)
        linger(w, c);
    else
        conn_close(w, c);
}

static bool is_due(const struct worker *w, const struct waitlist *l)
{
    return l->first && l->first->since + l->after <= w->now;
}

int conn_expire(struct worker *w)
{
    const struct heap *held = &w->waits.held;
    while (held->n && held->v[0]->since <= w->now)
        resume(w, held->v[0]);
    for (size_t i = 0; i < KR_IDLE_N; i++)
        while (is_due(w, &w->waits.idle[i]))
            time_out(w, w->waits.idle[i].first);
    while (is_due(w, &w->waits.linger))
        conn_close(w, w->waits.linger.first);
    int64_t next = wait_next(&w->waits);
    if (next == INT64_MAX)
        return -1;
    return next - w->now > 60000 ? 60000 : (int)(next - w->now) + 1;
}

static void drain_list(struct worker *w, const struct waitlist *l)
{
    struct conn *next;
    for (struct conn *c = l->first; c; c = next) {
        next = c->next;
        turn_to(w, c);
        if (!c->out && !c->handshake)
            settle(w, c);
    }
}

void conn_drain_all(struct worker *w)
{
    w->draining = true;
    for (size_t i = 0; i < KR_IDLE_N; i++)
        drain_list(w, &w->waits.idle[i]);
}

static void reset_list(struct worker *w, struct waitlist *l)
{
    while (l->first) {
        turn_to(w, l->first);
        ends(l->first, KR_END_stop);
        conn_reset_on_close(l->first->ref.fd);
        conn_close(w, l->first);
    }
}

void conn_reset_all(struct worker *w)
{
    while (w->waits.held.n)
        move(w, w->waits.held.v[0], IDLE, 0);
    for (size_t i = 0; i < KR_IDLE_N; i++)
        reset_list(w, &w->waits.idle[i]);
    reset_list(w, &w->waits.linger);
    free(w->waits.held.v);
}

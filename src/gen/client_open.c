/* Connections: how they begin and how they end. */
#include "actions.h"

#include <kr/clock.h>
#include <kr/gen_target.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define COMPLAINTS 5u /* of a worker; further ones are only counted */
#define LEVELS (LISTS - BACKOFF)

void complain(struct worker *w, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    w->complaints++;
    kr_log(w->complaints <= COMPLAINTS ? KR_LOG_WARN : KR_LOG_DEBUG, "%s", text);
    if (w->complaints == COMPLAINTS)
        kr_warn("worker %u tells no more of this; the account counts them", w->index);
}

void client_close(struct worker *w, struct client *c)
{
    if (c->fd < 0)
        return;
    w->connecting -= c->step == CONNECTING;
    if (c->tls && c->step != HANDSHAKE)
        SSL_shutdown(c->tls);
    SSL_free(c->tls);
    c->tls = NULL;
    kr_close_fd(&c->fd);
    c->step = CLOSED;
    c->out.head = c->out.body_left = c->out.tail = 0;
    c->secure = c->leaving = c->unclean = c->content = false;
    c->sent = 0;
    c->on_connection = 0;
    list_take(w, c);
}

/* The first letter has met its end. */
void client_outcome(struct worker *w, struct client *c, enum kr_gen_counter what)
{
    kr_gen_add(w->stats, what, 1);
    if (w->now >
        (int64_t)atomic_load_explicit(&w->stats->counter[KR_GEN_last_us], memory_order_relaxed))
        atomic_store_explicit(&w->stats->counter[KR_GEN_last_us], (uint64_t)w->now,
                              memory_order_relaxed);
    c->letter[0] = c->letter[1];
    c->held--;
    c->sent -= c->sent > 0;
    c->content = false;
    c->tries = 0;
}

void client_end(struct worker *w, struct client *c)
{
    client_close(w, c);
    list_take(w, c);
    while (c->held)
        client_outcome(w, c, KR_GEN_unfinished);
    kr_gen_add(w->stats, KR_GEN_clients, -1);
    w->alive--;
}

static void again_later(struct worker *w, struct client *c)
{
    list_put(w, c, BACKOFF + (enum list_name)c->tries);
    c->tries += c->tries + 1u < LEVELS;
}

void client_trouble(struct worker *w, struct client *c)
{
    bool needed = !worker_over(w) && (c->held || !w->exhausted);
    client_close(w, c);
    if (needed && w->run->cfg->keep_going) {
        again_later(w, c);
        return;
    }
    kr_gen_add(w->stats, KR_GEN_clients_ended, needed);
    client_end(w, c);
}

static bool dot_is_gone(const struct client *c)
{
    return c->content && client_left(c) <= c->behind_dot;
}

/* What came of the letter on its way: nothing, most often, and then it is tried again. */
static void judge_letter(struct worker *w, struct client *c)
{
    if (!c->sent)
        return;
    if (dot_is_gone(c)) {
        client_outcome(w, c, KR_GEN_unanswered);
        return;
    }
    kr_gen_add(w->stats, KR_GEN_put_back_lost, 1);
}

void client_lost(struct worker *w, struct client *c, enum kr_gen_counter why, const char *text)
{
    uint8_t step = c->step;
    if (step != READY && step != QUIT) {
        kr_gen_add(w->stats, why, 1);
        complain(w, "%s: %s%s", w->run->cfg->target,
                 step < READY ? "no session: " : "a connection broke: ", text);
    }
    if (step < READY) {
        client_trouble(w, c);
        return;
    }
    judge_letter(w, c);
    client_close(w, c);
    if (c->ending || worker_over(w) || (w->exhausted && !c->held))
        client_end(w, c);
    else if (step == QUIT || step == READY)
        list_put(w, c, TO_OPEN);
    else
        again_later(w, c);
}

/* Out of ports or of files, and not the target's fault. */
static bool is_shortage(int why)
{
    return why == EADDRNOTAVAIL || why == EMFILE || why == ENFILE || why == ENOBUFS ||
           why == ENOMEM || why == EAGAIN;
}

static int begin(struct worker *w, struct client *c)
{
    const struct kr_target *t = w->run->target;
    const struct kr_gen_config *cfg = w->run->cfg;
    struct sockaddr_storage to, from;
    socklen_t len = kr_addr_sockaddr(&t->addr[t->use], t->port, &to);
    int on = 1;
    if (to.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&to)->sin6_scope_id = t->scope[t->use];
    c->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on))
        return -1;
    if (cfg->sources) {
        const struct kr_addr *a = &cfg->source[(w->index + c->index) % cfg->sources];
        socklen_t n = kr_addr_sockaddr(a, 0, &from);
        if (setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
            bind(c->fd, (struct sockaddr *)&from, n))
            return -1;
    }
    return connect(c->fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS ? -1 : 0;
}

void client_open(struct worker *w, struct client *c)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    list_put(w, c, BUSY);
    kr_reply_reset(&c->reply);
    c->step = CONNECTING;
    c->active = w->now;
    w->connecting++;
    if (begin(w, c) == 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &ev) == 0)
        return;
    int why = errno;
    if (c->fd < 0) {
        w->connecting--;
        c->step = CLOSED;
    }
    client_close(w, c);
    kr_gen_add(w->stats, KR_GEN_connect_failed, 1);
    complain(w, "%s: %s%s", w->run->cfg->target, strerror(why),
             why == EADDRNOTAVAIL ? ": no port is free; more addresses help: --source" : "");
    if (is_shortage(why) && !worker_over(w))
        again_later(w, c);
    else
        client_trouble(w, c);
}

static void connected(struct worker *w, struct client *c)
{
    int sys = 0;
    socklen_t n = sizeof sys;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &sys, &n) || sys) {
        client_lost(w, c, KR_GEN_connect_failed, strerror(sys));
        return;
    }
    w->connecting--;
    c->step = GREETING;
    kr_gen_add(w->stats, KR_GEN_connections, 1);
    kr_hist_record(&w->stats->connect, w->now - c->since);
}

static void secured(struct worker *w, struct client *c)
{
    int done = client_handshake(w, c);
    if (done < 0) {
        client_lost(w, c, KR_GEN_tls_failed, "the TLS handshake failed");
        return;
    }
    if (done == 0)
        return;
    kr_gen_add(w->stats, KR_GEN_tls_sessions, 1);
    c->secure = true;
    c->step = EHLO;
    kr_reply_reset(&c->reply);
    w->head.len = w->tail.len = 0;
    kr_mail_hello(w->run->mail, (uint64_t)w->now * (c->index + 1), &w->head);
    if (client_send(w, c, NULL))
        client_lost(w, c, KR_GEN_disconnected, "it was closed");
}

/* Every reply that is there; the last may be a part of one. */
static void hear(struct worker *w, struct client *c, const char *data, size_t n)
{
    int got;
    while (c->fd >= 0 && (got = kr_reply_read(&c->reply, &data, &n)) != 0) {
        if (got < 0 || (c->step == STARTTLS && n && c->reply.code == 220)) {
            client_lost(w, c, KR_GEN_garbage, "what came is no reply of SMTP");
            return;
        }
        client_reply(w, c);
        if (c->step == HANDSHAKE)
            return;
    }
}

/* Less than was asked for means that the socket is empty, unless its end was seen (epoll(7)). */
static void listen_to(struct worker *w, struct client *c, bool to_the_end)
{
    while (c->fd >= 0) {
        long n = client_recv(w, c);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            client_lost(w, c, KR_GEN_disconnected, n ? strerror(errno) : "the target closed it");
            return;
        }
        c->active = w->now;
        hear(w, c, w->in, (size_t)n);
        if (c->step == HANDSHAKE)
            return;
        if (!c->tls && !to_the_end && (size_t)n < IN_SIZE)
            return;
    }
}

void client_event(struct worker *w, struct client *c, uint32_t events)
{
    bool over = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    if (c->fd < 0)
        return;
    if (c->step == CONNECTING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        connected(w, c);
    if (c->fd >= 0 && c->step == HANDSHAKE)
        secured(w, c);
    if (c->fd < 0 || c->step == CONNECTING || c->step == HANDSHAKE)
        return;
    if (client_left(c) && client_flush(w, c)) {
        client_lost(w, c, KR_GEN_disconnected, strerror(errno));
        return;
    }
    listen_to(w, c, over);
    /* The answer to STARTTLS was the last in clear. */
    if (c->fd >= 0 && c->step == HANDSHAKE)
        secured(w, c);
}

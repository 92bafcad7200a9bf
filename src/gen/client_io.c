/* Octets of a connection, with TLS or without. */
#include "actions.h"

#include <kr/err.h>
#include <kr/gen_target.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

SSL_CTX *kr_gen_tls(struct kr_err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
        return ctx;
    }
    SSL_CTX_free(ctx);
    kr_fail(e, KR_CANNOT, 0, "OpenSSL: TLS can't be set up");
    return NULL;
}

size_t client_left(const struct client *c)
{
    return c->out.head + c->out.body_left + c->out.tail;
}

static size_t pieces(const struct client *c, struct iovec v[static 3])
{
    const struct outgoing *o = &c->out;
    char *rest = (char *)(uintptr_t)kr_buf_str(&o->rest) + o->rest_at;
    size_t n = 0;
    if (o->head)
        v[n++] = (struct iovec){rest, o->head};
    if (o->body_left)
        v[n++] = (struct iovec){(char *)(uintptr_t)o->body, o->body_left};
    if (o->tail)
        v[n++] = (struct iovec){rest + o->head, o->tail};
    return n;
}

static size_t take(size_t *left, size_t *n)
{
    size_t k = *left < *n ? *left : *n;
    *left -= k;
    *n -= k;
    return k;
}

static void went(struct client *c, size_t n)
{
    struct outgoing *o = &c->out;
    o->rest_at += take(&o->head, &n);
    o->body += take(&o->body_left, &n);
    o->rest_at += take(&o->tail, &n);
}

static int broken(void)
{
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* Of a record as much as fits; the same octets again when it was not taken. */
static ssize_t send_tls(struct worker *w, struct client *c, const struct iovec *v, size_t n)
{
    size_t len = 0, done = 0;
    for (size_t i = 0; i < n && len < RECORD; i++) {
        size_t part = v[i].iov_len < RECORD - len ? v[i].iov_len : RECORD - len;
        memcpy(w->record + len, v[i].iov_base, part);
        len += part;
    }
    ERR_clear_error();
    int r = SSL_write_ex(c->tls, w->record, len, &done);
    if (r > 0)
        return (ssize_t)done;
    int why = SSL_get_error(c->tls, r);
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static ssize_t send_some(struct worker *w, struct client *c, struct iovec *v, size_t n)
{
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    return c->tls ? send_tls(w, c, v, n) : sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int client_flush(struct worker *w, struct client *c)
{
    struct iovec v[3];
    size_t n;
    while ((n = pieces(c, v)) > 0) {
        ssize_t sent = send_some(w, c, v, n);
        if (sent < 0)
            return broken();
        went(c, (size_t)sent);
    }
    return 0;
}

/* Nothing is on its way yet: most often all of it goes at once, out of the worker's buffers. */
int client_send(struct worker *w, struct client *c, const struct kr_body *body)
{
    struct outgoing *o = &c->out;
    struct iovec v[3];
    size_t n = 0, whole = w->head.len + (body ? body->len : 0) + w->tail.len;
    if (w->head.len)
        v[n++] = (struct iovec){w->head.s, w->head.len};
    if (body)
        v[n++] = (struct iovec){body->text, body->len};
    if (w->tail.len)
        v[n++] = (struct iovec){w->tail.s, w->tail.len};
    ssize_t sent = send_some(w, c, v, n);
    c->active = w->now;
    if (sent == (ssize_t)whole)
        return 0;
    if (sent < 0 && broken())
        return -1;
    o->rest.len = o->rest_at = 0;
    kr_buf_add(&o->rest, kr_buf_str(&w->head), w->head.len);
    kr_buf_add(&o->rest, kr_buf_str(&w->tail), w->tail.len);
    o->head = w->head.len;
    o->tail = w->tail.len;
    o->body = body ? body->text : NULL;
    o->body_left = body ? body->len : 0;
    went(c, sent > 0 ? (size_t)sent : 0);
    return client_flush(w, c);
}

long client_recv(struct worker *w, struct client *c)
{
    size_t n = 0;
    if (!c->tls)
        return recv(c->fd, w->in, IN_SIZE, MSG_DONTWAIT);
    ERR_clear_error();
    int r = SSL_read_ex(c->tls, w->in, IN_SIZE, &n);
    if (r > 0)
        return (long)n;
    int why = SSL_get_error(c->tls, r);
    if (why == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

int client_handshake(struct worker *w, struct client *c)
{
    const struct kr_target *t = w->run->target;
    if (!c->tls) {
        c->tls = SSL_new(w->run->tls);
        if (!c->tls || !SSL_set_fd(c->tls, c->fd))
            return -1;
        if (t->named)
            SSL_ctrl(c->tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     (void *)(uintptr_t)t->host); /* the macro casts const away */
        SSL_set_connect_state(c->tls);
    }
    ERR_clear_error();
    int r = SSL_connect(c->tls);
    if (r == 1)
        return 1;
    int why = SSL_get_error(c->tls, r);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

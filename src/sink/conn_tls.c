/* A connection's octets through TLS, and the handshake before them. */
#include "worker_internal.h"

#include <kr/mem.h>
#include <kr/sink_tally.h>
#include <kr/sink_tls.h>

#include <errno.h>
#include <openssl/err.h>

/* As the plain functions say it: 0 with EAGAIN for "not now". */
static int failed(SSL *ssl, int r)
{
    int why = SSL_get_error(ssl, r);
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return why;
}

int conn_tls_send(struct conn *c, const char *data, size_t n, size_t *sent)
{
    while (*sent < n) {
        size_t done = 0;
        ERR_clear_error();
        int r = SSL_write_ex(c->tls, data + *sent, n - *sent, &done);
        if (r <= 0) {
            failed(c->tls, r);
            return errno == EAGAIN ? 0 : -1;
        }
        *sent += done;
    }
    return 1;
}

/* A record holds 16 KiB at most: as many as fit are read. */
ssize_t conn_tls_recv(struct conn *c, char *data, size_t n)
{
    size_t got = 0;
    while (got < n) {
        size_t more = 0;
        ERR_clear_error();
        int r = SSL_read_ex(c->tls, data + got, n - got, &more);
        if (r <= 0) {
            int why = failed(c->tls, r);
            return got ? (ssize_t)got : why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
        }
        got += more;
    }
    return (ssize_t)got;
}

bool conn_tls_pending(const struct conn *c)
{
    return !c->handshake && SSL_has_pending(c->tls);
}

bool conn_tls_wants_write(const struct conn *c)
{
    return SSL_want_write(c->tls);
}

bool conn_tls_begin(struct worker *w, struct conn *c)
{
    c->tls = kr_tls_accept(w->tls, c->ref.fd, &c->meant);
    c->handshake = c->tls != NULL;
    return c->handshake;
}

static void note_tls(const struct conn *c, const char *name)
{
    struct kr_account *a = c->account;
    a->tls = (uint16_t)SSL_version(c->tls);
    snprintf(a->cipher, sizeof a->cipher, "%s", SSL_get_cipher_name(c->tls));
    a->name = name && !a->name ? kr_strdup(name) : a->name;
}

/* 1: done, 0: not yet, -1: it failed. */
int conn_tls_handshake(struct worker *w, struct conn *c)
{
    ERR_clear_error();
    int r = SSL_accept(c->tls);
    if (r != 1) {
        failed(c->tls, r);
        if (errno == EAGAIN)
            return 0;
        kr_tally(&w->x, KR_SINK_tls_failed, 1);
        return -1;
    }
    const char *name = SSL_get_servername(c->tls, TLSEXT_NAMETYPE_host_name);
    c->handshake = false;
    kr_tally(&w->x, KR_SINK_tls_sessions, 1);
    kr_tally(&w->x, KR_SINK_tls_resumed, SSL_session_reused(c->tls));
    kr_tally(&w->x, KR_SINK_tls_named, name != NULL);
    kr_tally(&w->x, KR_SINK_tls_13, SSL_version(c->tls) == TLS1_3_VERSION);
    if (c->account)
        note_tls(c, name);
    kr_sink_secured(&c->s, name);
    return 1;
}

/* close_notify, when there is room for it. */
void conn_tls_bye(struct conn *c)
{
    ERR_clear_error();
    if (!c->handshake)
        SSL_shutdown(c->tls);
}

void conn_tls_end(struct conn *c)
{
    SSL_free(c->tls);
    c->tls = NULL;
}

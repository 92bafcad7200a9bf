/* What worker.c, conn.c and their neighbours share. */
#ifndef KR_WORKER_INTERNAL_H
#define KR_WORKER_INTERNAL_H

#include <kr/sink_config.h>
#include <kr/sink_gather.h>
#include <kr/sink_stats.h>
#include <kr/sink_worker.h>

#include "conn_internal.h"
#include "luck.h"

#include <sys/socket.h>

#define READ_SIZE 65536u

struct worker {
    const struct kr_sink_config *cfg;
    struct kr_sink_ctx x;
    int epoll;
    int64_t now; /* CLOCK_MONOTONIC, ms; x.now is the same in us */
    struct waits_of waits;
    size_t open;
    uint64_t generation; /* of the policy it has */
    struct luck luck;
    bool draining;
    int64_t drained_at;        /* when those that are left are reset, ms */
    struct kr_capture capture; /* x.capture points here, or nowhere */
    struct kr_tls *tls;        /* NULL: not offered */
    char buf[READ_SIZE];
};

void worker_clock(struct worker *w); /* sets w->now and w->x.now */
/* Takes over an accepted socket of a listener bound there: greets, or turns it away. */
void conn_open(struct worker *w, int fd, const struct sockaddr_storage *from,
               const struct kr_endpoint *bound);
void conn_event(struct worker *w, struct conn *c, uint32_t events);
/* Ends what has waited too long; returns ms until the next one is due, -1 when there is none. */
int conn_expire(struct worker *w);
/* 421 to all that are between transactions, now or when theirs is over. */
void conn_drain_all(struct worker *w);
void conn_reset_all(struct worker *w); /* RST */

/* 1: all sent, 0: the socket is full, -1: the connection is gone. */
int conn_send(struct conn *c, const char *data, size_t n, size_t *sent);
/* As recv(2). */
ssize_t conn_recv(struct conn *c, char *data, size_t n);
void conn_reset_on_close(int fd); /* close() will send RST instead of FIN */

/* The same through TLS; bye() says close_notify. */
int conn_tls_send(struct conn *c, const char *data, size_t n, size_t *sent);
ssize_t conn_tls_recv(struct conn *c, char *data, size_t n);
bool conn_tls_pending(const struct conn *c); /* there is more to read than the socket knows of */
bool conn_tls_wants_write(const struct conn *c);
bool conn_tls_begin(struct worker *w, struct conn *c);
int conn_tls_handshake(struct worker *w, struct conn *c); /* 1: done, 0: not yet, -1 */
void conn_tls_bye(struct conn *c);
void conn_tls_end(struct conn *c);

#endif

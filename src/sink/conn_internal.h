/* A connection, and what it waits for. */
#ifndef KR_CONN_INTERNAL_H
#define KR_CONN_INTERNAL_H

#include <kr/sink_idle.h>
#include <kr/sink_session.h>

enum ref_kind { REF_SIGNAL, REF_TIMER, REF_LISTENER, REF_CONN };

/* What an epoll event points to: the first member of what it belongs to. */
struct ref {
    enum ref_kind kind;
    int fd;
};

enum waits { IDLE, LINGERING, HELD }; /* for what a connection waits: exactly one of them */

struct conn {
    struct ref ref;
    struct conn *prev, *next; /* in the list of its kind of waiting */
    int64_t since;            /* when it entered the list; HELD: when that ends; ms */
    char *in, *out;           /* read but not yet understood; said but not yet sent; or NULL */
    uint32_t in_len, out_len, out_at;
    uint32_t place;             /* HELD: in the heap */
    uint8_t waits, stage;       /* IDLE: enum kr_idle, what for */
    bool handshake;             /* of TLS, is going on */
    struct ssl_st *tls;         /* NULL: in clear */
    int64_t born;               /* us */
    struct kr_account *account; /* NULL: none is kept */
    struct kr_addr meant;       /* the address the client meant */
    struct kr_sink_session s;
};

/* Connections that wait equally long, the oldest first. */
struct waitlist {
    struct conn *first, *last;
    int64_t after; /* ms */
};

/* Connections that wait for different times: a binary heap, the next one due at its root. */
struct heap {
    struct conn **v;
    size_t n, cap;
};
struct waits_of {
    struct waitlist idle[KR_IDLE_N], linger;
    struct heap held;
};

/* A new connection is IDLE, its stage KR_IDLE_greeting; wait_move() takes it from where it is.
 * `until` is for HELD alone; the stage of one that becomes IDLE is that of c->s then. */
void wait_begin(struct waits_of *w, struct conn *c, int64_t now);
void wait_move(struct waits_of *w, struct conn *c, enum waits to, int64_t until, int64_t now);
void wait_end(struct waits_of *w, struct conn *c);
/* When the next one is due: INT64_MAX for none. */
int64_t wait_next(const struct waits_of *w);

#endif

/* What worker.c and conn.c share. */
#ifndef KR_WORKER_INTERNAL_H
#define KR_WORKER_INTERNAL_H

#include <kr/sink_config.h>
#include <kr/sink_session.h>
#include <kr/sink_stats.h>
#include <kr/sink_worker.h>

#define READ_SIZE 65536u

enum ref_kind { REF_SIGNAL, REF_LISTENER, REF_CONN };

/* What an epoll event points to: the first member of what it belongs to. */
struct ref {
    enum ref_kind kind;
    int fd;
};

struct conn {
    struct ref ref;
    struct conn *prev, *next; /* in the list of its kind of waiting */
    int64_t since;            /* when it entered the list, ms */
    char *in, *out;           /* read but not yet understood; said but not yet sent; or NULL */
    uint32_t in_len, out_len, out_at;
    bool lingering;
    struct kr_sink_session s;
};

/* Connections that wait equally long, the oldest first. */
struct waitlist {
    struct conn *first, *last;
    int64_t after; /* ms */
};

struct worker {
    const struct kr_sink_config *cfg;
    struct kr_sink_ctx x;
    int epoll;
    int64_t now; /* CLOCK_MONOTONIC_COARSE, ms */
    struct waitlist idle, linger;
    size_t open;
    char buf[READ_SIZE];
};

/* Takes over an accepted socket: greets, or turns it away. */
void conn_open(struct worker *w, int fd);
void conn_event(struct worker *w, struct conn *c, uint32_t events);
/* Ends what has waited too long; returns ms until the next one is due, -1 when there is none. */
int conn_expire(struct worker *w);
/* Resets all connections (RST). */
void conn_reset_all(struct worker *w);

#endif

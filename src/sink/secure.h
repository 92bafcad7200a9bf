/* TLS as the rest of the sink sees it. Loading OpenSSL takes longer than all else that a sink does
 * before it listens, so kumo-sink does not know it: where TLS is asked for it goes on as
 * kumo-sink-tls, which is the same program and more. */
#ifndef KR_SECURE_H
#define KR_SECURE_H

#include <kr/sink_tls.h>

#include <stdbool.h>
#include <sys/types.h>

struct conn;
struct worker;

struct secure {
    struct kr_tls *(*make)(enum kr_tls_mode mode, const char *ca_dir,
                           const struct kr_tls_names *names, struct kr_err *e);
    void (*release)(struct kr_tls *t);
    int (*ca)(int argc, char **argv, struct kr_err *e);
    /* As the plain functions in worker_internal.h. */
    int (*send)(struct conn *c, const char *data, size_t n, size_t *sent);
    ssize_t (*recv)(struct conn *c, char *data, size_t n);
    bool (*pending)(const struct conn *c); /* there is more to read than the socket knows of */
    bool (*begin)(struct worker *w, struct conn *c);
    int (*handshake)(struct worker *w, struct conn *c); /* 1: done, 0: not yet, -1 */
    bool (*wants_write)(const struct conn *c);          /* it waits for room, not for octets */
    void (*bye)(struct conn *c);                        /* close_notify */
    void (*end)(struct conn *c);
};

/* NULL: this program has none. */
extern const struct secure *const secure;

#endif

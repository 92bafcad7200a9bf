/* Counting for a session: in the sums of its worker and, where connections are logged, for its
 * connection alone. */
#ifndef KR_SINK_TALLY_H
#define KR_SINK_TALLY_H

#include <kr/sink_ctx.h>
#include <kr/sink_stats.h>
#include <kr/sink_sums.h>

struct kr_sink_session;

#define KR_TALLY_NOBODY UINT16_MAX /* no provider: the reply is the sink's own, or any */

/* How often a code was said on a connection; one of 0 means: accepted. */
struct kr_tally_code {
    uint16_t provider, code;
    uint32_t times;
};

/* The account of one connection. */
struct kr_account {
    uint64_t counter[KR_SINK_COUNTER_N];
    struct kr_tally_code *code;
    size_t codes, code_cap;
    int64_t began; /* CLOCK_REALTIME, us */
    uint64_t serial;
    struct kr_addr source, meant;
    uint16_t port;
    bool redirected;
    uint8_t end;        /* enum kr_end */
    uint16_t tls;       /* the protocol's number, 0: in clear */
    char cipher[48];    /* empty: in clear */
    char *name, *hello; /* whom a TLS client asked for, what it called itself; or NULL */
};

/* Why a connection ended. client: it closed without QUIT; broken: reset, or not to be read any
 * more; dismissed: after a 421; tls: the handshake failed. */
#define KR_ENDS(X) X(client) X(broken) X(quit) X(dismissed) X(fault) X(timeout) X(tls) X(stop)
#define KR_END_ENUM(name) KR_END_##name,
enum kr_end { KR_ENDS(KR_END_ENUM) KR_END_N };

void kr_tally(struct kr_sink_ctx *x, enum kr_sink_counter which, int64_t by);
/* Recipients came to this. */
void kr_tally_recipients(struct kr_sink_ctx *x, const struct kr_sink_session *s,
                         enum kr_outcome what, uint32_t n);
/* A reply of this code was said. */
void kr_tally_reply(struct kr_sink_ctx *x, unsigned code);
/* ... by the policy, for a provider (kr/sink_names.h). */
void kr_tally_provider(struct kr_sink_ctx *x, unsigned provider, unsigned code);
void kr_account_free(struct kr_account *a); /* NULL is fine */

#endif

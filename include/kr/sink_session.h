/* The server's side of one SMTP session (RFC 5321), free of sockets: octets in, replies out. */
#ifndef KR_SINK_SESSION_H
#define KR_SINK_SESSION_H

#include <kr/addr.h>
#include <kr/buf.h>
#include <kr/sink_scanner.h>

struct kr_sink_stats;

#define KR_SINK_LINE_MAX 4096u /* a command line with its CRLF */
#define KR_SINK_REPLIES 65536u /* feeding stops here until what was said is sent */

/* What the sessions of one worker share. */
struct kr_sink_ctx {
    const char *nonce;
    unsigned worker;
    uint64_t max_size, max_recipients;
    uint64_t next_id; /* of messages */
    struct kr_sink_stats *stats;
    struct kr_buf out; /* replies of the session being fed */
};

enum kr_sink_phase { KR_SMTP_NEW, KR_SMTP_READY, KR_SMTP_MAIL, KR_SMTP_RCPT, KR_SMTP_DATA };

struct kr_sink_session {
    uint8_t phase; /* enum kr_sink_phase */
    bool extended; /* EHLO, not HELO */
    bool utf8;     /* this transaction is SMTPUTF8 */
    bool swallow;  /* inside a command line that is too long */
    bool over;     /* 221 was said: what follows is not read */
    uint32_t dest; /* slot of the destination's counters */
    uint32_t rcpts;
    struct kr_scan scan;
};

/* Appends the greeting; `meant` is the address the client meant, `redirected` whether that is known
 * from the redirection rather than from the local end. */
void kr_sink_greet(struct kr_sink_ctx *x, const struct kr_addr *meant, bool redirected);
/* Takes octets of the client, appends replies to x->out. Returns how many were taken: fewer than n
 * when a command line is not complete (its beginning must come again, with more) or when
 * KR_SINK_REPLIES is reached. */
size_t kr_sink_feed(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *data, size_t n);
/* The connection is gone: counts content that was cut off. */
void kr_sink_hang_up(struct kr_sink_ctx *x, const struct kr_sink_session *s);

#endif

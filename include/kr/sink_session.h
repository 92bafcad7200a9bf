/* The server's side of one SMTP session (RFC 5321), free of sockets: octets in, replies out. */
#ifndef KR_SINK_SESSION_H
#define KR_SINK_SESSION_H

#include <kr/addr.h>
#include <kr/sink_ctx.h>
#include <kr/sink_scanner.h>
#include <kr/sink_sums.h>

#define KR_SINK_LINE_MAX 4096u /* a command line with its CRLF */
#define KR_SINK_REPLIES 65536u /* feeding stops here until what was said is sent */

enum kr_fault { KR_FAULT_NONE, KR_FAULT_DROP, KR_FAULT_RESET };
enum kr_sink_phase { KR_SMTP_NEW, KR_SMTP_READY, KR_SMTP_MAIL, KR_SMTP_RCPT, KR_SMTP_DATA };

struct kr_sink_session {
    uint8_t phase;     /* enum kr_sink_phase */
    uint8_t dialogue;  /* what the next line answers, see auth.c; 0: it is a command */
    uint8_t fault;     /* enum kr_fault: how the connection ends once all is sent */
    bool extended;     /* EHLO or LHLO, not HELO */
    bool utf8, binary; /* this transaction is SMTPUTF8, BODY=BINARYMIME */
    bool swallow;      /* inside a command line that is too long */
    bool over, shut;   /* the last reply was said; it was a 421: our side closes first */
    bool starttls;     /* 220 was said to STARTTLS: the handshake comes next */
    bool tls, authed;
    bool chunked, refused;  /* by BDAT; what comes is only consumed, or no recipient was taken */
    bool last;              /* this chunk is the last one */
    bool rejected, report;  /* a recipient was; the sender is <> */
    bool started, answered; /* a command came; what was said last was about content */
    uint32_t dest;          /* slot of the destination's counters */
    uint32_t rcpts;
    uint32_t bandwidth;         /* octets read in a second; 0: no limit */
    uint64_t messages;          /* begun on this connection */
    int64_t mail_at, data_at;   /* when MAIL and DATA came, us */
    uint64_t chunk;             /* octets of BDAT still to come */
    struct kr_gather *gather;   /* what is captured of the transaction; NULL: nothing */
    struct kr_decider *decider; /* what the policy knows of it; NULL: there is none */
    struct kr_scan scan;
};

/* Who is connected to whom. */
struct kr_sink_peer {
    struct kr_addr source, meant;
    bool redirected; /* `meant` is known from the redirection rather than from the local end */
};
/* Appends the greeting, or what is said instead. */
void kr_sink_greet(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_sink_peer *p);
/* Takes octets of the client, appends replies to x->out. Returns how many were taken: fewer than n
 * when a command line is not complete (its beginning must come again, with more), when
 * KR_SINK_REPLIES is reached or a reply is delayed. */
size_t kr_sink_feed(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *data, size_t n);
/* The handshake is done: the session begins anew (RFC 3207 4.2). `name`: whom the client asked for,
 * or NULL. */
void kr_sink_secured(struct kr_sink_session *s, const char *name);
/* Between transactions: 421, and the connection ends. False: not now. */
bool kr_sink_goodbye(struct kr_sink_ctx *x, struct kr_sink_session *s);
/* The connection is gone: counts content that was cut off, frees what the session holds. */
void kr_sink_hang_up(struct kr_sink_ctx *x, struct kr_sink_session *s);

#endif

/* A client: one connection at a time, and the messages it holds. */
#ifndef KR_GEN_CLIENT_H
#define KR_GEN_CLIENT_H

#include <kr/buf.h>
#include <kr/gen_reply.h>
#include <kr/gen_stats.h>

#include <openssl/types.h>

/* What is waited for: the answer to this, or nothing (CLOSED, READY). */
/* clang-format off */
enum step {
    CLOSED, CONNECTING, GREETING, EHLO, STARTTLS, HANDSHAKE, READY,
    RSET, MAIL, RCPT, DATA, DOT, QUIT, STEPS
};
/* clang-format on */
/* Each client is in one of these lists, or in none while it is asked to do something. */
enum list_name { NO_LIST, TO_OPEN, IDLE, BUSY, BACKOFF, LISTS = BACKOFF + 8 };

struct letter {
    uint64_t n;     /* which message */
    int64_t from;   /* us: when it was sent, or due (open loop) */
    uint32_t taken; /* recipients so far */
    uint16_t code;  /* of the first refusal; 0: none */
    uint8_t at;     /* enum kr_gen_stage of it */
    bool crowded;   /* 4.5.3 */
};
/* What is not sent yet: octets of `rest`, a body's, octets of `rest` again. */
struct outgoing {
    const char *body;
    size_t head, body_left, tail;
    struct kr_buf rest; /* head and tail, from `rest_at` on */
    size_t rest_at;
};
struct client {
    struct client *prev, *next;
    int64_t since, active; /* when it was put into its list; when it last heard or said anything */
    int fd;
    uint8_t list, step, offers;
    unsigned tries;      /* of its last letter that came to nothing, one after the other */
    bool secure;         /* TLS is up, or was not offered */
    bool ending;         /* a message failed: no more of them */
    bool leaving;        /* QUIT is sent already, behind the dot */
    bool unclean;        /* the server may be in a transaction: RSET comes first */
    bool content;        /* that of letter[0] is on its way, or sent */
    unsigned held, sent; /* letters; those whose envelope is on its way */
    uint32_t index, rcpt, on_connection;
    size_t behind_dot; /* octets on their way behind the dot of letter[0] */
    struct letter letter[2];
    struct kr_reply reply;
    struct outgoing out;
    SSL *tls;
};

#endif

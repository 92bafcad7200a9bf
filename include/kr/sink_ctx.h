/* What the SMTP sessions of one worker share. */
#ifndef KR_SINK_CTX_H
#define KR_SINK_CTX_H

#include <kr/buf.h>

#include <stdint.h>

struct kr_sink_stats;
struct kr_policy;
struct kr_memory;
struct kr_limits;
struct kr_account;
struct kr_capture;
struct kr_knobs;

enum { KR_OFFER_CHUNKING = 1, KR_OFFER_AUTH = 2, KR_OFFER_STARTTLS = 4, KR_OFFER_LMTP = 8 };
#define KR_SINK_FOREVER UINT32_MAX

struct kr_sink_ctx {
    const char *nonce;
    unsigned worker, offers;                         /* KR_OFFER_... */
    uint64_t max_size, max_recipients, max_messages; /* of a connection; 0: no limit */
    uint64_t next_id;                                /* of messages */
    int64_t now;                                     /* CLOCK_MONOTONIC, us */
    struct kr_sink_stats *stats;
    struct kr_knobs *knobs;     /* NULL: there are none */
    struct kr_capture *capture; /* NULL: nothing is captured or logged */
    struct kr_account *account; /* of the connection being served; NULL: it has none */
    struct kr_policy *policy;   /* NULL: everything is accepted; else memory and limits are there */
    struct kr_memory *memory;
    struct kr_limits *limits;
    struct kr_buf out; /* replies of the session being fed */
    uint32_t delay;    /* ms before what stands in `out` from delay_at on may be sent; or FOREVER */
    size_t delay_at;
};

#endif

/* A worker's side of capture: a message is gathered while it comes and, once it was answered, given
 * to the queue whole. What would take more memory than is allowed, and what the queue has no room
 * for, is dropped and counted. */
#ifndef KR_SINK_GATHER_H
#define KR_SINK_GATHER_H

#include <kr/sink_session.h>

struct kr_path;
struct kr_queue;

/* One a worker. */
struct kr_capture {
    struct kr_queue *queue;
    bool messages, content, connections; /* what of them somebody wants */
    double sample;                       /* share of the messages, 0..1 */
    uint64_t serial, drawn;              /* of connections; of messages sampled from */
    size_t held, most;                   /* octets being gathered */
};

/* MAIL was accepted: gathers the transaction when it is drawn. Without capture these do nothing. */
void kr_gather_begin(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *from);
void kr_gather_rcpt(struct kr_sink_ctx *x, struct kr_sink_session *s, const struct kr_path *to);
/* Content as it comes after DATA, whose dots are taken out here; or of a chunk. */
void kr_gather_data(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n);
void kr_gather_chunk(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n);
/* The answer was said: code(s, i) is that to recipient i. */
void kr_gather_finish(struct kr_sink_ctx *x, struct kr_sink_session *s, int code,
                      int (*each)(const struct kr_sink_session *s, uint32_t i));
void kr_gather_drop(struct kr_sink_ctx *x, struct kr_sink_session *s);
/* The octets of a chunk are wanted. */
bool kr_gather_wants(const struct kr_sink_ctx *x, const struct kr_sink_session *s);

/* An account for a new connection; NULL: none is wanted. It is told to the queue, and freed. */
struct kr_account *kr_account_open(struct kr_sink_ctx *x, const struct kr_sink_peer *p,
                                   uint16_t port);
void kr_account_hello(struct kr_sink_ctx *x, const char *p, size_t n);
void kr_account_close(struct kr_sink_ctx *x, struct kr_account *a, int64_t took);

#endif

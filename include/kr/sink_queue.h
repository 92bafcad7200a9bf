/* Records on their way from the workers to the one process that writes files. A worker never waits:
 * what does not fit is not taken. In shared memory, a ring for each worker, so that none needs a
 * lock, and none is harmed by another that dies. */
#ifndef KR_SINK_QUEUE_H
#define KR_SINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct kr_err;
struct kr_queue;

/* For records of up to `octets` at once a worker. NULL: KR_CANNOT. */
struct kr_queue *kr_queue_make(unsigned workers, size_t octets, struct kr_err *e);
void kr_queue_free(struct kr_queue *q);

/* A record made of these pieces; only this worker may put into its ring. False: it does not fit. */
bool kr_queue_put(struct kr_queue *q, unsigned worker, const struct iovec *piece, size_t n);

/* The next record of any worker, aligned for any type, valid until kr_queue_done(); NULL: none. */
const void *kr_queue_get(struct kr_queue *q, size_t *len);
void kr_queue_done(struct kr_queue *q);
/* Before waiting for kr_queue_fd() to become readable. False: there is something already. */
bool kr_queue_rest(struct kr_queue *q);
void kr_queue_awake(struct kr_queue *q);
/* Makes the writer look up from its wait. */
void kr_queue_nudge(const struct kr_queue *q);
int kr_queue_fd(const struct kr_queue *q);

#endif

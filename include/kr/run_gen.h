/* What a load generator says of itself, read from its output as it comes: traffic-gen's and
 * kumo-gen's lines, and kumo-gen's --format json. traffic-gen exits with 0 whatever happened, so
 * "sent N messages, failed M over T" is all there is. Several of them in one output (a script that
 * starts it more than once) are added up. */
#ifndef KR_RUN_GEN_H
#define KR_RUN_GEN_H

#include <kr/buf.h>
#include <kr/run_record.h>

#define KR_RUN_GEN_STREAMS 2u

struct kr_run_gen {
    struct {
        struct kr_buf line;
        bool skip; /* the line is too long: nothing of it counts */
    } stream[KR_RUN_GEN_STREAMS];
    uint64_t finals;            /* times it came to its end */
    uint64_t sent, failed;      /* of those */
    uint64_t live, live_failed; /* of the one that runs; UINT64_MAX: it doesn't say */
    uint64_t us;                /* how long they took, added up */
    struct kr_run_latency latency[2];
    size_t n_latency;
    struct kr_numbers detail; /* of kumo-gen's JSON: "refused", "unanswered", ... */
};
void kr_run_gen_init(struct kr_run_gen *g);
/* stream: 1 or 2. Pieces may be cut anywhere. */
void kr_run_gen_feed(struct kr_run_gen *g, int stream, const void *data, size_t n);
void kr_run_gen_end(struct kr_run_gen *g); /* what has no line break yet is a line too */
/* So far, also of a run that goes on; UINT64_MAX: nothing was said. */
uint64_t kr_run_gen_sent(const struct kr_run_gen *g);
uint64_t kr_run_gen_failed(const struct kr_run_gen *g);
/* Into the group "generator", and the latencies. */
void kr_run_gen_tell(const struct kr_run_gen *g, struct kr_run *r);
void kr_run_gen_free(struct kr_run_gen *g);

#endif

/* What the master and all workers see. */
#ifndef KR_SINK_SHARED_H
#define KR_SINK_SHARED_H

#include <kr/sink_policy.h>

struct kr_limits;
struct kr_memory;
struct kr_names;
struct kr_queue;
struct kr_knobs;
struct kr_sink_stats;
struct kr_store;
struct kr_tls;

struct kr_sink_shared {
    struct kr_sink_stats *stats; /* a block for each worker, the master's, the writer's */
    struct kr_queue *queue;      /* to the writer; NULL: nothing is captured or logged */
    struct kr_knobs *knobs;
    struct kr_names *names;
    struct kr_memory *memory;
    struct kr_limits *limits;
    struct kr_store *store;
    struct kr_policy_how how;
    struct kr_tls *tls; /* NULL: off; each worker has a copy of its own */
    int crowd;          /* an eventfd, readable once workers in reserve are called for */
};

#endif

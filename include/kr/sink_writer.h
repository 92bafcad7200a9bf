/* The process that writes what was captured: the only one that may wait for a disk. */
#ifndef KR_SINK_WRITER_H
#define KR_SINK_WRITER_H

struct kr_knobs;
struct kr_names;
struct kr_queue;
struct kr_sink_stats;
struct kr_targets;

struct kr_writer {
    struct kr_queue *queue;
    struct kr_targets *targets;
    const struct kr_names *names; /* of providers */
    struct kr_sink_stats *stats;  /* a block of its own */
    const char *nonce;
    struct kr_knobs *knobs;
    unsigned block; /* the number of its block */
};

/* Writes until SIGTERM, which must be blocked; then what is still in the queue. Returns an exit
 * status. */
int kr_writer_run(const struct kr_writer *w);

#endif

/* What an operator switches while the sink runs: the master writes, workers look; in memory they
 * share. */
#ifndef KR_SINK_KNOBS_H
#define KR_SINK_KNOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct kr_err;

struct kr_knobs {
    _Atomic bool paused;     /* nobody is served: 421 */
    _Atomic bool faultless;  /* the policy's faults and bandwidths don't happen */
    _Atomic uint64_t reset;  /* how often the counters were asked to begin anew ... */
    _Atomic uint64_t done[]; /* ... and did, by block of counters */
};

/* NULL: KR_CANNOT. */
struct kr_knobs *kr_knobs_make(unsigned blocks, struct kr_err *e);
void kr_knobs_free(struct kr_knobs *k, unsigned blocks);

struct kr_sink_stats;
/* For the owner of a block: begins anew if asked to since it last did. */
void kr_knobs_obey(struct kr_knobs *k, unsigned block, struct kr_sink_stats *own);

#endif

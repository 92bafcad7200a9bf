/* The layout of a worker's block, for stats.c and stats_json.c. */
#ifndef KR_STATS_INTERNAL_H
#define KR_STATS_INTERNAL_H

#include <kr/sink_hist.h>
#include <kr/sink_names.h>
#include <kr/sink_stats.h>
#include <kr/sink_sums.h>

#include <stdatomic.h>

struct dest_count {
    _Atomic uint64_t connections, message[KR_OUTCOMES];
};
/* Taken for ever: connections with this bit, which a reset leaves. */
#define DEST_TAKEN (1ULL << 63)
struct dest {
    struct kr_addr addr; /* valid once the slot is taken, which is stored after it (release) */
    struct dest_count n;
};
#define DEST_SLOTS (2u * KR_SINK_DESTINATIONS) /* a power of two, never over half full */

#define CODES 201u   /* accepted, then 400 to 599 */
#define REPLIES 400u /* 200 to 599 */

struct kr_sink_stats {
    _Atomic uint64_t counter[KR_SINK_COUNTER_N];
    struct dest_count other;
    struct kr_hist_live hist[KR_HIST_N];
    _Atomic uint64_t reply[REPLIES];
    _Atomic uint64_t code[KR_SINK_PROVIDERS][CODES];
    _Atomic uint64_t message[KR_SINK_PROVIDERS][KR_OUTCOMES];
    _Atomic uint64_t recipient[KR_SINK_PROVIDERS][KR_OUTCOMES];
    _Atomic uint32_t dests;
    _Alignas(64) struct dest dest[DEST_SLOTS];
};

struct json_t;
struct json_t *stats_latencies(const struct kr_sink_stats *all, unsigned n);

#endif

/* The account by reply code, by provider and by destination, in a worker's block of counters
 * (kr/sink_stats.h). Only the block's own worker may call these. */
#ifndef KR_SINK_SUMS_H
#define KR_SINK_SUMS_H

#include <kr/addr.h>

struct kr_sink_stats;

#define KR_SINK_DESTINATIONS 65536u
#define KR_SINK_NOWHERE UINT32_MAX      /* no destination: the connection was not redirected */
#define KR_SINK_OTHER (UINT32_MAX - 1u) /* the table is full */

/* What became of a message, of a recipient. */
enum kr_outcome { KR_ACCEPTED, KR_REFUSED, KR_DEFERRED, KR_OUTCOMES };
enum kr_outcome kr_outcome_of(int code); /* 5yz: refused, 4yz: deferred, else accepted */

/* A reply of 200 to 599 was said. */
void kr_sink_reply_code(struct kr_sink_stats *s, unsigned code);
/* A reply of the policy for a provider (kr/sink_names.h): 250, or a refusal of 400 to 599. */
void kr_sink_provider_code(struct kr_sink_stats *s, unsigned provider, unsigned code);
void kr_sink_provider_message(struct kr_sink_stats *s, unsigned provider, enum kr_outcome what);
void kr_sink_provider_recipient(struct kr_sink_stats *s, unsigned provider, enum kr_outcome what);
/* One more connection meant for this address; returns its slot, for kr_sink_dest_message. */
uint32_t kr_sink_dest_connection(struct kr_sink_stats *s, const struct kr_addr *a);
void kr_sink_dest_message(struct kr_sink_stats *s, uint32_t slot, enum kr_outcome what);
/* All is 0 again, but for `open`; what kr_sink_dest_connection gave stays valid. */
void kr_sink_stats_reset(struct kr_sink_stats *s);

#endif

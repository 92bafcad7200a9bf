/* What providers allow one source address: messages a second, connections at once, messages a day.
 * In memory shared by all workers. */
#ifndef KR_SINK_LIMITS_H
#define KR_SINK_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

struct kr_err;
struct kr_limits;
struct kr_limit; /* of one (source, provider) */

struct kr_limits *kr_limits_make(unsigned workers, struct kr_err *e);
void kr_limits_free(struct kr_limits *l);
/* The limit of this key, a hash; NULL: there are too many, and this one has none. */
struct kr_limit *kr_limits_find(struct kr_limits *l, uint64_t key);
/* Takes a token; false: there is none. A bucket of `burst` fills by `rate` a second; now: us. */
bool kr_limit_token(struct kr_limit *k, double rate, double burst, int64_t now);
/* Counts one of `most` a day, of which `day` is the number; false: they are used up. */
bool kr_limit_daily(struct kr_limit *k, uint64_t most, uint32_t day);
/* One more connection of a worker, of at most `most` of all workers; false: there are that many. */
bool kr_limit_connect(struct kr_limits *l, struct kr_limit *k, unsigned worker, uint64_t most);
void kr_limit_disconnect(struct kr_limit *k, unsigned worker);
/* A worker died: its connections are gone. */
void kr_limits_forget(struct kr_limits *l, unsigned worker);

#endif

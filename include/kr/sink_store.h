/* The policy's text on its way from the master to the workers, in memory they share: a worker has
 * neither files nor privileges, and compiles it for itself. */
#ifndef KR_SINK_STORE_H
#define KR_SINK_STORE_H

#include <kr/sink_policy.h>

struct kr_err;
struct kr_store;

#define KR_STORE_MOST (8u << 20) /* octets of text */
#define KR_STORE_SET_MOST 65536u /* octets of settings */

struct kr_store *kr_store_make(struct kr_err *e);
void kr_store_free(struct kr_store *s);
/* Should: be called by the master alone, with text that compiles. NULL: no policy. Workers see it
 * when they next look. Returns 0, or -1 (KR_USAGE: over KR_STORE_MOST). */
int kr_store_put(struct kr_store *s, const char *name, const char *text, size_t len,
                 struct kr_err *e);
/* The same with a seed and settings of their own, which go over those of whoever gets it. */
int kr_store_put_tuned(struct kr_store *s, const char *name, const char *text, size_t len,
                       const struct kr_policy_how *how, struct kr_err *e);
/* How often there was a put. */
uint64_t kr_store_generation(const struct kr_store *s);
/* Compiles what is there; NULL: no policy, or -- with e set -- it can't be compiled. */
struct kr_policy *kr_store_get(const struct kr_store *s, const struct kr_policy_how *how,
                               struct kr_err *e);

#endif

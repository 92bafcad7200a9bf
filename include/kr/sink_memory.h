/* What is remembered about recipients: how often each was tried and since when. In memory shared by
 * all workers, of a fixed size: what is used least is forgotten, what waits for a retry last. */
#ifndef KR_SINK_MEMORY_H
#define KR_SINK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;
struct kr_memory;

struct kr_attempt {
    uint32_t before; /* attempts before this one */
    int64_t age;     /* ms since the first of them */
};

/* For `slots` recipients, 16 octets each, used when they are needed. NULL: KR_CANNOT. */
struct kr_memory *kr_memory_make(size_t slots, struct kr_err *e);
/* Has all of it ready for this process, so that no message pays for a page that is touched first.
 */
void kr_memory_warm(struct kr_memory *m);
void kr_memory_free(struct kr_memory *m);
/* An attempt of `key` is to come: has it fetched from memory while something else is done. */
void kr_memory_expect(struct kr_memory *m, uint64_t key);
/* Counts an attempt of `key`, a hash. now: ms of the monotonic clock. One that is older than
 * `forget` ms (0: never) begins anew. */
struct kr_attempt kr_memory_attempt(struct kr_memory *m, uint64_t key, int64_t now, int64_t forget);
/* The last attempt was put off: it will come again. */
void kr_memory_keep(struct kr_memory *m, uint64_t key, bool keep);
/* How many were forgotten while they were waited for. */
uint64_t kr_memory_forgotten(const struct kr_memory *m);

#endif

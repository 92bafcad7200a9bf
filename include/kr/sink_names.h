/* The names of the providers that are counted, with a number each that stays theirs when the policy
 * changes. In memory shared by all workers; only the master adds. */
#ifndef KR_SINK_NAMES_H
#define KR_SINK_NAMES_H

#include <stddef.h>

struct kr_err;
struct kr_names;

#define KR_SINK_PROVIDERS 256u
#define KR_SINK_NAME_MAX 63u

/* Number 0 is "other". NULL: KR_CANNOT. */
struct kr_names *kr_names_make(struct kr_err *e);
void kr_names_free(struct kr_names *n);
void kr_names_add(struct kr_names *n, const char *name); /* one too many: it is counted as other */
unsigned kr_names_find(const struct kr_names *n, const char *name); /* 0: none */
size_t kr_names_count(const struct kr_names *n);
const char *kr_names_get(const struct kr_names *n, size_t i);

#endif

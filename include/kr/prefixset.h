/* A set of prefixes of both families: sorted, merged, minimal. */
#ifndef KR_PREFIXSET_H
#define KR_PREFIXSET_H

#include <kr/addr.h>

struct kr_prefixset {
    struct kr_prefix *v;
    size_t n, cap;
};

void kr_prefixset_add(struct kr_prefixset *s, const struct kr_prefix *p);
/* Sorts, drops what another prefix covers, joins neighbours; O(n log n). Afterwards lookups work.
 */
void kr_prefixset_normalize(struct kr_prefixset *s);
/* The prefix of a normalized set that holds a, or NULL; O(log n). */
const struct kr_prefix *kr_prefixset_find(const struct kr_prefixset *s, const struct kr_addr *a);
/* True when every address of p is in the normalized set. */
bool kr_prefixset_covers(const struct kr_prefixset *s, const struct kr_prefix *p);
bool kr_prefixset_overlaps(const struct kr_prefixset *s, const struct kr_prefix *p);
void kr_prefixset_free(struct kr_prefixset *s);

/* Well-known sets, built once: RFC 1918, RFC 4193 ULA, RFC 3927 and 4291 link-local. */
bool kr_prefix_is_private(const struct kr_prefix *p);
/* RFC 5737, RFC 3849, RFC 9637 documentation space. */
bool kr_prefix_is_documentation(const struct kr_prefix *p);

#endif

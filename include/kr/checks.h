/* The registry: every check there is, in the order they run. */
#ifndef KR_CHECKS_H
#define KR_CHECKS_H

#include <kr/check.h>

size_t kr_checks_count(void);
const struct kr_check *kr_checks_at(size_t i);         /* NULL beyond the last */
const char *kr_checks_group_of(size_t i);              /* "nft", "bpf" ...; NULL beyond the last */
const struct kr_check *kr_checks_find(const char *id); /* or NULL */
const char *kr_checks_nearest(const char *id);         /* or NULL */

#endif

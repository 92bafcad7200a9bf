/* What capabilities(7) this process has, on libcap. */
#ifndef KR_CAPS_H
#define KR_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>

/* Whether a capability is effective; false also when that can't be read. */
bool kr_caps_have(cap_value_t cap);
/* Keeps, effective and permitted, those of `caps` that are effective now, and nothing else; none is
 * inheritable. Returns 0, or -1 with errno. */
int kr_caps_keep(const cap_value_t *caps, size_t n);
/* Whether none is effective, permitted or inheritable; false also when that can't be read. */
bool kr_caps_none(void);
/* Empties the bounding set, for which CAP_SETPCAP must be effective. Returns 0, or -1 with errno.
 */
int kr_caps_empty_bounds(void);

#endif

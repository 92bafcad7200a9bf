/* What this kernel offers of what we need, found out by trying it in a network namespace of its
 * own. */
#ifndef KR_FEATURES_H
#define KR_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct kr_err;

struct kr_feature {
    const char *name, *since, *use; /* what it is; version and commit that brought it; what for */
    const char *waiver;             /* what may be said to go without it, or NULL */
};
size_t kr_features_count(void);
const struct kr_feature *kr_feature(size_t i);
/* Tries them all: has[i] says whether number i works, or why[i] (static text or the kernel's error)
 * why not. Runs in a child, so nothing of the caller changes. Needs CAP_SYS_ADMIN and
 * CAP_NET_ADMIN. Returns 0, or -1 (KR_CANNOT, KR_UNKNOWN when the child died). */
int kr_features_try(bool *has, char (*why)[160], struct kr_err *e);

#endif

/* Removing by scanning: what carries our protocol number, and is not wanted. */
#ifndef KR_RT_SWEEP_H
#define KR_RT_SWEEP_H

#include <kr/rt.h>

/* Deletes, of all families and tables, the rules and then the routes of this protocol number that
 * are not to be kept, each by the very attributes the kernel showed. Returns 0 or -1, as flush. */
struct kr_rt_keep {
    uint8_t protocol;
    bool (*rule)(const struct kr_fibrule *r, const void *arg);
    bool (*route)(const struct kr_route *r, const void *arg);
    const void *arg;
};
int kr_rt_sweep(struct kr_rt *rt, const struct kr_rt_keep *keep, struct kr_err *e);

#endif

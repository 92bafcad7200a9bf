/* A growing list of route lookups, each with what it is asked for. */
#ifndef KR_ASKS_H
#define KR_ASKS_H

#include <kr/lookup.h>
#include <kr/netview.h>

struct kr_asks {
    struct kr_lookup *v;
    const void **why; /* the caller's: what each is about */
    size_t n, cap, cap_why;
};
struct kr_lookup *kr_asks_add(struct kr_asks *a, const struct kr_addr *to, const void *why);
void kr_asks_free(struct kr_asks *a);

#define KR_WAYSTRLEN 192
/* "eth0 via 192.0.2.1 (table 254)", "this host itself", "nowhere (Network is unreachable)". */
const char *kr_asks_way(const struct kr_lookup *x, const struct kr_netview *v,
                        char out[static KR_WAYSTRLEN]);
/* No packet goes anywhere: refused, or a route that refuses. EINVAL says so for what comes in only
 * (a martian, a blackhole); else it may be a request that this kernel does not understand. */
bool kr_asks_nowhere(const struct kr_lookup *x);
/* This host itself: own addresses, anycast. */
bool kr_asks_here(const struct kr_lookup *x);

#endif

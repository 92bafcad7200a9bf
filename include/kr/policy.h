/* Policy routing rules ahead of ours: which of them would take packets to guarded ports. */
#ifndef KR_POLICY_H
#define KR_POLICY_H

#include <kr/netview.h>

/* `0: from all lookup local`, which stands ahead of everything and must. */
bool kr_policy_is_local(const struct kr_fibrule *r);
/* True unless the rule certainly leaves TCP packets to these ports alone, whoever sends them. */
bool kr_policy_may_take(const struct kr_fibrule *r, const uint16_t *ports, size_t n_ports);

enum kr_policy_reach {
    KR_POLICY_NEVER,   /* can't match such a packet, or does nothing to it */
    KR_POLICY_REFUSES, /* blackhole, unreachable, prohibit: no leak, but no redirect either */
    KR_POLICY_TAKES,   /* may lead it past our table */
};
/* The same, knowing this host: its devices, and whether it forwards packets of the rule's family.
 * `why` is a string constant. */
enum kr_policy_reach kr_policy_reach(const struct kr_fibrule *r, const struct kr_netview *v,
                                     const uint16_t *ports, size_t n_ports, bool forwards,
                                     const char **why);

#endif

/* Providers and rules. */
#ifndef KR_POLICY_PARTS_H
#define KR_POLICY_PARTS_H

#include <kr/prefixset.h>
#include <kr/sink_policy.h>

#include "dice.h"

struct patterns {
    char **v; /* glob(7) with * and ? alone, any case; owned */
    size_t n, cap;
};

struct kr_site {
    char *name;
    size_t index;
    unsigned account;     /* the number it is counted by */
    double bounce, defer; /* chances, 0..1 */
    bool rates;           /* it has its own, not the default's */
    bool kumo;            /* of KumoMTA's tables */
    uint64_t stage;       /* where bounces and deferrals are said */
    struct kr_answers bounces, defers, over_rate, over_connections, over_quota, greylisted;
    struct delay delay[KR_STAGES];
    double rate, burst; /* messages a second for one source address, how many at once; 0: any */
    uint64_t connections, daily, fail_first;
    uint64_t greylist, greylist_for; /* ms */
    struct patterns domains, mx_names;
    struct kr_prefixset mx;
};

struct rule {
    struct patterns providers, domains, locals, senders;
    bool *on_site; /* by index: the providers it is for; NULL: all */
    struct kr_prefixset mx, sources;
    unsigned sender_bit; /* in kr_sink_session.senders */
    uint64_t stage, fault, bandwidth;
    uint64_t attempts; /* only the first ones of a recipient; 0: any */
    double chance;
    struct kr_answers answers;
    struct delay delay;
};

bool patterns_match(const struct patterns *p, const char *text, size_t n); /* an empty list: true */

#endif

/* What the policy says to one recipient, or at a stage before there is any. */
#ifndef KR_VERDICT_H
#define KR_VERDICT_H

#include "policy_internal.h"

/* Of what is decided. */
struct about {
    const struct kr_addr *source, *meant;
    const struct kr_site *site; /* never NULL */
    const char *local, *domain;
    size_t local_len, domain_len;
    uint64_t senders; /* bits of the rules whose sender fits */
    uint64_t hash;    /* of seed, recipient and attempt */
    uint32_t attempt; /* 0: the first one */
    bool faultless;   /* no faults and no bandwidths */
};

enum effect_fault { EFFECT_NONE, EFFECT_DROP, EFFECT_RESET, EFFECT_STALL };
struct effect {
    const struct kr_answer *answer; /* NULL: go on */
    uint32_t delay;                 /* ms */
    uint32_t bandwidth;             /* octets a second; 0: as it is */
    enum effect_fault fault;
};

/* The delay of the provider and the rules of a stage: all delays that apply add up; the first rule
 * with an answer or a fault is the last one looked at. */
void verdict_rules(const struct kr_policy *p, enum kr_stage stage, const struct about *a,
                   struct effect *out);
/* The bits of the rules whose sender fits. */
uint64_t verdict_senders(const struct kr_policy *p, const char *sender, size_t n);
/* What the local part asks for: true when it does; *answer is NULL for acceptance. */
bool verdict_special(const struct kr_policy *p, const struct about *a,
                     const struct kr_answer **answer);
/* The provider's failures and dice; NULL: accepted. To be said at the provider's stage. */
const struct kr_answer *verdict_dice(const struct kr_policy *p, const struct about *a);

#endif

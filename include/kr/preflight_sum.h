/* What a preflight comes to, as it is told domain by domain. */
#ifndef KR_PREFLIGHT_SUM_H
#define KR_PREFLIGHT_SUM_H

#include <kr/dns_name.h>
#include <kr/preflight.h>

struct kr_preflight_group {
    uint32_t n[KR_HAZARDS];        /* domains, by hazard */
    uint32_t breaking[KR_HAZARDS]; /* those that it does harm to */
    uint32_t unsure[KR_HAZARDS];   /* or may */
};
enum kr_harm { KR_HARM_ANY, KR_HARM_CERTAIN, KR_HARM_UNSURE, KR_HARMS };
struct kr_preflight_sum {
    uint64_t outcomes[KR_OUTCOMES], all;
    double weights[KR_OUTCOMES], weight;
    uint64_t policies[KR_POLICIES]; /* of domains that announce one */
    uint64_t domains[KR_HAZARDS], breaking[KR_HAZARDS], unsure[KR_HAZARDS];
    double breaking_weight[KR_HAZARDS];
    uint64_t local; /* hazards of the MTA's own configuration; whoever has them sets it */
    struct kr_name_table
        names; /* of groups: what the best MX host's name has behind its first label */
    struct kr_preflight_group *groups;
    size_t cap_groups;
};
void kr_preflight_sum_add(struct kr_preflight_sum *s, const struct kr_domain_facts *d,
                          const struct kr_preflight_verdict *v);
void kr_preflight_sum_free(struct kr_preflight_sum *s);
/* The groups of a hazard, the largest first; at most `most`. Returns how many there are in all. */
size_t kr_preflight_sum_groups(const struct kr_preflight_sum *s, enum kr_hazard h,
                               enum kr_harm harm, uint32_t *out, size_t most);
/* Domains of group g that a hazard does such harm to. */
uint32_t kr_preflight_sum_of(const struct kr_preflight_sum *s, uint32_t g, enum kr_hazard h,
                             enum kr_harm harm);
/* What all comes to: KR_OK, KR_UNSAFE or KR_UNKNOWN. */
int kr_preflight_status(const struct kr_preflight_sum *s, const struct kr_preflight_end *end);
/* "ok", "hazards" or "unknown". */
const char *kr_preflight_word(int status);

#endif

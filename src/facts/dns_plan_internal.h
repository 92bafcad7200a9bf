/* What the parts of the plan share. */
#ifndef KR_DNS_PLAN_INTERNAL_H
#define KR_DNS_PLAN_INTERNAL_H

#include "dns_plan_rows.h"
#include "dns_todo.h"

#include <kr/dns_plan.h>

struct kr_dns_plan {
    struct kr_dns_plan_config c;
    const struct kr_domains *domains;
    struct plan_domain *d;
    bool small, again, resting; /* again: what is taken now was asked before, in vain */
    uint32_t cursor, epilogue;  /* the next domain whose MX is asked; whose TLSRPT is looked at */
    struct todo todo, later;    /* later: failed, to be asked again */
    struct kr_name_table hosts, expanded, zones, targets;
    struct plan_host *h;
    struct plan_zone *z;
    size_t cap_h, cap_z;
    /* MX sets: a count and so many hosts each, in one pool. */
    uint32_t *pool, *group_slots;
    struct plan_chain *chains;
    size_t n_chains, cap_chains;
    struct plan_policy *policies;
    size_t n_policies, cap_policies;
    size_t n_pool, cap_pool, n_groups, n_group_slots;
    uint64_t done, unknown, rest; /* rest: see dns_plan_rest.h; so many questions more */
};
#define GROUP_MORE 0x80u /* in the count: there were more */

/* The group of these hosts; *fresh: it was not there. */
uint32_t kr_plan_group(struct kr_dns_plan *p, const uint32_t *hosts, uint32_t n, bool more);
uint32_t kr_plan_host(struct kr_dns_plan *p, const uint8_t *name);
bool kr_plan_lost(const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof);
/* What the question that is taken now asked failed: it is asked again, once and later. */
void kr_plan_later(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of);
/* Asks of a host what its state calls for. */
void kr_plan_host_go(struct kr_dns_plan *p, uint32_t host);
/* Is there a zone known to be insecure that it is in? */
bool kr_plan_pruned(const struct kr_dns_plan *p, const uint8_t *name);
void kr_plan_host_take(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                       const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof);
enum kr_tlsa kr_plan_tlsa(const struct kr_packet *pkt, const struct kr_reply *r,
                          enum kr_proof proof);
/* Goes on at an alias's target; false: the chain is too long, or can't be trusted anyway. */
bool kr_plan_chain_on(struct kr_dns_plan *p, const struct kr_question *q, const struct kr_reply *r,
                      enum kr_proof proof);
/* What was asked at first, with all aliases there were and the worst proof of them. */
struct kr_question kr_plan_chain_end(const struct kr_dns_plan *p, uint32_t of, struct kr_reply *r,
                                     enum kr_proof *proof);
/* A domain has announced a policy: where is it? */
void kr_plan_policy_want(struct kr_dns_plan *p, uint32_t domain);
void kr_plan_policy_take(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                         const struct kr_packet *pkt, const struct kr_reply *r,
                         enum kr_proof proof);
void kr_plan_policy_facts(const struct kr_dns_plan *p, uint32_t domain,
                          struct kr_domain_facts *out);

#endif

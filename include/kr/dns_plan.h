/* Which questions tell what about which domain, and what their answers come to. */
#ifndef KR_DNS_PLAN_H
#define KR_DNS_PLAN_H

#include <kr/dns_ask.h>
#include <kr/dns_domains.h>
#include <kr/dns_facts.h>

struct kr_dns_plan;
struct kr_prefixset;

/* The security of an answer. */
enum kr_proof {
    KR_PROOF_INSECURE, /* proven to be unsigned, or just not said to be secure */
    KR_PROOF_SECURE,
    KR_PROOF_BOGUS,
    KR_PROOF_FAILED,   /* what would prove it could not be had */
    KR_PROOF_UNJUDGED, /* nobody here can tell */
    KR_PROOFS,
};
struct kr_dns_plan_config {
    unsigned how;  /* KR_ASK_* of every question */
    bool own_tlsa; /* also at _25._tcp.<domain>, which released KumoMTA looks at */
    bool policies; /* also where the MTA-STS policies are */
    const struct kr_prefixset *exempt; /* addresses the redirect leaves alone; NULL: none */
    uint64_t address_asks;             /* that nothing else calls for, at most; 0: as it fits */
    bool tell_bogus; /* what fails is asked again with checking disabled, to tell why */
};
#define KR_ADDRESS_ASKS_ALL 1000000000000u /* of kr_dns_plan_config: as many as there are */
#define KR_PLAN_SMALL 1000u                /* so many domains are asked everything at once */

struct kr_dns_plan *kr_dns_plan_new(const struct kr_domains *d, const struct kr_dns_plan_config *c);
void kr_dns_plan_free(struct kr_dns_plan *p);
bool kr_dns_plan_next(struct kr_dns_plan *p, struct kr_question *q);
/* pkt and r NULL: nobody answered. */
void kr_dns_plan_take(struct kr_dns_plan *p, const struct kr_question *q,
                      const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof);
/* When nothing is out any more: what failed is asked again, once each, then what depends on all
 * else; *patient: from now on those that failed. False: it is done. */
bool kr_dns_plan_advance(struct kr_dns_plan *p, bool *patient);

struct kr_dns_progress {
    uint64_t domains, done, unknown, hosts;
};
struct kr_dns_progress kr_dns_plan_progress(const struct kr_dns_plan *p);
/* Hosts some of whose addresses were not asked for. */
uint64_t kr_dns_plan_unasked(const struct kr_dns_plan *p);
/* What domain i came to. The strings live in *text until the next call. */
void kr_dns_plan_facts(const struct kr_dns_plan *p, uint32_t i, struct kr_buf *text,
                       struct kr_domain_facts *out);

#endif

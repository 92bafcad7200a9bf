/* The MTA-STS policies that DNS announced: where they are to be had, and what came of them. */
#ifndef KR_DNS_POLICY_H
#define KR_DNS_POLICY_H

#include <kr/addr.h>
#include <kr/dns_plan.h>
#include <kr/mtasts.h>

#define KR_POLICY_ADDRS 8u /* of a policy's host, at most; four of each family */
struct kr_policy_place {
    char host[KR_NAME_TEXT]; /* "mta-sts.example.org" */
    struct kr_addr addrs[KR_POLICY_ADDRS];
    size_t n; /* 0: why says what is the matter */
    enum kr_fetched why;
};

/* Should: be called when the plan is done. How many there are; they are numbered from 0. */
size_t kr_dns_plan_policies(struct kr_dns_plan *p);
/* False: its domain gets no mail, so that there is nothing to fetch. */
bool kr_dns_plan_policy(const struct kr_dns_plan *p, size_t i, struct kr_policy_place *out);
/* How a fetch ended; the text when one came (KR_FETCH_CAME). */
void kr_dns_plan_policy_take(struct kr_dns_plan *p, size_t i, enum kr_fetched how, uint16_t http,
                             const char *text, size_t len);
/* The MX hosts, each once, in the order they were met. Number i as text. */
size_t kr_dns_plan_hosts(const struct kr_dns_plan *p);
const char *kr_dns_plan_host(const struct kr_dns_plan *p, size_t i, char out[static KR_NAME_TEXT]);

#endif

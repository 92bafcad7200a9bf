/* Everything together: asks for all domains what the plan wants to know. */
#ifndef KR_DNS_ENGINE_H
#define KR_DNS_ENGINE_H

#include <kr/dns_net.h>
#include <kr/dns_plan.h>
#include <kr/dns_record.h>

struct kr_anchors;
struct kr_dns_engine_config {
    const struct kr_domains *domains;
    const struct kr_anchors *anchors; /* of the root; NULL: none, so nothing is validated here */
    bool trust_ad; /* the servers' word on security is taken, once it shows that they give it */
    bool own_tlsa, policies; /* struct kr_dns_plan_config */
    const struct kr_prefixset *exempt;
    uint64_t address_asks;     /* struct kr_dns_plan_config */
    uint64_t qps, jobs, tries; /* 0: as it fits; jobs: questions out at once */
    bool mix_case;
    void (*progress)(void *arg, const struct kr_dns_account *a); /* about five times a second */
    void *arg;
};
enum kr_dns_judge { KR_JUDGE_SERVER, KR_JUDGE_SELF, KR_JUDGE_NOBODY };

/* Asks. *plan holds what came of it, and is the caller's also after a failure, when it is not NULL.
 * 0, or -1: KR_UNKNOWN: no server answers at all; KR_CANNOT. */
int kr_dns_engine_run(struct kr_dns_net *net, unsigned servers,
                      const struct kr_dns_engine_config *c, struct kr_dns_plan **plan,
                      enum kr_dns_judge *judge, struct kr_dns_account *account, struct kr_err *e);

#endif

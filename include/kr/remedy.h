/* What has to be switched off on the MTA so that mail for these domains reaches the sink. */
#ifndef KR_REMEDY_H
#define KR_REMEDY_H

#include <kr/dns_verdict.h>
#include <kr/mta_set.h>

#define KR_NEED_TLS 1u     /* what the MTA's own settings ask for */
#define KR_NEED_DANE 2u    /* TLSA records */
#define KR_NEED_STS 4u     /* MTA-STS policies */
#define KR_NEED_REPORTS 8u /* TLSRPT */
#define KR_REMEDY_NAMED 500u

struct kr_remedy_names {
    char **v; /* in the order they came, each once */
    size_t n, cap;
};
struct kr_remedy {
    uint64_t all, domains;               /* domains in all; those that something is needed for */
    uint64_t hopeless;                   /* that no setting of the MTA helps */
    uint64_t needed[4];                  /* domains by bit of KR_NEED_* */
    uint32_t needs;                      /* KR_NEED_* */
    struct kr_remedy_names names, hosts; /* the domains, and their MX hosts that fail */
    bool more;    /* than KR_REMEDY_NAMED of either: the lists are not whole */
    bool aliased; /* an MX host is an alias: some MTAs know it by its other name */
};
/* One domain, judged by this side: what it needs, found by judging it again without. */
void kr_remedy_add(struct kr_remedy *r, const struct kr_domain_facts *d,
                   const struct kr_mta_side *side);
void kr_remedy_free(struct kr_remedy *r);

#endif

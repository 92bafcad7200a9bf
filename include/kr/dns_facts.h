/* What DNS says about a recipient domain and its mail exchangers, as an MTA would see it. */
#ifndef KR_DNS_FACTS_H
#define KR_DNS_FACTS_H

#include <kr/dns_state.h>
#include <kr/dns_txt.h>

#include <stdbool.h>
#include <stdint.h>

#define KR_HOST_PRIVATE 1u  /* an address is private or link-local */
#define KR_HOST_LOOPBACK 2u /* or of this host itself */
#define KR_HOST_NAMED 4u    /* the MTA-STS policy that was fetched names it */
#define KR_HOST_EXEMPT 8u   /* the redirect leaves an address of it alone */
#define KR_HOST_UNASKED 16u /* not all its addresses were asked for */
#define KR_HOST_LOST 32u    /* the lookup of one family failed, the other's did not */
#define KR_HOST_FLAGS 63u
#define KR_HOSTS_MOST 64 /* of a domain; by preference */
struct kr_host_facts {
    const char *name;
    uint8_t address, alias, tlsa, tlsa_expanded, flags; /* tlsa: at the name in the MX record */
};
struct kr_domain_facts {
    const char *name;
    double weight;                                    /* of traffic; 1 unless told */
    uint8_t mx, trust, sts, policy, tlsrpt, own_tlsa; /* own_tlsa: at _25._tcp.<domain> */
    uint8_t fetched;  /* enum kr_fetched: what became of the policy, whose kind is in `policy` */
    uint16_t http;    /* the status that came with it; 0: none */
    uint32_t max_age; /* of the policy, seconds */
    uint8_t n_hosts;  /* 0 for what gets no mail */
    bool more_hosts;  /* than KR_HOSTS_MOST */
    struct kr_host_facts hosts[KR_HOSTS_MOST];
};

#endif

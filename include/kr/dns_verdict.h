/* Would mail for a domain reach the sink? A pure function of what DNS says, how the MTA is set, and
 * what TLS the sink offers. */
#ifndef KR_DNS_VERDICT_H
#define KR_DNS_VERDICT_H

#include <kr/dns_facts.h>
#include <kr/dns_hazard.h>
#include <kr/mta_side.h>

/* Rows of the truth table of DANE for SMTP, by the number they are known under. */
enum kr_row {
    KR_ROW_ORDINARY, /* nothing to look at */
    KR_ROW_1,
    KR_ROW_2,
    KR_ROW_3,
    KR_ROW_4,
    KR_ROW_5,
    KR_ROW_6,
    KR_ROW_7,
    KR_ROW_8,
    KR_ROW_9,
    KR_ROW_10,
    KR_ROW_11,
    KR_ROW_12,
    KR_ROW_13,
    KR_ROW_14,
    KR_ROW_9_UNUSABLE,  /* half-dane where no record is usable */
    KR_ROW_9_FAILED,    /* half-dane where the lookup fails */
    KR_ROW_ADDRESS,     /* the host's address lookup fails */
    KR_ROW_UNREACHABLE, /* the host has no address */
    KR_ROW_UNJUDGED,    /* TLSA records nobody could judge */
    KR_ROWS,
};
const char *kr_row_name(enum kr_row r); /* "1" */

enum kr_outcome { KR_DELIVERS, KR_DOWNGRADES, KR_UNCERTAIN, KR_FAILS, KR_OUTCOMES };
const char *kr_outcome_name(enum kr_outcome o);

struct kr_preflight_verdict {
    enum kr_outcome outcome;
    uint32_t hazards, breaking, unsure; /* bits by enum kr_hazard: what is there; what does harm
                                           with this MTA; what may */
    struct {
        uint8_t row, level, outcome; /* enum kr_row, kr_tls_level, kr_outcome */
    } hosts[KR_HOSTS_MOST + 1];      /* one, when there is no host: of the domain */
    uint8_t n;
    uint8_t sts;     /* row 1..3: S1..S3; 0: no policy acts */
    const char *mta; /* of several: the id of the one whose verdict it is */
};
void kr_preflight_judge(const struct kr_domain_facts *d, const struct kr_mta_side *side,
                        struct kr_preflight_verdict *out);

#endif

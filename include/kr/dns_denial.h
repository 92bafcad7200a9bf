/* What NSEC (RFC 4034 section 4, RFC 4035 section 5.4) and NSEC3 records (RFC 5155 section 8) prove
 * to be absent. Only records whose signatures were verified may be given here. Works on the
 * message's own bytes. */
#ifndef KR_DNS_DENIAL_H
#define KR_DNS_DENIAL_H

#include <kr/dns_wire.h>

#define KR_DENIAL_MOST 12       /* records of one message */
#define KR_NSEC3_ITERATIONS 150 /* more is as good as no proof (RFC 9276 section 3.2) */

struct kr_denial {
    const struct kr_packet *p;
    const uint8_t *zone; /* whose key signed them */
    struct kr_record v[KR_DENIAL_MOST];
    size_t n;
};
enum kr_denied {
    KR_DENIED_NOT,    /* there is no proof */
    KR_DENIED_OPENLY, /* as far as an opt-out goes, or too many iterations: insecure */
    KR_DENIED_SURELY,
};
/* The name is there, such a record is not. *cut (may be NULL): the name is a delegation. */
enum kr_denied kr_denial_nodata(const struct kr_denial *d, const uint8_t *name, uint16_t type,
                                bool *cut);
enum kr_denied kr_denial_nxdomain(const struct kr_denial *d, const uint8_t *name);
/* A wildcard of which `labels` labels are the parent's answered: nothing closer is there. */
enum kr_denied kr_denial_wildcard(const struct kr_denial *d, const uint8_t *name, unsigned labels);
/* Canonical order (RFC 4034 section 6.1) of lower-case names. */
int kr_name_order(const uint8_t *a, const uint8_t *b);

#endif

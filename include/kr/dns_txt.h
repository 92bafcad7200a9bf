/* The TXT records by which a domain announces MTA-STS (RFC 8461 section 3.1) and TLSRPT (RFC 8460
 * section 3). */
#ifndef KR_DNS_TXT_H
#define KR_DNS_TXT_H

#include <stddef.h>

/* What a domain's records at such a name amount to. */
enum kr_announced {
    KR_ANNOUNCED_NOT,       /* proven absent, or nothing of the kind */
    KR_ANNOUNCED_VALID,     /* exactly one, well formed */
    KR_ANNOUNCED_MALFORMED, /* counts as none, but an MTA that is less strict may act on it */
    KR_ANNOUNCED_DOUBLED,   /* likewise */
    KR_ANNOUNCED_UNKNOWN,   /* the question was not answered */
    KR_ANNOUNCED_UNASKED,
};
const char *kr_announced_name(enum kr_announced a);

/* What a policy that was fetched asks for (RFC 8461 section 5). */
enum kr_sts_policy {
    KR_POLICY_UNFETCHED, /* counts as the worst */
    KR_POLICY_ENFORCE,
    KR_POLICY_NO_MATCH, /* enforce, and no MX host is among its own */
    KR_POLICY_TESTING,
    KR_POLICY_NONE,     /* mode none */
    KR_POLICY_UNUSABLE, /* there is none by the RFC's rules; one in an MTA's cache goes on */
    KR_POLICY_UNKNOWN,  /* it could not be fetched this time */
    KR_POLICIES,
};
const char *kr_sts_policy_name(enum kr_sts_policy p);

struct kr_txt_set {
    unsigned valid, malformed;
    char id[33]; /* of MTA-STS */
};
/* Takes one record, its strings joined. */
void kr_sts_take(struct kr_txt_set *s, const char *txt, size_t len);
void kr_tlsrpt_take(struct kr_txt_set *s, const char *txt, size_t len);
enum kr_announced kr_txt_set_state(const struct kr_txt_set *s);

#endif

/* The states that what DNS says can have: of a domain, a host, its TLSA records. */
#ifndef KR_DNS_STATE_H
#define KR_DNS_STATE_H

enum kr_mx_kind {
    KR_MX_HOSTS,
    KR_MX_IMPLICIT, /* no MX: the domain itself (RFC 5321 section 5.1) */
    KR_MX_NULL,     /* RFC 7505 */
    KR_MX_NXDOMAIN,
    KR_MX_FAILED, /* SERVFAIL, refused, malformed */
    KR_MX_BOGUS,
    KR_MX_TIMEOUT,
    KR_MX_KINDS,
};
enum kr_dns_trust { KR_TRUST_INSECURE, KR_TRUST_SECURE, KR_TRUST_UNJUDGED, KR_TRUSTS };
enum kr_host_address {
    KR_ADDRESS_UNASKED, /* below a zone that is insecure as a whole */
    KR_ADDRESS_SECURE,
    KR_ADDRESS_INSECURE,
    KR_ADDRESS_NONE,
    KR_ADDRESS_FAILED, /* SERVFAIL, timeout, bogus */
    KR_ADDRESSES,
};
enum kr_host_alias {
    KR_ALIAS_NONE,
    KR_ALIAS_SECURE,       /* every link of the chain */
    KR_ALIAS_FIRST_SECURE, /* the first link, not all */
    KR_ALIAS_INSECURE,
    KR_ALIASES,
};
enum kr_tlsa {
    KR_TLSA_UNASKED, /* insecure for certain, whatever is there */
    KR_TLSA_NONE,
    KR_TLSA_USABLE,
    KR_TLSA_UNUSABLE, /* RFC 7672 section 3.1: secure, but of a kind nobody takes */
    KR_TLSA_INSECURE, /* there, without a proof */
    KR_TLSA_FAILED,
    KR_TLSA_UNJUDGED, /* there, and nobody could tell whether it is secure */
    KR_TLSA_STATES,
};
const char *kr_mx_kind_name(enum kr_mx_kind k);
const char *kr_dns_trust_name(enum kr_dns_trust t);
const char *kr_host_address_name(enum kr_host_address a);
const char *kr_host_alias_name(enum kr_host_alias a);
const char *kr_tlsa_name(enum kr_tlsa t);

#endif

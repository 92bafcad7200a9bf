/* DNS messages, read in place: nothing is copied or allocated. */
#ifndef KR_DNS_WIRE_H
#define KR_DNS_WIRE_H

#include <kr/dns_name.h>

enum kr_dns_type {
    KR_DNS_A = 1,
    KR_DNS_CNAME = 5,
    KR_DNS_SOA = 6,
    KR_DNS_MX = 15,
    KR_DNS_TXT = 16,
    KR_DNS_AAAA = 28,
    KR_DNS_OPT = 41,
    KR_DNS_DS = 43,
    KR_DNS_RRSIG = 46,
    KR_DNS_NSEC = 47,
    KR_DNS_DNSKEY = 48,
    KR_DNS_NSEC3 = 50,
    KR_DNS_TLSA = 52,
};
enum kr_dns_rcode {
    KR_RCODE_OK,
    KR_RCODE_FORMERR,
    KR_RCODE_SERVFAIL,
    KR_RCODE_NXDOMAIN,
    KR_RCODE_REFUSED = 5
};

struct kr_packet {
    const uint8_t *b;
    size_t len, answers_at;   /* answers_at: the first record */
    uint16_t id, flags, n[3]; /* records: answer, authority, additional */
    uint16_t qtype;
};
struct kr_record {
    size_t owner_at; /* of its name in the message */
    uint16_t type, class, len;
    uint32_t ttl;
    size_t at;   /* of its data */
    int section; /* 0: answer, 1: authority, 2: additional */
};
struct kr_walk {
    size_t at;
    int section;
    uint16_t done; /* records of the section */
};

/* Header and question of a response with exactly one question, of class IN. 0, or -1: none. */
int kr_packet_open(struct kr_packet *p, const uint8_t *bytes, size_t len);
void kr_walk_begin(const struct kr_packet *p, struct kr_walk *w);
/* 1: the next record, 0: there is none left, -1: malformed. */
int kr_walk_next(const struct kr_packet *p, struct kr_walk *w, struct kr_record *r);
/* The name at an offset, lower case; pointers lead backwards only (RFC 1035 section 4.1.4). *end
 * (may be NULL): behind it. 0, or -1: malformed. */
int kr_packet_name(const struct kr_packet *p, size_t at, uint8_t out[static KR_NAME_MAX],
                   size_t *end);

#endif

/* What a response says to a question, without a judgement of its security. */
#ifndef KR_DNS_REPLY_H
#define KR_DNS_REPLY_H

#include <kr/dns_wire.h>

enum kr_reply_kind {
    KR_REPLY_DATA,
    KR_REPLY_NODATA,   /* the name is there, such a record is not (RFC 2308 section 2.2) */
    KR_REPLY_NXDOMAIN, /* RFC 8020: nothing below it either */
    KR_REPLY_ALIAS,    /* of the last alias's target nothing is said: name is that target */
    KR_REPLY_BROKEN,   /* malformed, or too many aliases */
    KR_REPLY_FAILED,   /* another rcode */
};
struct kr_reply {
    enum kr_reply_kind kind;
    uint8_t rcode;
    bool truncated, ad;
    uint8_t links;             /* aliases (CNAME) that were followed */
    bool soa;                  /* apex was said */
    uint8_t name[KR_NAME_MAX]; /* whose records these are, behind all aliases */
    uint8_t apex[KR_NAME_MAX]; /* of a negative answer: of the zone that denies */
};
#define KR_REPLY_LINKS 12 /* aliases that are followed at most */

/* The question's own name must be `qname`. Always fills in *r. */
void kr_dns_reply_read(const struct kr_packet *p, const uint8_t *qname, struct kr_reply *r);
/* Walks the records that answer; begin with kr_walk_begin. 1: one, 0: no more. */
int kr_reply_next(const struct kr_packet *p, const struct kr_reply *r, struct kr_walk *w,
                  struct kr_record *rec);
/* Joins the strings of a TXT record, without spaces (RFC 7208 section 3.3). Returns the bytes, at
 * most `room`; SIZE_MAX: malformed. */
size_t kr_reply_txt(const struct kr_packet *p, const struct kr_record *rec, char *out, size_t room);

/* TLSA records in a reply (RFC 6698, RFC 7671, RFC 7672 section 3.1). */
enum kr_tlsa_set { KR_TLSA_SET_USABLE, KR_TLSA_SET_UNUSABLE };
enum kr_tlsa_set kr_reply_tlsa(const struct kr_packet *p, const struct kr_reply *r);

#endif

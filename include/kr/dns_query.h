/* Queries, written. */
#ifndef KR_DNS_QUERY_H
#define KR_DNS_QUERY_H

#include <kr/dns_name.h>

/* A query with one question and an OPT record (RFC 6891). */
#define KR_DNS_PAYLOAD 1232 /* bytes that fit into any path's packets (DNS flag day 2020) */
#define KR_DNS_QUERY_MAX (12 + KR_NAME_MAX + 4 + 11)
#define KR_ASK_AD 1u /* RFC 6840 section 5.7 */
#define KR_ASK_DO 2u /* RFC 4035 section 3.2.1 */
#define KR_ASK_CD 4u
#define KR_ASK_PLAIN 8u /* without OPT */
size_t kr_query_write(uint8_t out[static KR_DNS_QUERY_MAX], uint16_t id, const uint8_t *name,
                      uint16_t type, unsigned how);

#endif

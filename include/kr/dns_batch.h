/* Queries that leave by one socket together. */
#ifndef KR_DNS_BATCH_H
#define KR_DNS_BATCH_H

#include <kr/dns_query.h>

#include <stdbool.h>
#include <sys/socket.h>

#define KR_BATCH 64u /* what one message may be taken apart into (UDP_MAX_SEGMENTS of udp.h) */

struct kr_batch {
    struct mmsghdr m[KR_BATCH];
    struct iovec v[KR_BATCH]; /* the longest first */
    uint8_t b[KR_BATCH][KR_DNS_QUERY_MAX];
    union {
        struct cmsghdr head;
        uint8_t b[CMSG_SPACE(sizeof(uint16_t))];
    } segment[KR_BATCH]; /* where a message is taken apart */
    unsigned n;
    bool single; /* a message each: this socket's messages are not taken apart */
};
/* Mustn't: be called when it is full (n == KR_BATCH). */
void kr_batch_add(struct kr_batch *o, const uint8_t *b, size_t len);
/* Sends what is in it and empties it. What does not get out is lost, as on the wire. */
void kr_batch_send(struct kr_batch *o, int fd);

#endif

/* What the parts of the network side share. */
#ifndef KR_DNS_NET_INTERNAL_H
#define KR_DNS_NET_INTERNAL_H

#include <kr/dns_net.h>

#define KR_TCP_MOST 32u
#define KR_TCP_FIRST 1000u /* in epoll's data: TCP exchanges; below: UDP sockets */

struct tcp {
    int fd; /* -1: free */
    uint32_t slot;
    uint64_t deadline;
    uint8_t *in; /* the answer, once its length is known */
    size_t sent, out_len, got, need;
    uint8_t out[2 + KR_DNS_QUERY_MAX], head[2];
};
struct tcps {
    struct tcp v[KR_TCP_MOST];
    int epoll;
    uint64_t seen; /* deadlines were looked at */
};
void kr_tcps_begin(struct tcps *t, int epoll);
bool kr_tcps_start(struct tcps *t, const struct kr_dns_server *s, uint32_t slot, const uint8_t *b,
                   size_t len, uint64_t now);
void kr_tcps_event(struct tcps *t, uint32_t i, struct kr_ask *a, uint64_t now);
/* Ends those that take too long. */
void kr_tcps_look(struct tcps *t, struct kr_ask *a, uint64_t now);
void kr_tcps_end(struct tcps *t);

#endif

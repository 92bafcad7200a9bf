/* Conntrack entries of TCP flows by port: listing, deleting and looking one up (ctnetlink). */
#ifndef KR_CT_H
#define KR_CT_H

#include <kr/addr.h>

struct kr_err;
struct kr_nl;

struct kr_tuple {
    struct kr_addr src, dst;
    uint16_t sport, dport;
};
/* The two tuples are that of the first packet's direction and that of the answers as they arrive:
 * after NAT, reply.src is who really answers. */
struct kr_ct {
    struct kr_tuple orig, reply;
    uint32_t id;
    uint16_t zone, zone_orig, zone_reply; /* of both directions, or of one; 0: none */
    bool attempt;                         /* a SYN that nobody has answered yet */
};
struct kr_cts {
    struct kr_ct *v;
    size_t n, cap;
};

/* Adds every TCP entry of this namespace (both families, all zones) one of whose four ports is one
 * of `ports`. An interrupted dump is read again, at most 8 times. Returns 0, or -1: KR_CANNOT
 * without ctnetlink (CONFIG_NF_CT_NETLINK), unless conntrack holds no entry here, or without
 * CAP_NET_ADMIN; KR_UNKNOWN; `out` then holds nothing. */
int kr_cts_read(const uint16_t *ports, size_t n_ports, struct kr_cts *out, struct kr_err *e);
void kr_cts_free(struct kr_cts *s);
/* Deletes one, by original tuple, zone and id, so that never another one goes. `nl` is open on
 * NETLINK_NETFILTER. Returns 1, 0 (it had ended by itself), or -1 (KR_CANNOT, KR_UNKNOWN). */
int kr_ct_delete(struct kr_nl *nl, const struct kr_ct *ct, struct kr_err *e);

int kr_tuple_cmp(const struct kr_tuple *a, const struct kr_tuple *b);

/* The reply source of the conntrack entry of a TCP flow from:sport -> to:dport, as its original
 * tuple in no zone. Returns 1, 0 (no such entry: also when the flow is the answers' direction of
 * another) or -1. */
int kr_ct_reply_source(const struct kr_addr *from, uint16_t sport, const struct kr_addr *to,
                       uint16_t dport, struct kr_addr *source, uint16_t *port, struct kr_err *e);

#endif

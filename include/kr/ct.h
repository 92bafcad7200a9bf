/* Conntrack entries of TCP (ctnetlink), both tuples of each. */
#ifndef KR_CT_H
#define KR_CT_H

#include <kr/addr.h>

struct kr_err;
struct nf_conntrack;

struct kr_ct {
    /* original direction, then reply direction, as conntrack has them */
    struct kr_addr src, dst, reply_src, reply_dst;
    uint16_t sport, dport, reply_sport, reply_dport;
    struct nf_conntrack *entry; /* NULL unless kept */
};

/* Calls each for every TCP entry of both families; `keep` says whether its handle is kept (and then
 * freed by kr_cts_free). Returns 0; -1 (KR_UNKNOWN after a torn dump, KR_CANNOT without ctnetlink).
 */
struct kr_cts {
    struct kr_ct *v;
    size_t n, cap;
};
int kr_cts_read(bool (*keep)(const struct kr_ct *c, void *arg), void *arg, struct kr_cts *out,
                struct kr_err *e);
void kr_cts_free(struct kr_cts *c);
/* Deletes the entries; one that is gone already is fine. */
int kr_cts_delete(const struct kr_cts *c, struct kr_err *e);

#endif

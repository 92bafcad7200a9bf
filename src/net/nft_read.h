/* What the kernel holds of one table, as libnftnl objects. */
#ifndef KR_NFT_READ_H
#define KR_NFT_READ_H

#include "nft_elems.h"

#include <kr/nft_kernel.h>

#include <stddef.h>

struct kr_nl;
struct nftnl_chain;
struct nftnl_obj;
struct nlmsghdr;
struct nftnl_set;

struct kr_nft_read {
    bool exists;
    uint32_t flags; /* NFT_TABLE_F_* */
    uint32_t owner; /* netlink port, with NFT_TABLE_F_OWNER */
    struct nftnl_chain **chains;
    struct nftnl_set **sets;    /* without their elements */
    struct kr_nft_elems *elems; /* of each of sets */
    struct nftnl_obj **objs;
    struct nlmsghdr **rules; /* as they came: libnftnl leaves out what it does not know */
    size_t n_flowtables;
    char flowtable[64]; /* the first of them */
    size_t n_chains, n_sets, n_objs, n_rules, cap_chains, cap_sets, cap_objs, cap_rules;
};

/* Reads several tables so that the generation id did not move meanwhile; at most 20 tries. Returns
 * 0, or -1 (KR_UNKNOWN). */
int kr_nft_read_tables(const struct kr_nft_name *names, size_t n, struct kr_nft_read *out,
                       uint32_t *genid, struct kr_err *e);
int kr_nft_exists_by(struct kr_nl *nl, const struct kr_nft_name *t, bool *exists, struct kr_err *e);
void kr_nft_read_free(struct kr_nft_read *r);

#endif

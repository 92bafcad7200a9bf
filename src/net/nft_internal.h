/* How a ruleset is held. */
#ifndef KR_NFT_INTERNAL_H
#define KR_NFT_INTERNAL_H

#include "nft_set.h"

#include <kr/buf.h>
#include <kr/nft_kernel.h>
#include <kr/nft_rule.h>

#include <stdio.h> /* for libnftnl */

#include <libnftnl/expr.h>

enum { KR_NFT_MAX_EXPRS = 32 };
/* Younger than the headers of Debian 12: NFT_TABLE_F_OWNER is Linux 5.12 (6001a930ce03),
 * NFT_TABLE_F_PERSIST Linux 6.9 (da5141bbe0c2). */
enum { KR_NFT_F_OWNER = 2, KR_NFT_F_PERSIST = 4 };

struct kr_nft_rule {
    struct kr_nft_chain *chain;
    char *comment;      /* NULL: none */
    struct kr_buf text; /* with KR_NFT_ELEMENTS */
    struct nftnl_expr *v[KR_NFT_MAX_EXPRS];
    size_t n;
    struct kr_nft_set **sets; /* the anonymous ones it looks up in, in that order */
    size_t n_sets, cap_sets;
    bool has_tcp; /* a match has told; has_family: AF_INET, AF_INET6 or 0 */
    int has_family;
};
struct kr_nft_chain {
    struct kr_nft_table *table;
    char name[KR_NFT_NAME];
    bool base, put_off;
    struct kr_nft_hook hook;
    char device[16];
    struct kr_nft_rule **v;
    size_t n, cap;
};
struct kr_nft_table {
    struct kr_nft *ruleset;
    int family;
    char name[KR_NFT_NAME];
    struct kr_nft_counter {
        char name[KR_NFT_NAME];
        uint64_t packets, bytes; /* to begin with */
    } * counters;
    struct kr_nft_set **sets;
    struct kr_nft_chain **chains;
    size_t n_counters, cap_counters, n_sets, cap_sets, n_chains, cap_chains;
};
struct kr_nft {
    struct kr_nft_table **v;
    size_t n, cap;
    uint32_t sets;  /* ids given out */
    uint32_t owner; /* netlink port, or 0 */
};

#endif

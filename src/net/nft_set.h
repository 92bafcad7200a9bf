/* How a set is held. */
#ifndef KR_NFT_SET_H
#define KR_NFT_SET_H

#include "nft_elems.h"

#include <kr/buf.h>

#include <stdio.h> /* for libnftnl */

#include <libnftnl/set.h>

enum { KR_NFT_NAME = 64 };
/* In the text of a rule, where the elements of its next anonymous set belong. */
#define KR_NFT_ELEMENTS "\001"

struct kr_nft_set {
    struct kr_nft_table *table;
    char name[KR_NFT_NAME]; /* "__map%d" when anonymous */
    bool anonymous;
    uint32_t id;
    struct nftnl_set *nl; /* without its elements */
    struct kr_nft_elems elems;
    const char *type; /* text: "ipv4_addr . iface_index" */
    void (*say)(const struct kr_nft_set *s, const struct kr_nft_elem *x, struct kr_buf *out);
    struct kr_nft_ifname { /* of the devices in its keys, for the text */
        unsigned index;
        char name[16];
    } * names;
    size_t n_names, cap_names;
};

#endif

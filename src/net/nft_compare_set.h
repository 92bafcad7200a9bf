/* Sets, as built and as the kernel returns them. */
#ifndef KR_NFT_COMPARE_SET_H
#define KR_NFT_COMPARE_SET_H

struct nftnl_set;

/* NULL when they are equal, apart from their elements: flags, types, lengths, fields of the
 * concatenation. Otherwise what is different. */
const char *kr_nft_set_differs(const struct nftnl_set *want, const struct nftnl_set *got);

#endif

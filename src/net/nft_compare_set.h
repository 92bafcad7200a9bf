/* Sets and their elements, as built and as the kernel returns them. */
#ifndef KR_NFT_COMPARE_SET_H
#define KR_NFT_COMPARE_SET_H

struct nftnl_set;

/* NULL when they are equal: flags, types, lengths, fields of the concatenation, and the elements in
 * whatever order, each a key, its end and its data and nothing else. Otherwise what is different.
 */
const char *kr_nft_set_differs(struct nftnl_set *want, struct nftnl_set *got);

#endif

/* What the files that build rulesets share. */
#ifndef KR_NFT_MAKE_H
#define KR_NFT_MAKE_H

#include "nft_internal.h"

struct kr_nft_set *kr_nft_set_new(struct kr_nft_table *t, const char *name, bool anonymous);
/* Anonymous sets of one rule: numbers to consecutive addresses; plain numbers of key_len bytes. */
struct kr_nft_set *kr_nft_sink_map(struct kr_nft_rule *r, const struct kr_addr *first, uint32_t n);
struct kr_nft_set *kr_nft_number_set(struct kr_nft_rule *r, const void *keys, uint32_t key_len,
                                     size_t n);
void kr_nft_word(struct kr_nft_rule *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

/* What the files that build rulesets share. */
#ifndef KR_NFT_MAKE_H
#define KR_NFT_MAKE_H

#include "nft_internal.h"

/* Anonymous sets of one rule: numbers to consecutive addresses; protocol numbers. */
struct kr_nft_set *kr_nft_sink_map(struct kr_nft_rule *r, const struct kr_addr *first, uint32_t n);
struct kr_nft_set *kr_nft_proto_set(struct kr_nft_rule *r, const uint8_t *protos, size_t n);
void kr_nft_word(struct kr_nft_rule *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kr_nft_rule_text(const struct kr_nft_rule *r, struct kr_buf *out); /* without its comment */
/* Matches that others depend on, added unless an earlier term did. */
void kr_nft_need_tcp(struct kr_nft_rule *r);
void kr_nft_need_family(struct kr_nft_rule *r, int family);

#endif

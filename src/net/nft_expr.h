/* The expressions terms are made of, as the kernel's nf_tables.h has them. Each is appended. */
#ifndef KR_NFT_EXPR_H
#define KR_NFT_EXPR_H

#include "nft_make.h"

#include <stddef.h>
#include <stdint.h>

void kr_expr_meta(struct kr_nft_rule *r, uint32_t key, uint32_t reg);
void kr_expr_cmp(struct kr_nft_rule *r, uint32_t reg, uint32_t op, const void *data, uint32_t len);
void kr_expr_payload(struct kr_nft_rule *r, uint32_t base, uint32_t offset, uint32_t len,
                     uint32_t reg);
/* id 0: a named set. */
void kr_expr_lookup(struct kr_nft_rule *r, uint32_t reg, const char *set, uint32_t id,
                    uint32_t flags);
void kr_expr_lookup_map(struct kr_nft_rule *r, uint32_t reg, const char *map, uint32_t id,
                        uint32_t to);
void kr_expr_mask(struct kr_nft_rule *r, uint32_t reg, const void *mask, const void *flip,
                  uint32_t len);
void kr_expr_to_network(struct kr_nft_rule *r, uint32_t reg); /* 4 bytes, hton */
void kr_expr_fib(struct kr_nft_rule *r, uint32_t result, uint32_t reg);
void kr_expr_exthdr(struct kr_nft_rule *r, uint8_t header, uint32_t reg); /* present? */
void kr_expr_counter(struct kr_nft_rule *r, const char *name);
void kr_expr_verdict(struct kr_nft_rule *r, int verdict, const char *chain);
void kr_expr_reject_reset(struct kr_nft_rule *r);
void kr_expr_data(struct kr_nft_rule *r, uint32_t reg, const void *data, uint32_t len);
void kr_expr_jhash(struct kr_nft_rule *r, uint32_t from, uint32_t len, uint32_t mod, uint32_t seed,
                   uint32_t to);
void kr_expr_dnat(struct kr_nft_rule *r, uint32_t family, uint32_t addr, uint32_t port);
/* Moves what was appended since there were `from` expressions to the front, where nft(8) puts the
 * dependencies of extension headers and of reject. */
void kr_expr_to_front(struct kr_nft_rule *r, size_t from);

#endif

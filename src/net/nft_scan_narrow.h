/* What registers hold, and what a comparison of one proves. */
#ifndef KR_NFT_SCAN_NARROW_H
#define KR_NFT_SCAN_NARROW_H

#include "nft_scan_rule.h"

/* A register by its number in netlink: NFT_REG_1 ... NFT_REG_4, NFT_REG32_00 ...; NULL for others.
 */
struct kr_reg *kr_reg_at(struct kr_rule_walk *w, uint32_t number);
void kr_reg_forget(struct kr_rule_walk *w); /* all of them */
/* Puts v into it; what it overlaps is forgotten. */
void kr_reg_put(struct kr_rule_walk *w, uint32_t number, const struct kr_reg *v);
/* The constant in it as a number in network (16 bit) or host order (32 bit); -1: none, or other. */
int64_t kr_reg_port(struct kr_rule_walk *w, uint32_t number);
int64_t kr_reg_index(struct kr_rule_walk *w, uint32_t number);

/* Only packets whose register compares so with data come further; op: enum nft_cmp_ops. */
void kr_narrow(struct kr_rule_walk *w, const struct kr_reg *r, uint32_t op, const uint8_t *data,
               size_t len);

#endif

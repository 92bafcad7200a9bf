#include "nft_expr.h"

#include "nft_internal.h"

#include <kr/err.h>

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A rule longer than any of ours, or an expression libnftnl does not have, is a defect. */
static struct nftnl_expr *add(struct kr_nft_rule *r, const char *name)
{
    struct nftnl_expr *x = r->n < KR_NFT_MAX_EXPRS ? nftnl_expr_alloc(name) : NULL;
    if (!x)
        _exit(KR_INTERNAL);
    return r->v[r->n++] = x;
}

void kr_expr_meta(struct kr_nft_rule *r, uint32_t key, uint32_t reg)
{
    struct nftnl_expr *x = add(r, "meta");
    nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg);
}

void kr_expr_cmp(struct kr_nft_rule *r, uint32_t reg, uint32_t op, const void *data, uint32_t len)
{
    struct nftnl_expr *x = add(r, "cmp");
    nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, reg);
    nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, op);
    nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, data, len);
}

void kr_expr_payload(struct kr_nft_rule *r, uint32_t base, uint32_t offset, uint32_t len,
                     uint32_t reg)
{
    struct nftnl_expr *x = add(r, "payload");
    nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, reg);
    nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, len);
}

static struct nftnl_expr *lookup(struct kr_nft_rule *r, uint32_t reg, const char *set, uint32_t id)
{
    struct nftnl_expr *x = add(r, "lookup");
    nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, reg);
    nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set);
    if (id)
        nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SET_ID, id);
    return x;
}

void kr_expr_lookup(struct kr_nft_rule *r, uint32_t reg, const char *set, uint32_t id,
                    uint32_t flags)
{
    struct nftnl_expr *x = lookup(r, reg, set, id);
    if (flags)
        nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, flags);
}

void kr_expr_lookup_map(struct kr_nft_rule *r, uint32_t reg, const char *map, uint32_t id,
                        uint32_t to)
{
    nftnl_expr_set_u32(lookup(r, reg, map, id), NFTNL_EXPR_LOOKUP_DREG, to);
}

void kr_expr_mask(struct kr_nft_rule *r, uint32_t reg, const void *mask, const void *flip,
                  uint32_t len)
{
    struct nftnl_expr *x = add(r, "bitwise");
    nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, reg);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, reg);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, len);
    nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, len);
    nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, flip, len);
}

void kr_expr_to_network(struct kr_nft_rule *r, uint32_t reg)
{
    struct nftnl_expr *x = add(r, "byteorder");
    nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SREG, reg);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_DREG, reg);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_LEN, 4);
    nftnl_expr_set_u32(x, NFTNL_EXPR_BYTEORDER_SIZE, 4);
}

void kr_expr_fib(struct kr_nft_rule *r, uint32_t result, uint32_t reg)
{
    struct nftnl_expr *x = add(r, "fib");
    nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
    nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, result);
    nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, reg);
}

void kr_expr_exthdr(struct kr_nft_rule *r, uint8_t header, uint32_t reg)
{
    struct nftnl_expr *x = add(r, "exthdr");
    nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_DREG, reg);
    nftnl_expr_set_u8(x, NFTNL_EXPR_EXTHDR_TYPE, header);
    nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OFFSET, 0);
    nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_LEN, 1);
    nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6);
    nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
}

void kr_expr_counter(struct kr_nft_rule *r, const char *name)
{
    struct nftnl_expr *x = add(r, "objref");
    nftnl_expr_set_u32(x, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    nftnl_expr_set_str(x, NFTNL_EXPR_OBJREF_IMM_NAME, name);
}

void kr_expr_verdict(struct kr_nft_rule *r, int verdict, const char *chain)
{
    struct nftnl_expr *x = add(r, "immediate");
    nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
    if (chain)
        nftnl_expr_set_str(x, NFTNL_EXPR_IMM_CHAIN, chain);
}

void kr_expr_reject_reset(struct kr_nft_rule *r)
{
    struct nftnl_expr *x = add(r, "reject");
    nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
    nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, 0);
}

void kr_expr_data(struct kr_nft_rule *r, uint32_t reg, const void *data, uint32_t len)
{
    struct nftnl_expr *x = add(r, "immediate");
    nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, reg);
    nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, data, len);
}

void kr_expr_jhash(struct kr_nft_rule *r, uint32_t from, uint32_t len, uint32_t mod, uint32_t seed,
                   uint32_t to)
{
    struct nftnl_expr *x = add(r, "hash");
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SREG, from);
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_DREG, to);
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_LEN, len);
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_MODULUS, mod);
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_SEED, seed);
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_OFFSET, 0);
    nftnl_expr_set_u32(x, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
}

void kr_expr_dnat(struct kr_nft_rule *r, uint32_t family, uint32_t addr, uint32_t port)
{
    struct nftnl_expr *x = add(r, "nat");
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY, family);
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FLAGS,
                       NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED);
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, addr);
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MAX, addr);
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN, port);
    nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MAX, port);
}

/* Three reversals turn AB into BA. */
static void reverse(struct nftnl_expr **v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct nftnl_expr *x = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = x;
    }
}

void kr_expr_to_front(struct kr_nft_rule *r, size_t from)
{
    reverse(r->v, from);
    reverse(r->v + from, r->n - from);
    reverse(r->v, r->n);
}

/* What a rule does: count, decide, redirect. */
#include "nft_expr.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

enum { IP4_DADDR = 16, IP6_DADDR = 24 };

void kr_nft_count(struct kr_nft_rule *r, const char *counter)
{
    kr_expr_counter(r, counter);
    kr_nft_word(r, "counter name \"%s\"", counter);
}

void kr_nft_accept(struct kr_nft_rule *r)
{
    kr_expr_verdict(r, NF_ACCEPT, NULL);
    kr_nft_word(r, "accept");
}

void kr_nft_drop(struct kr_nft_rule *r)
{
    kr_expr_verdict(r, NF_DROP, NULL);
    kr_nft_word(r, "drop");
}

void kr_nft_return(struct kr_nft_rule *r)
{
    kr_expr_verdict(r, NFT_RETURN, NULL);
    kr_nft_word(r, "return");
}

void kr_nft_goto(struct kr_nft_rule *r, const char *chain)
{
    kr_expr_verdict(r, NFT_GOTO, chain);
    kr_nft_word(r, "goto %s", chain);
}

void kr_nft_reject(struct kr_nft_rule *r)
{
    size_t n = r->n;
    kr_nft_need_tcp(r);
    kr_expr_to_front(r, n);
    kr_expr_reject_reset(r);
    kr_nft_word(r, "reject with tcp reset");
}

/* Addresses in first..last, which hold at most 65,536 (kr_endpoint_parse). */
static uint32_t range_size(const struct kr_addr *first, const struct kr_addr *last)
{
    uint32_t a, b;
    memcpy(&a, first->b + 12, sizeof a);
    memcpy(&b, last->b + 12, sizeof b);
    return ntohl(b) - ntohl(a) + 1;
}

static void to_one(struct kr_nft_rule *r, const struct kr_addr *to, uint32_t size)
{
    char text[KR_ADDRSTRLEN];
    kr_expr_data(r, NFT_REG_1, to->b + 16 - size, size);
    kr_nft_word(r, size == 4 ? "dnat ip to %s" : "dnat ip6 to [%s]", kr_addr_str(to, text));
}

static void to_many(struct kr_nft_rule *r, const struct kr_addr *first, uint32_t n, uint32_t size,
                    uint32_t seed)
{
    bool v4 = size == 4;
    const char *ip = v4 ? "ip" : "ip6";
    kr_nft_need_family(r, v4 ? AF_INET : AF_INET6);
    struct kr_nft_set *map = kr_nft_sink_map(r, first, n);
    kr_nft_word(r, "dnat %s to jhash %s daddr mod %u seed 0x%x map { " KR_NFT_ELEMENTS " }", ip, ip,
                n, seed);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, v4 ? IP4_DADDR : IP6_DADDR, size, NFT_REG_2);
    kr_expr_jhash(r, NFT_REG_2, size, n, seed, NFT_REG_1);
    kr_expr_lookup_map(r, NFT_REG_1, map->name, map->id, NFT_REG_1);
}

/* The kernel applies a nat expression to packets of its own family only (nft_nat_inet_eval), so a
 * fixed address needs no match on the family, and nft(8) adds none. */
void kr_nft_dnat(struct kr_nft_rule *r, const struct kr_addr *first, const struct kr_addr *last,
                 uint16_t port, uint32_t seed)
{
    bool v4 = kr_addr_is_v4(first), one = kr_addr_cmp(first, last) == 0;
    uint32_t size = v4 ? 4 : 16;
    const uint16_t be = htons(port);
    if (one)
        to_one(r, first, size);
    else
        to_many(r, first, range_size(first, last), size, seed);
    kr_buf_printf(&r->text, ":%u", port);
    kr_expr_data(r, NFT_REG_2, &be, sizeof be);
    kr_expr_dnat(r, v4 ? NFPROTO_IPV4 : NFPROTO_IPV6, NFT_REG_1, NFT_REG_2);
}

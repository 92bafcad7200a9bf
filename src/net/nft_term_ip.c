/* Matches on what netfilter knows of a packet and on IP and TCP headers. Dependencies, registers
 * and their order are those nft(8) 1.0.6 emits (nft --debug=netlink). */
#include "nft_expr.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Offsets in the headers: RFC 791, RFC 8200, RFC 9293. */
enum { IP4_DADDR = 16, IP6_DADDR = 24, IP4_FRAG = 6, TCP_DPORT = 2 };

static void meta_is(struct kr_nft_rule *r, uint32_t key, enum kr_is is, const void *data,
                    uint32_t len)
{
    kr_expr_meta(r, key, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, is == KR_IS ? NFT_CMP_EQ : NFT_CMP_NEQ, data, len);
}

void kr_nft_need_tcp(struct kr_nft_rule *r)
{
    const uint8_t tcp = IPPROTO_TCP;
    if (!r->has_tcp)
        meta_is(r, NFT_META_L4PROTO, KR_IS, &tcp, sizeof tcp);
    r->has_tcp = true;
}

/* inet tables tell the families apart by nfproto, netdev tables by the link layer's protocol. */
void kr_nft_need_family(struct kr_nft_rule *r, int family)
{
    const uint8_t proto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
    const uint16_t type = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
    if (r->has_family == family)
        return;
    r->has_family = family;
    if (r->chain->table->family == NFPROTO_NETDEV)
        meta_is(r, NFT_META_PROTOCOL, KR_IS, &type, sizeof type);
    else
        meta_is(r, NFT_META_NFPROTO, KR_IS, &proto, sizeof proto);
}

/* An asterisk at the end would be a wildcard to nft(8). */
static void name_match(struct kr_nft_rule *r, const char *word, uint32_t key, enum kr_is is,
                       const char *name)
{
    char padded[IFNAMSIZ] = "";
    size_t n = strlen(name);
    bool star = n && name[n - 1] == '*';
    snprintf(padded, sizeof padded, "%s", name);
    meta_is(r, key, is, padded, sizeof padded);
    kr_nft_word(r, "%s %s\"%.*s%s\"", word, is == KR_IS ? "" : "!= ", (int)n - star, name,
                star ? "\\*" : "");
}

void kr_nft_oifname(struct kr_nft_rule *r, enum kr_is is, const char *name)
{
    name_match(r, "oifname", NFT_META_OIFNAME, is, name);
}

void kr_nft_iifname(struct kr_nft_rule *r, enum kr_is is, const char *name)
{
    name_match(r, "iifname", NFT_META_IIFNAME, is, name);
}

void kr_nft_family(struct kr_nft_rule *r, int family)
{
    kr_nft_need_family(r, family);
    kr_nft_word(r, "meta nfproto %s", family == AF_INET ? "ipv4" : "ipv6");
}

void kr_nft_dport(struct kr_nft_rule *r, enum kr_is is, const char *set)
{
    kr_nft_need_tcp(r);
    kr_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_DPORT, 2, NFT_REG_1);
    kr_expr_lookup(r, NFT_REG_1, set, 0, is == KR_IS ? 0 : NFT_LOOKUP_F_INV);
    kr_nft_word(r, "tcp dport %s@%s", is == KR_IS ? "" : "!= ", set);
}

void kr_nft_dport_one(struct kr_nft_rule *r, uint16_t port)
{
    const uint16_t be = htons(port);
    kr_nft_need_tcp(r);
    kr_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_DPORT, 2, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &be, sizeof be);
    kr_nft_word(r, "tcp dport %u", port);
}

void kr_nft_l4proto_tcp(struct kr_nft_rule *r, enum kr_is is)
{
    const uint8_t tcp = IPPROTO_TCP;
    meta_is(r, NFT_META_L4PROTO, is, &tcp, sizeof tcp);
    r->has_tcp |= is == KR_IS;
    kr_nft_word(r, "meta l4proto %stcp", is == KR_IS ? "" : "!= ");
}

/* A set of one is a plain comparison to nft(8). */
void kr_nft_l4proto_any(struct kr_nft_rule *r, const uint8_t *protos, size_t n)
{
    if (n == 1) {
        meta_is(r, NFT_META_L4PROTO, KR_IS, protos, 1);
        r->has_tcp |= protos[0] == IPPROTO_TCP;
        kr_nft_word(r, "meta l4proto %u", protos[0]);
        return;
    }
    struct kr_nft_set *s = kr_nft_proto_set(r, protos, n);
    kr_expr_meta(r, NFT_META_L4PROTO, NFT_REG_1);
    kr_expr_lookup(r, NFT_REG_1, s->name, s->id, 0);
    kr_nft_word(r, "meta l4proto { " KR_NFT_ELEMENTS " }");
}

/* Address and device are looked up as one key: the device goes into the register that begins where
 * the address ends. */
static uint32_t pair_address(struct kr_nft_rule *r, int family)
{
    bool v4 = family == AF_INET;
    kr_nft_need_family(r, family);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, v4 ? IP4_DADDR : IP6_DADDR, v4 ? 4 : 16,
                    NFT_REG_1);
    return v4 ? NFT_REG32_01 : NFT_REG_2;
}

static void pair_lookup(struct kr_nft_rule *r, uint32_t device, const char *set)
{
    kr_expr_to_network(r, device);
    kr_expr_lookup(r, NFT_REG_1, set, 0, 0);
}

void kr_nft_daddr_oif(struct kr_nft_rule *r, int family, const char *set)
{
    uint32_t device = pair_address(r, family);
    kr_expr_meta(r, NFT_META_OIF, device);
    pair_lookup(r, device, set);
    kr_nft_word(r, "%s daddr . oif @%s", family == AF_INET ? "ip" : "ip6", set);
}

void kr_nft_daddr_fib_oif(struct kr_nft_rule *r, int family, const char *set)
{
    uint32_t device = pair_address(r, family);
    kr_expr_fib(r, NFT_FIB_RESULT_OIF, device);
    pair_lookup(r, device, set);
    kr_nft_word(r, "%s daddr . fib daddr oif @%s", family == AF_INET ? "ip" : "ip6", set);
}

void kr_nft_fib_local(struct kr_nft_rule *r)
{
    const uint32_t local = RTN_LOCAL;
    kr_expr_fib(r, NFT_FIB_RESULT_ADDRTYPE, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &local, sizeof local);
    kr_nft_word(r, "fib daddr type local");
}

/* The length in bits of the prefix that is exactly first..last, or -1. */
static int exact_prefix(const struct kr_addr *first, const struct kr_addr *last)
{
    for (int len = kr_addr_is_v4(first) ? 96 : 0; len <= 128; len++) {
        struct kr_prefix p = kr_prefix_make(first, (uint8_t)len);
        struct kr_addr end = kr_prefix_last(&p);
        if (kr_addr_cmp(&p.addr, first) == 0 && kr_addr_cmp(&end, last) == 0)
            return kr_prefix_family_len(&p);
    }
    return -1;
}

/* Whole bytes are loaded short and compared; else the address is masked. */
static void match_prefix(struct kr_nft_rule *r, uint32_t at, const uint8_t *addr, uint32_t size,
                         uint32_t len)
{
    uint8_t mask[16] = {0};
    const uint8_t zero[16] = {0};
    bool bytes = len && len % 8 == 0;
    for (uint32_t i = 0; i < len; i++)
        mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, bytes ? len / 8 : size, NFT_REG_1);
    if (!bytes)
        kr_expr_mask(r, NFT_REG_1, mask, zero, size);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, addr, bytes ? len / 8 : size);
}

static void match_range(struct kr_nft_rule *r, uint32_t at, const uint8_t *first,
                        const uint8_t *last, uint32_t size)
{
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, size, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_GTE, first, size);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_LTE, last, size);
}

void kr_nft_daddr(struct kr_nft_rule *r, const struct kr_addr *first, const struct kr_addr *last)
{
    char a[KR_ADDRSTRLEN], b[KR_ADDRSTRLEN];
    bool v4 = kr_addr_is_v4(first);
    uint32_t size = v4 ? 4 : 16, at = v4 ? IP4_DADDR : IP6_DADDR;
    const uint8_t *from = first->b + 16 - size, *to = last->b + 16 - size;
    int len = exact_prefix(first, last);
    kr_nft_need_family(r, v4 ? AF_INET : AF_INET6);
    kr_nft_word(r, "%s daddr %s", v4 ? "ip" : "ip6", kr_addr_str(first, a));
    if (len < 0) {
        match_range(r, at, from, to, size);
        kr_buf_printf(&r->text, "-%s", kr_addr_str(last, b));
        return;
    }
    match_prefix(r, at, from, size, (uint32_t)len);
    if ((uint32_t)len < 8 * size)
        kr_buf_printf(&r->text, "/%d", len);
}

static void masked_is_not(struct kr_nft_rule *r, uint32_t at, const void *mask, const void *value,
                          uint32_t len)
{
    const uint8_t zero[4] = {0};
    kr_nft_need_family(r, AF_INET);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, len, NFT_REG_1);
    kr_expr_mask(r, NFT_REG_1, mask, zero, len);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_NEQ, value, len);
}

void kr_nft_ip_options(struct kr_nft_rule *r)
{
    const uint8_t mask = 0x0f, words = 5;
    masked_is_not(r, 0, &mask, &words, 1);
    kr_nft_word(r, "ip hdrlength != 5");
}

void kr_nft_tail_fragment(struct kr_nft_rule *r)
{
    const uint8_t mask[2] = {0x1f, 0xff}, zero[2] = {0};
    masked_is_not(r, IP4_FRAG, mask, zero, 2);
    kr_nft_word(r, "ip frag-off & 0x1fff != 0");
}

static void header_exists(struct kr_nft_rule *r, uint8_t header, const char *word)
{
    const uint8_t one = 1;
    size_t n = r->n;
    kr_nft_need_family(r, AF_INET6);
    kr_expr_to_front(r, n);
    kr_expr_exthdr(r, header, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &one, sizeof one);
    kr_nft_word(r, "exthdr %s exists", word);
}

void kr_nft_routing_header(struct kr_nft_rule *r)
{
    header_exists(r, IPPROTO_ROUTING, "rt");
}

void kr_nft_fragment6(struct kr_nft_rule *r)
{
    header_exists(r, IPPROTO_FRAGMENT, "frag");
}

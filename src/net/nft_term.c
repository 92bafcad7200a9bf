#include "nft_make.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nft_expr.h"

/* Offsets in the headers: RFC 791, RFC 8200, RFC 9293. */
enum { IP4_DADDR = 16, IP6_DADDR = 24, IP4_FRAG = 6, TCP_DPORT = 2 };
enum { RT_HEADER = 43, FRAG_HEADER = 44 };

void kr_nft_word(struct kr_nft_rule *r, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    kr_buf_printf(&r->text, "%s%s", r->text.len ? " " : "", text);
}

static void need_tcp(struct kr_nft_rule *r)
{
    const uint8_t tcp = IPPROTO_TCP;
    if (r->has_tcp)
        return;
    kr_expr_meta(r, NFT_META_L4PROTO, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &tcp, sizeof tcp);
    r->has_tcp = true;
}

/* inet tables tell the families apart by nfproto, netdev tables by the link layer's protocol. */
static void need_family(struct kr_nft_rule *r, int family)
{
    const uint8_t proto = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
    const uint16_t type = htons(family == AF_INET ? 0x0800 : 0x86dd);
    if (r->has_family == family)
        return;
    r->has_family = family;
    if (r->chain->table->family == NFPROTO_NETDEV) {
        kr_expr_meta(r, NFT_META_PROTOCOL, NFT_REG_1);
        kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &type, sizeof type);
    } else {
        kr_expr_meta(r, NFT_META_NFPROTO, NFT_REG_1);
        kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &proto, sizeof proto);
    }
}

void kr_nft_family(struct kr_nft_rule *r, int family)
{
    need_family(r, family);
    kr_nft_word(r, "meta nfproto %s", family == AF_INET ? "ipv4" : "ipv6");
}

static void name_match(struct kr_nft_rule *r, uint32_t key, enum kr_is is, const char *name)
{
    char padded[16] = "";
    snprintf(padded, sizeof padded, "%s", name);
    kr_expr_meta(r, key, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, is == KR_IS ? NFT_CMP_EQ : NFT_CMP_NEQ, padded, sizeof padded);
}

void kr_nft_oifname(struct kr_nft_rule *r, enum kr_is is, const char *name)
{
    name_match(r, NFT_META_OIFNAME, is, name);
    kr_nft_word(r, "oifname %s\"%s\"", is == KR_IS ? "" : "!= ", name);
}

void kr_nft_iifname(struct kr_nft_rule *r, enum kr_is is, const char *name)
{
    name_match(r, NFT_META_IIFNAME, is, name);
    kr_nft_word(r, "iifname %s\"%s\"", is == KR_IS ? "" : "!= ", name);
}

void kr_nft_dport(struct kr_nft_rule *r, enum kr_is is, const char *set)
{
    need_tcp(r);
    kr_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_DPORT, 2, NFT_REG_1);
    kr_expr_lookup(r, NFT_REG_1, set, 0, is == KR_IS ? 0 : NFT_LOOKUP_F_INV);
    kr_nft_word(r, "tcp dport %s@%s", is == KR_IS ? "" : "!= ", set);
}

void kr_nft_dport_one(struct kr_nft_rule *r, uint16_t port)
{
    const uint16_t be = htons(port);
    need_tcp(r);
    kr_expr_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_DPORT, 2, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &be, sizeof be);
    kr_nft_word(r, "tcp dport %u", port);
}

void kr_nft_l4proto_tcp(struct kr_nft_rule *r, enum kr_is is)
{
    const uint8_t tcp = IPPROTO_TCP;
    kr_expr_meta(r, NFT_META_L4PROTO, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, is == KR_IS ? NFT_CMP_EQ : NFT_CMP_NEQ, &tcp, sizeof tcp);
    r->has_tcp = is == KR_IS;
    kr_nft_word(r, "meta l4proto %stcp", is == KR_IS ? "" : "!= ");
}

void kr_nft_l4proto_any(struct kr_nft_rule *r, const uint8_t *protos, size_t n)
{
    struct kr_nft_set *s = kr_nft_number_set(r, protos, 1, n);
    kr_expr_meta(r, NFT_META_L4PROTO, NFT_REG_1);
    kr_expr_lookup(r, NFT_REG_1, s->name, s->id, 0);
    kr_nft_word(r, "meta l4proto {");
    for (size_t i = 0; i < n; i++)
        kr_nft_word(r, "%u%s", protos[i], i + 1 < n ? "," : " }");
}

/* Address and device are looked up together, the device in network order as nft keeps it in sets of
 * intervals. The second register begins where the first key ends. */
static uint32_t pair_begin(struct kr_nft_rule *r, int family)
{
    bool v4 = family == AF_INET;
    need_family(r, family);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, v4 ? IP4_DADDR : IP6_DADDR, v4 ? 4 : 16,
                    NFT_REG_1);
    return v4 ? NFT_REG32_01 : NFT_REG_2;
}

static void pair_end(struct kr_nft_rule *r, uint32_t reg, const char *set)
{
    kr_expr_to_network(r, reg);
    kr_expr_lookup(r, NFT_REG_1, set, 0, 0);
}

void kr_nft_daddr_oif(struct kr_nft_rule *r, int family, const char *set)
{
    uint32_t reg = pair_begin(r, family);
    kr_expr_meta(r, NFT_META_OIF, reg);
    pair_end(r, reg, set);
    kr_nft_word(r, "%s daddr . oif @%s", family == AF_INET ? "ip" : "ip6", set);
}

void kr_nft_daddr_fib_oif(struct kr_nft_rule *r, int family, const char *set)
{
    uint32_t reg = pair_begin(r, family);
    kr_expr_fib(r, NFT_FIB_RESULT_OIF, reg);
    pair_end(r, reg, set);
    kr_nft_word(r, "%s daddr . fib daddr oif @%s", family == AF_INET ? "ip" : "ip6", set);
}

void kr_nft_fib_local(struct kr_nft_rule *r)
{
    const uint32_t local = RTN_LOCAL;
    kr_expr_fib(r, NFT_FIB_RESULT_ADDRTYPE, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &local, sizeof local);
    kr_nft_word(r, "fib daddr type local");
}

/* The length of the prefix that is exactly first..last, or -1. */
static int common_prefix(const struct kr_addr *first, const struct kr_addr *last)
{
    for (int len = 128; len >= 0; len--) {
        struct kr_prefix p = kr_prefix_make(first, (uint8_t)len);
        struct kr_addr end = kr_prefix_last(&p);
        if (kr_addr_cmp(&end, last) == 0)
            return kr_addr_cmp(&p.addr, first) == 0 ? len : -1;
        if (kr_addr_cmp(&end, last) > 0)
            return -1;
    }
    return -1;
}

static void match_prefix(struct kr_nft_rule *r, uint32_t at, const uint8_t *addr, uint32_t size,
                         uint32_t len)
{
    uint8_t mask[16] = {0}, zero[16] = {0};
    if (len % 8 == 0) {
        kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, len / 8, NFT_REG_1);
        kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, addr, len / 8);
        return;
    }
    for (uint32_t i = 0; i < len; i++)
        mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, size, NFT_REG_1);
    kr_expr_mask(r, NFT_REG_1, mask, zero, size);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, addr, size);
}

void kr_nft_daddr(struct kr_nft_rule *r, const struct kr_addr *first, const struct kr_addr *last)
{
    char a[KR_ADDRSTRLEN], b[KR_ADDRSTRLEN];
    bool v4 = kr_addr_is_v4(first);
    uint32_t size = v4 ? 4 : 16, at = v4 ? IP4_DADDR : IP6_DADDR;
    int len = common_prefix(first, last) - (v4 ? 96 : 0);
    const char *ip = v4 ? "ip" : "ip6";
    need_family(r, v4 ? AF_INET : AF_INET6);
    if (len > 0) {
        match_prefix(r, at, first->b + 16 - size, size, (uint32_t)len);
        if ((uint32_t)len == 8 * size)
            kr_nft_word(r, "%s daddr %s", ip, kr_addr_str(first, a));
        else
            kr_nft_word(r, "%s daddr %s/%d", ip, kr_addr_str(first, a), len);
        return;
    }
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, at, size, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_GTE, first->b + 16 - size, size);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_LTE, last->b + 16 - size, size);
    kr_nft_word(r, "%s daddr %s-%s", ip, kr_addr_str(first, a), kr_addr_str(last, b));
}

void kr_nft_ip_options(struct kr_nft_rule *r)
{
    const uint8_t mask = 0x0f, zero = 0, words = 5;
    need_family(r, AF_INET);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, 0, 1, NFT_REG_1);
    kr_expr_mask(r, NFT_REG_1, &mask, &zero, 1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_NEQ, &words, 1);
    kr_nft_word(r, "ip hdrlength != 5");
}

static void header_exists(struct kr_nft_rule *r, uint8_t header, const char *word)
{
    const uint8_t one = 1;
    if (r->has_family != AF_INET6) {
        kr_expr_first(r, need_family, AF_INET6);
    }
    kr_expr_exthdr(r, header, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &one, 1);
    kr_nft_word(r, "exthdr %s exists", word);
}

void kr_nft_routing_header(struct kr_nft_rule *r)
{
    header_exists(r, RT_HEADER, "rt");
}

void kr_nft_fragment6(struct kr_nft_rule *r)
{
    header_exists(r, FRAG_HEADER, "frag");
}

void kr_nft_tail_fragment(struct kr_nft_rule *r)
{
    const uint8_t mask[2] = {0x1f, 0xff}, zero[2] = {0};
    need_family(r, AF_INET);
    kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, IP4_FRAG, 2, NFT_REG_1);
    kr_expr_mask(r, NFT_REG_1, mask, zero, sizeof mask);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_NEQ, zero, sizeof zero);
    kr_nft_word(r, "ip frag-off & 0x1fff != 0");
}

void kr_nft_protocol(struct kr_nft_rule *r, uint16_t ethertype)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {{0x0800, "ip"}, {0x86dd, "ip6"}, {0x0806, "arp"}};
    const uint16_t be = htons(ethertype);
    kr_expr_meta(r, NFT_META_PROTOCOL, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &be, sizeof be);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == ethertype)
            kr_nft_word(r, "meta protocol %s", names[i].name);
}

void kr_nft_ethertype(struct kr_nft_rule *r, unsigned offset, uint16_t type)
{
    const uint16_t be = htons(type);
    kr_expr_payload(r, NFT_PAYLOAD_LL_HEADER, offset, 2, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &be, sizeof be);
    kr_nft_word(r, "@ll,%u,16 0x%04x", 8 * offset, type);
}

void kr_nft_ethertype_length(struct kr_nft_rule *r)
{
    const uint16_t least = htons(0x0600);
    kr_expr_payload(r, NFT_PAYLOAD_LL_HEADER, 12, 2, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_LT, &least, sizeof least);
    kr_nft_word(r, "@ll,96,16 < 0x0600");
}

void kr_nft_snap(struct kr_nft_rule *r, const uint8_t b[static 6])
{
    kr_expr_payload(r, NFT_PAYLOAD_LL_HEADER, 14, 6, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, b, 6);
    kr_nft_word(r, "@ll,112,48 0x%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

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
    kr_expr_reject_reset(r);
    kr_nft_word(r, "reject with tcp reset");
}

/* How many addresses first..last holds; their upper 12 bytes are equal. */
static uint32_t range_size(const struct kr_addr *first, const struct kr_addr *last)
{
    uint32_t a, b;
    memcpy(&a, first->b + 12, 4);
    memcpy(&b, last->b + 12, 4);
    return ntohl(b) - ntohl(a) + 1;
}

void kr_nft_dnat(struct kr_nft_rule *r, const struct kr_addr *first, const struct kr_addr *last,
                 uint16_t port, uint32_t seed)
{
    bool v4 = kr_addr_is_v4(first);
    int family = v4 ? AF_INET : AF_INET6;
    uint32_t size = v4 ? 4 : 16, n = range_size(first, last);
    const uint16_t be = htons(port);
    const char *ip = v4 ? "ip" : "ip6";
    char a[KR_ADDRSTRLEN];
    need_family(r, family);
    if (n == 1) {
        kr_expr_data(r, NFT_REG_1, first->b + 16 - size, size);
        kr_nft_word(r, v4 ? "dnat ip to %s:%u" : "dnat ip6 to [%s]:%u", kr_addr_str(first, a),
                    port);
    } else {
        struct kr_nft_set *map = kr_nft_sink_map(r, first, n);
        kr_expr_payload(r, NFT_PAYLOAD_NETWORK_HEADER, v4 ? IP4_DADDR : IP6_DADDR, size, NFT_REG_2);
        kr_expr_jhash(r, NFT_REG_2, size, n, seed, NFT_REG_1);
        kr_expr_lookup_map(r, NFT_REG_1, map->name, map->id, NFT_REG_1);
        kr_nft_word(r, "dnat %s to jhash %s daddr mod %u seed 0x%x map { ", ip, ip, n, seed);
        kr_buf_printf(&r->text, "%s }:%u", kr_buf_str(&map->elements), port);
    }
    kr_expr_data(r, NFT_REG_2, &be, sizeof be);
    kr_expr_dnat(r, v4 ? NFPROTO_IPV4 : NFPROTO_IPV6, NFT_REG_1, NFT_REG_2);
}

/* Matches on the link layer. */
#include "nft_expr.h"

#include <linux/if_ether.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>

enum { TYPE_AT = 12 }; /* the ethertype in a frame */

void kr_nft_protocol(struct kr_nft_rule *r, uint16_t ethertype)
{
    static const struct {
        uint16_t type;
        int family;
        const char *name;
    } names[] = {{ETH_P_IP, AF_INET, "ip"}, {ETH_P_IPV6, AF_INET6, "ip6"}, {ETH_P_ARP, 0, "arp"}};
    const uint16_t be = htons(ethertype);
    char text[16];
    snprintf(text, sizeof text, "0x%04x", ethertype);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == ethertype) {
            r->has_family = names[i].family;
            snprintf(text, sizeof text, "%s", names[i].name);
        }
    kr_expr_meta(r, NFT_META_PROTOCOL, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &be, sizeof be);
    kr_nft_word(r, "meta protocol %s", text);
}

static void raw_is(struct kr_nft_rule *r, unsigned from, const uint8_t *data, unsigned len)
{
    kr_expr_payload(r, NFT_PAYLOAD_LL_HEADER, from, len, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, data, len);
    kr_nft_word(r, "@ll,%u,%u 0x", 8 * from, 8 * len);
    for (unsigned i = 0; i < len; i++)
        kr_buf_printf(&r->text, "%02x", data[i]);
}

void kr_nft_ethertype(struct kr_nft_rule *r, unsigned offset, uint16_t type)
{
    const uint8_t be[2] = {(uint8_t)(type >> 8), (uint8_t)type};
    raw_is(r, offset, be, sizeof be);
}

void kr_nft_snap(struct kr_nft_rule *r, const uint8_t bytes[static 6])
{
    raw_is(r, TYPE_AT + 2, bytes, 6);
}

void kr_nft_ethertype_length(struct kr_nft_rule *r)
{
    const uint16_t least = htons(ETH_P_802_3_MIN);
    kr_expr_payload(r, NFT_PAYLOAD_LL_HEADER, TYPE_AT, 2, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_LT, &least, sizeof least);
    kr_nft_word(r, "@ll,96,16 < 0x0600");
}

void kr_nft_dsap(struct kr_nft_rule *r, uint8_t sap)
{
    kr_expr_payload(r, NFT_PAYLOAD_LL_HEADER, 14, 1, NFT_REG_1);
    kr_expr_cmp(r, NFT_REG_1, NFT_CMP_EQ, &sap, 1);
    kr_nft_word(r, "@ll,112,8 0x%02x", sap);
}

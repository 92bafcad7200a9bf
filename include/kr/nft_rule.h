/* The terms a rule is made of. Each adds its text and its expressions, in the order nft(8) 1.0.6
 * would emit them, with the dependencies nft adds (meta l4proto, nfproto or protocol). */
#ifndef KR_NFT_RULE_H
#define KR_NFT_RULE_H

#include <kr/nft.h>

struct kr_nft_rule;
enum kr_is { KR_IS, KR_IS_NOT };

/* Appended. A comment may be NULL; at most 127 bytes of it are kept. */
struct kr_nft_rule *kr_nft_rule(struct kr_nft_chain *c, const char *comment);

void kr_nft_family(struct kr_nft_rule *r, int family); /* meta nfproto; inet tables, first term */
void kr_nft_oifname(struct kr_nft_rule *r, enum kr_is is, const char *name);
void kr_nft_iifname(struct kr_nft_rule *r, enum kr_is is, const char *name);
void kr_nft_dport(struct kr_nft_rule *r, enum kr_is is, const char *set); /* tcp dport [!=] @set */
void kr_nft_dport_one(struct kr_nft_rule *r, uint16_t port);              /* tcp dport N */
void kr_nft_l4proto_tcp(struct kr_nft_rule *r, enum kr_is is);
void kr_nft_l4proto_any(struct kr_nft_rule *r, const uint8_t *protos, size_t n); /* in { … } */
void kr_nft_daddr_oif(struct kr_nft_rule *r, int family, const char *set);     /* ip daddr . oif */
void kr_nft_daddr_fib_oif(struct kr_nft_rule *r, int family, const char *set); /* . fib daddr oif */
void kr_nft_fib_local(struct kr_nft_rule *r); /* fib daddr type local */
/* ip daddr FIRST-LAST; a prefix when the range is one, an address when it is one. */
void kr_nft_daddr(struct kr_nft_rule *r, const struct kr_addr *first, const struct kr_addr *last);
void kr_nft_ip_options(struct kr_nft_rule *r);                   /* ip hdrlength != 5 */
void kr_nft_routing_header(struct kr_nft_rule *r);               /* exthdr rt exists */
void kr_nft_tail_fragment(struct kr_nft_rule *r);                /* ip frag-off & 0x1fff != 0 */
void kr_nft_fragment6(struct kr_nft_rule *r);                    /* exthdr frag exists */
void kr_nft_protocol(struct kr_nft_rule *r, uint16_t ethertype); /* meta protocol: skb->protocol */
/* Raw bytes of the Ethernet header; `ether type` would add `meta iiftype`, which never matches in
 * egress. Two in one rule must not touch: nft(8) would make one match of them. */
void kr_nft_ethertype(struct kr_nft_rule *r, unsigned offset, uint16_t type); /* @ll,8*offset,16 */
void kr_nft_ethertype_length(struct kr_nft_rule *r); /* @ll,96,16 < 0x0600: an 802.3 length */
void kr_nft_snap(struct kr_nft_rule *r, const uint8_t bytes[static 6]); /* @ll,112,48 0x… */
void kr_nft_dsap(struct kr_nft_rule *r, uint8_t sap); /* @ll,112,8 0x…: 802.2 destination SAP */

void kr_nft_count(struct kr_nft_rule *r, const char *counter);
void kr_nft_accept(struct kr_nft_rule *r);
void kr_nft_drop(struct kr_nft_rule *r);
void kr_nft_return(struct kr_nft_rule *r);
void kr_nft_goto(struct kr_nft_rule *r, const char *chain);
void kr_nft_reject(struct kr_nft_rule *r); /* reject with tcp reset */
/* dnat to first..last, port. One address: plain `dnat ip to A:P`; more (at most 65,536): an
 * anonymous map chosen by `jhash ip daddr mod N seed SEED`, so that a destination always meets the
 * same one. */
void kr_nft_dnat(struct kr_nft_rule *r, const struct kr_addr *first, const struct kr_addr *last,
                 uint16_t port, uint32_t seed);

#endif

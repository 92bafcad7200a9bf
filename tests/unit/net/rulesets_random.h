/* Rulesets drawn by chance from the terms, within what nft(8) accepts: one family a rule, raw bytes
 * in netdev tables only, devices of the past not where there are none. */
#ifndef KR_TEST_RULESETS_RANDOM_H
#define KR_TEST_RULESETS_RANDOM_H

#include "rulesets.h"

struct draw {
    uint64_t state;
    int family;
    bool inet, other; /* other: the rule has named other protocols than TCP */
};

/* xorshift64* (Vigna 2016): the same sequence everywhere. */
static inline uint32_t draw(struct draw *d, uint32_t below)
{
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return (uint32_t)((d->state * 2685821657736338717ull) >> 33) % below;
}

static inline void draw_daddr(struct draw *d, struct kr_nft_rule *r)
{
    struct kr_addr a = addr(d->family == AF_INET ? "10.0.0.0" : "2001:db8::"), b;
    for (unsigned i = 1; i < 5; i++)
        a.b[16 - i] = (uint8_t)draw(d, 256);
    b = a;
    if (draw(d, 2)) {
        unsigned from = d->family == AF_INET ? 96 : 0;
        struct kr_prefix p = kr_prefix_make(&a, (uint8_t)(from + draw(d, 129 - from)));
        a = p.addr;
        b = kr_prefix_last(&p);
    } else if (draw(d, 2)) {
        b.b[15] |= (uint8_t)draw(d, 256);
    }
    kr_nft_daddr(r, &a, &b);
}

static inline void draw_protos(struct draw *d, struct kr_nft_rule *r)
{
    uint8_t protos[5];
    uint32_t n = 1 + draw(d, 5);
    for (uint32_t i = 0; i < n; i++)
        protos[i] = (uint8_t)(20 + 40 * i + draw(d, 40));
    kr_nft_l4proto_any(r, protos, n);
}

static inline void draw_ip_term(struct draw *d, struct kr_nft_rule *r, uint32_t which)
{
    static const char *const names[] = {"lo", "eth0", "abcdefghijklmno", "a-b.c_d"};
    bool v4 = d->family == AF_INET;
    enum kr_is is = draw(d, 2) ? KR_IS : KR_IS_NOT;
    switch (which) {
    case 0:
        kr_nft_oifname(r, is, names[draw(d, LENGTH(names))]);
        return;
    case 1:
        kr_nft_iifname(r, is, names[draw(d, LENGTH(names))]);
        return;
    case 2:
        kr_nft_dport(r, is, "guard_ports");
        return;
    case 3:
        kr_nft_dport_one(r, (uint16_t)draw(d, 65536));
        return;
    case 4:
        draw_protos(d, r);
        return;
    case 5:
        kr_nft_daddr_oif(r, d->family, v4 ? "lan4" : "lan6");
        return;
    case 6:
        draw_daddr(d, r);
        return;
    case 7:
        (v4 ? kr_nft_ip_options : kr_nft_routing_header)(r);
        return;
    default:
        (v4 ? kr_nft_tail_fragment : kr_nft_fragment6)(r);
    }
}

static inline void draw_frame_terms(struct draw *d, struct kr_nft_rule *r)
{
    const uint8_t snap[6] = {0xaa, 0xaa, 3, 0, 0, (uint8_t)draw(d, 256)};
    if (draw(d, 2)) {
        kr_nft_ethertype(r, 12, (uint16_t)draw(d, 65536));
        if (draw(d, 2))
            kr_nft_ethertype(r, 16, (uint16_t)draw(d, 65536));
        return;
    }
    kr_nft_ethertype_length(r);
    if (draw(d, 2))
        kr_nft_snap(r, snap);
}

static inline void draw_inet_term(struct draw *d, struct kr_nft_rule *r, bool nat)
{
    if (draw(d, 2))
        kr_nft_fib_local(r);
    else if (nat)
        kr_nft_daddr_fib_oif(r, d->family, d->family == AF_INET ? "lan4" : "lan6");
}

/* To nft(8) a rule that names other protocols can't speak of TCP as well. */
static inline bool not_tcp(uint32_t used)
{
    return used & 1u << 4;
}

static inline void draw_action(struct draw *d, struct kr_nft_rule *r, bool nat)
{
    static void (*const ends[])(struct kr_nft_rule *) = {kr_nft_accept, kr_nft_drop, kr_nft_return,
                                                         kr_nft_reject};
    uint32_t which = draw(d, 4);
    if (draw(d, 2))
        kr_nft_count(r, "exempt_lan");
    if (nat && draw(d, 3)) {
        struct kr_addr a = addr(d->family == AF_INET ? "198.18.25.1" : "2001:2:0:25::1"), b = a;
        b.b[15] = (uint8_t)(b.b[15] + draw(d, 2) * draw(d, 40));
        kr_nft_dnat(r, &a, &b, (uint16_t)(1 + draw(d, 65535)), draw(d, 1u << 31));
        return;
    }
    if (!nat && draw(d, 6) == 0)
        kr_nft_goto(r, "other");
    else
        ends[which == 3 && (!d->inet || nat || d->other) ? 0 : which](r);
}

static inline void draw_rule(struct draw *d, struct kr_nft_chain *c, bool nat)
{
    char comment[32];
    snprintf(comment, sizeof comment, "%.*s", (int)(1 + draw(d, 26)), "abcdefgh ijklmnop,qrst{uv");
    struct kr_nft_rule *r = kr_nft_rule(c, comment);
    d->family = draw(d, 2) ? AF_INET : AF_INET6;
    d->other = false;
    if (d->inet && draw(d, 4) == 0)
        kr_nft_family(r, d->family);
    if (!d->inet && draw(d, 2))
        kr_nft_protocol(r, d->family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
    if (nat)
        kr_nft_dport(r, KR_IS, "redirect_ports");
    for (uint32_t n = draw(d, 4), used = 0; n; n--) {
        uint32_t which = draw(d, 9);
        if (!(used & 1u << which) && !(nat && which >= 2 && which <= 4) &&
            !(which == 4 ? used & 3u << 2 : not_tcp(used) && (which == 2 || which == 3))) {
            draw_ip_term(d, r, which);
            used |= 1u << which;
        }
        d->other = not_tcp(used);
    }
    if (!d->inet && draw(d, 2))
        draw_frame_terms(d, r);
    if (d->inet && draw(d, 4) == 0)
        draw_inet_term(d, r, nat);
    draw_action(d, r, nat);
}

static inline struct kr_nft *random_ruleset(unsigned long seed)
{
    struct draw d = {.state = 88172645463325252ull ^ seed * 0x9e3779b97f4a7c15ull};
    struct kr_nft *r = kr_nft_new();
    for (int side = 0; side < 2; side++) {
        d.inet = side == 0;
        struct kr_nft_table *t = table(r, d.inet ? NFPROTO_INET : NFPROTO_NETDEV);
        struct kr_nft_chain *other = kr_nft_chain(t, "other");
        struct kr_nft_chain *c =
            d.inet ? base(t, "out", "filter", NF_INET_LOCAL_OUT, 300) : egress(t, "out", "eth0");
        kr_nft_drop(kr_nft_rule(other, "end"));
        for (unsigned i = 0; i < 12; i++)
            draw_rule(&d, c, false);
        if (!d.inet)
            break;
        c = base(t, "pre", "nat", NF_INET_PRE_ROUTING, -199);
        for (unsigned i = 0; i < 12; i++)
            draw_rule(&d, c, true);
    }
    return r;
}

#endif

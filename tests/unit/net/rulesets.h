/* Rulesets for the tests of nft: what the tool makes, and what chance makes of its terms. */
#ifndef KR_TEST_RULESETS_H
#define KR_TEST_RULESETS_H

#include <kr/nft_rule.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "kumo_redirect"
#define SEED 0x6b756d6fu
#define LENGTH(a) (sizeof(a) / sizeof *(a))

static inline struct kr_addr addr(const char *text)
{
    struct kr_addr a = {{0}};
    if (kr_addr_parse(text, &a, NULL))
        abort();
    return a;
}

static inline void lan_add(struct kr_nft_set *s, const char *text, const char *device)
{
    struct kr_prefix p;
    if (kr_prefix_parse(text, &p, NULL))
        abort();
    kr_nft_lan_add(s, &p, if_nametoindex(device), device);
}

static inline void daddr(struct kr_nft_rule *r, const char *first, const char *last)
{
    struct kr_addr a = addr(first), b = addr(last);
    kr_nft_daddr(r, &a, &b);
}

static inline void dnat(struct kr_nft_rule *r, const char *first, const char *last)
{
    struct kr_addr a = addr(first), b = addr(last);
    kr_nft_dnat(r, &a, &b, 2026, SEED);
}

static inline struct kr_nft_chain *base(struct kr_nft_table *t, const char *name, const char *type,
                                        unsigned hook, int priority)
{
    const struct kr_nft_hook h = {.type = type, .hook = hook, .priority = priority};
    return kr_nft_base_chain(t, name, &h);
}

static inline struct kr_nft_chain *egress(struct kr_nft_table *t, const char *name,
                                          const char *device)
{
    const struct kr_nft_hook h = {.type = "filter",
                                  .hook = NF_NETDEV_EGRESS,
                                  .priority = INT32_MAX,
                                  .drop = true,
                                  .device = device};
    return kr_nft_base_chain(t, name, &h);
}

static inline struct kr_nft_table *table(struct kr_nft *r, int family)
{
    static const char *const counters[] = {"redirected_v4", "redirected_v6", "exempt_lan",
                                           "blocked_output"};
    struct kr_nft_table *t = kr_nft_table(r, family, TABLE);
    for (size_t i = 0; i < LENGTH(counters); i++)
        kr_nft_counter(t, counters[i]);
    struct kr_nft_set *s = kr_nft_port_set(t, "redirect_ports");
    kr_nft_port_add(s, 25);
    s = kr_nft_port_set(t, "guard_ports");
    kr_nft_port_add(s, 25);
    kr_nft_port_add(s, 587);
    kr_nft_port_add(s, 65535);
    kr_nft_port_set(t, "no_ports");
    s = kr_nft_lan_set(t, "lan4", AF_INET);
    lan_add(s, "192.168.1.0/24", "eth0");
    lan_add(s, "10.0.0.0/9", "eth1");
    lan_add(s, "172.16.0.1/32", "eth1");
    s = kr_nft_lan_set(t, "lan6", AF_INET6);
    lan_add(s, "fd00:25::/64", "eth0");
    lan_add(s, "fe80::/64", "eth0");
    lan_add(s, "fd00:26::1/128", "eth1");
    kr_nft_lan_set(t, "no_lan", AF_INET);
    return t;
}

static inline void canonical_nat(struct kr_nft_table *t)
{
    struct kr_nft_chain *c = base(t, "redirect_output", "nat", NF_INET_LOCAL_OUT, -199);
    struct kr_nft_rule *r = kr_nft_rule(c, "loopback and own addresses stay local");
    kr_nft_oifname(r, KR_IS, "lo");
    kr_nft_return(r);
    r = kr_nft_rule(c, "LAN");
    kr_nft_daddr_oif(r, AF_INET, "lan4");
    kr_nft_return(r);
    r = kr_nft_rule(c, "LAN");
    kr_nft_daddr_oif(r, AF_INET6, "lan6");
    kr_nft_return(r);
    r = kr_nft_rule(c, "a map");
    kr_nft_dport(r, KR_IS, "redirect_ports");
    kr_nft_count(r, "redirected_v4");
    dnat(r, "198.18.25.1", "198.18.25.3");
    r = kr_nft_rule(c, "a map");
    kr_nft_family(r, AF_INET6);
    kr_nft_dport(r, KR_IS, "redirect_ports");
    kr_nft_count(r, "redirected_v6");
    dnat(r, "2001:2:0:25::1", "2001:2:0:25::3");

    c = base(t, "redirect_forward", "nat", NF_INET_PRE_ROUTING, -199);
    r = kr_nft_rule(c, "own addresses");
    kr_nft_fib_local(r);
    kr_nft_return(r);
    r = kr_nft_rule(c, "LAN");
    kr_nft_daddr_fib_oif(r, AF_INET, "lan4");
    kr_nft_return(r);
    r = kr_nft_rule(c, "LAN");
    kr_nft_daddr_fib_oif(r, AF_INET6, "lan6");
    kr_nft_return(r);
    r = kr_nft_rule(c, "one address");
    kr_nft_dport(r, KR_IS, "redirect_ports");
    dnat(r, "192.168.1.9", "192.168.1.9");
    r = kr_nft_rule(c, "one address");
    kr_nft_dport(r, KR_IS, "redirect_ports");
    dnat(r, "fd00:25::9", "fd00:25::9");
}

static inline void canonical_guards(struct kr_nft_table *t)
{
    struct kr_nft_chain *c = base(t, "guard_prerouting", "filter", NF_INET_PRE_ROUTING, -300);
    static const char *const ranges[][2] = {{"198.18.25.0", "198.18.25.255"},
                                            {"198.18.24.0", "198.18.25.255"},
                                            {"198.18.25.1", "198.18.25.1"},
                                            {"198.18.25.1", "198.18.25.3"},
                                            {"2001:2:0:25::", "2001:2:0:25:ffff:ffff:ffff:ffff"},
                                            {"2001:2:0:20::", "2001:2:0:27:ffff:ffff:ffff:ffff"},
                                            {"2001:2:0:25::1", "2001:2:0:25::1"},
                                            {"2001:2:0:25::1", "2001:2:0:25::3"}};
    for (size_t i = 0; i < LENGTH(ranges); i++) {
        struct kr_nft_rule *r = kr_nft_rule(c, "from outside");
        kr_nft_iifname(r, KR_IS_NOT, "lo");
        daddr(r, ranges[i][0], ranges[i][1]);
        kr_nft_dport_one(r, 2026);
        kr_nft_count(r, "blocked_output");
        kr_nft_drop(r);
    }
    c = base(t, "guard_output", "filter", NF_INET_LOCAL_OUT, INT32_MAX);
    struct kr_nft_rule *r = kr_nft_rule(c, "x");
    kr_nft_dport(r, KR_IS_NOT, "guard_ports");
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_ip_options(r);
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_routing_header(r);
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_daddr_oif(r, AF_INET, "lan4");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_count(r, "exempt_lan");
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_count(r, "blocked_output");
    kr_nft_reject(r);
    r = kr_nft_rule(c, "x");
    kr_nft_l4proto_tcp(r, KR_IS);
    kr_nft_tail_fragment(r);
    kr_nft_drop(r);
}

static inline void canonical_frames(struct kr_nft_chain *c)
{
    static const uint16_t control[] = {ETH_P_ARP, ETH_P_SLOW, ETH_P_PAE, ETH_P_LLDP};
    static const uint8_t snap[6] = {0xaa, 0xaa, 3};
    static const uint16_t ip[] = {ETH_P_IP, ETH_P_IPV6};
    for (size_t i = 0; i < LENGTH(ip); i++) {
        struct kr_nft_rule *r = kr_nft_rule(c, "x");
        kr_nft_protocol(r, ip[i]);
        kr_nft_ethertype(r, 12, ip[i]);
        kr_nft_goto(r, "fence_ip");
        r = kr_nft_rule(c, "x");
        kr_nft_protocol(r, ip[i]);
        kr_nft_ethertype(r, 12, ETH_P_8021Q);
        kr_nft_ethertype(r, 16, ip[i]);
        kr_nft_goto(r, "fence_ip");
    }
    struct kr_nft_rule *r;
    for (size_t i = 0; i < LENGTH(control); i++) {
        r = kr_nft_rule(c, "x");
        kr_nft_ethertype(r, 12, control[i]);
        kr_nft_accept(r);
    }
    r = kr_nft_rule(c, "x");
    kr_nft_ethertype_length(r);
    kr_nft_snap(r, snap);
    kr_nft_count(r, "blocked_output");
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_ethertype_length(r);
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_protocol(r, ETH_P_ARP);
    kr_nft_accept(r);
}

static inline void canonical_fence(struct kr_nft_table *t)
{
    static const uint8_t tunnels[] = {4, 41, 47, 137};
    struct kr_nft_chain *c = kr_nft_chain(t, "fence_ip");
    struct kr_nft_rule *r = kr_nft_rule(c, "x");
    daddr(r, "198.18.25.0", "198.18.25.255");
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    daddr(r, "2001:2:0:25::", "2001:2:0:25:ffff:ffff:ffff:ffff");
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_l4proto_any(r, tunnels, LENGTH(tunnels));
    kr_nft_drop(r);
    r = kr_nft_rule(c, "a set of one");
    kr_nft_l4proto_any(r, tunnels + 3, 1);
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_l4proto_tcp(r, KR_IS_NOT);
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_ip_options(r);
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_routing_header(r);
    kr_nft_drop(r);
    r = kr_nft_rule(c, "x");
    kr_nft_daddr_oif(r, AF_INET, "lan4");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_daddr_oif(r, AF_INET6, "lan6");
    kr_nft_dport(r, KR_IS, "guard_ports");
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_tail_fragment(r);
    kr_nft_accept(r);
    r = kr_nft_rule(c, "x");
    kr_nft_fragment6(r);
    kr_nft_accept(r);
    r = kr_nft_rule(c, "not understood, so not let out");
    kr_nft_count(r, "blocked_output");
    kr_nft_drop(r);
    canonical_frames(egress(t, "egress_eth0", "eth0"));
    canonical_frames(egress(t, "egress_eth1", "eth1"));
}

static inline struct kr_nft *canonical(void)
{
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_table *t = table(r, NFPROTO_INET);
    canonical_nat(t);
    canonical_guards(t);
    canonical_fence(table(r, NFPROTO_NETDEV));
    return r;
}

static inline struct kr_nft *lan(unsigned long n)
{
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_set *s = kr_nft_lan_set(kr_nft_table(r, NFPROTO_INET, TABLE), "lan4", AF_INET);
    const unsigned eth0 = if_nametoindex("eth0");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t a = htonl((10u << 24) + i * 512);
        struct kr_addr from = kr_addr_make(AF_INET, &a);
        struct kr_prefix p = kr_prefix_make(&from, 120);
        kr_nft_lan_add(s, &p, eth0, "eth0");
    }
    return r;
}

static inline struct kr_nft *map(unsigned long n)
{
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_chain *c = base(kr_nft_table(r, NFPROTO_INET, TABLE), "redirect_output", "nat",
                                  NF_INET_LOCAL_OUT, -199);
    static const char *const firsts[] = {"198.18.0.0", "2001:2:0:25::"};
    for (size_t i = 0; i < LENGTH(firsts); i++) {
        struct kr_addr first = addr(firsts[i]), last = first;
        last.b[14] = (uint8_t)((n - 1) >> 8);
        last.b[15] = (uint8_t)(n - 1);
        if (n > 65536)
            abort();
        struct kr_nft_rule *x = kr_nft_rule(c, "a map");
        kr_nft_dport_one(x, 25);
        kr_nft_dnat(x, &first, &last, 2026, SEED);
    }
    return r;
}

static inline struct kr_nft *broken(unsigned long which)
{
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_table *t = kr_nft_table(r, which ? NFPROTO_INET : NFPROTO_NETDEV, TABLE);
    if (which == 0) {
        egress(t, "egress_gone0", "gone0");
        return r;
    }
    struct kr_nft_rule *x =
        kr_nft_rule(base(t, "guard_output", "filter", NF_INET_LOCAL_OUT, 0), "the broken one");
    if (which == 1)
        kr_nft_count(x, "nowhere");
    else
        kr_nft_dport(x, KR_IS, "nowhere");
    kr_nft_drop(x);
    return r;
}

#include "rulesets_random.h"

static inline struct kr_nft *ruleset_by_name(const char *name, unsigned long n)
{
    if (strcmp(name, "canonical") == 0)
        return canonical();
    if (strcmp(name, "lan") == 0)
        return lan(n);
    if (strcmp(name, "map") == 0)
        return map(n);
    if (strcmp(name, "random") == 0)
        return random_ruleset(n);
    return strcmp(name, "broken") == 0 ? broken(n) : NULL;
}

#endif

/* The text of every term and of the things around the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/buf.h>

#include "rulesets.h"

static void oif(struct kr_nft_rule *r)
{
    kr_nft_oifname(r, KR_IS, "lo");
}
static void not_oif(struct kr_nft_rule *r)
{
    kr_nft_oifname(r, KR_IS_NOT, "eth0.5");
}
static void star(struct kr_nft_rule *r)
{
    kr_nft_iifname(r, KR_IS, "odd*");
}
static void not_iif(struct kr_nft_rule *r)
{
    kr_nft_iifname(r, KR_IS_NOT, "lo");
}
static void family4(struct kr_nft_rule *r)
{
    kr_nft_family(r, AF_INET);
}
static void family6(struct kr_nft_rule *r)
{
    kr_nft_family(r, AF_INET6);
}
static void dport(struct kr_nft_rule *r)
{
    kr_nft_dport(r, KR_IS, "guard_ports");
}
static void not_dport(struct kr_nft_rule *r)
{
    kr_nft_dport(r, KR_IS_NOT, "guard_ports");
}
static void dport_one(struct kr_nft_rule *r)
{
    kr_nft_dport_one(r, 2026);
}
static void tcp(struct kr_nft_rule *r)
{
    kr_nft_l4proto_tcp(r, KR_IS);
}
static void not_tcp_proto(struct kr_nft_rule *r)
{
    kr_nft_l4proto_tcp(r, KR_IS_NOT);
}
static void protos(struct kr_nft_rule *r)
{
    static const uint8_t v[] = {4, 41, 137};
    kr_nft_l4proto_any(r, v, 3);
}
static void proto(struct kr_nft_rule *r)
{
    static const uint8_t v[] = {137};
    kr_nft_l4proto_any(r, v, 1);
}
static void many_protos(struct kr_nft_rule *r)
{
    uint8_t v[100];
    for (uint8_t i = 0; i < 100; i++)
        v[i] = (uint8_t)(100 + i);
    kr_nft_l4proto_any(r, v, 100);
}
static void lan4(struct kr_nft_rule *r)
{
    kr_nft_daddr_oif(r, AF_INET, "lan4");
}
static void lan6(struct kr_nft_rule *r)
{
    kr_nft_daddr_oif(r, AF_INET6, "lan6");
}
static void fib4(struct kr_nft_rule *r)
{
    kr_nft_daddr_fib_oif(r, AF_INET, "lan4");
}
static void fib6(struct kr_nft_rule *r)
{
    kr_nft_daddr_fib_oif(r, AF_INET6, "lan6");
}
static void prefix(struct kr_nft_rule *r)
{
    daddr(r, "198.18.25.0", "198.18.25.255");
}
static void everything4(struct kr_nft_rule *r)
{
    daddr(r, "0.0.0.0", "255.255.255.255");
}
static void everything6(struct kr_nft_rule *r)
{
    daddr(r, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}
static void one_address(struct kr_nft_rule *r)
{
    daddr(r, "2001:db8::1", "2001:db8::1");
}
static void range(struct kr_nft_rule *r)
{
    daddr(r, "198.18.25.1", "198.18.25.254");
}
static void nearly_prefix(struct kr_nft_rule *r)
{
    daddr(r, "198.18.25.0", "198.18.25.254");
}
static void unaligned(struct kr_nft_rule *r)
{
    daddr(r, "198.18.25.1", "198.18.26.0");
}
static void vlan(struct kr_nft_rule *r)
{
    kr_nft_protocol(r, ETH_P_IP);
    kr_nft_ethertype(r, 12, ETH_P_8021Q);
    kr_nft_ethertype(r, 16, ETH_P_IP);
}
static void other_protocol(struct kr_nft_rule *r)
{
    kr_nft_protocol(r, 0x88a8);
}
static void snap(struct kr_nft_rule *r)
{
    static const uint8_t bytes[6] = {0xaa, 0xaa, 3, 0, 0, 0xf8};
    kr_nft_ethertype_length(r);
    kr_nft_snap(r, bytes);
}
static void count(struct kr_nft_rule *r)
{
    kr_nft_count(r, "exempt_lan");
}
static void go(struct kr_nft_rule *r)
{
    kr_nft_goto(r, "fence_ip");
}
static void dnat4(struct kr_nft_rule *r)
{
    dnat(r, "192.168.1.9", "192.168.1.9");
}
static void dnat6(struct kr_nft_rule *r)
{
    dnat(r, "fd00:25::9", "fd00:25::9");
}
static void map4(struct kr_nft_rule *r)
{
    dnat(r, "198.18.25.254", "198.18.26.1");
}
static void map6(struct kr_nft_rule *r)
{
    dnat(r, "2001:2::ffff", "2001:2::1:0");
}

static const struct {
    void (*term)(struct kr_nft_rule *r);
    const char *text;
} terms[] = {
    {oif, "oifname \"lo\""},
    {not_oif, "oifname != \"eth0.5\""},
    {star, "iifname \"odd\\*\""},
    {not_iif, "iifname != \"lo\""},
    {family4, "meta nfproto ipv4"},
    {family6, "meta nfproto ipv6"},
    {dport, "tcp dport @guard_ports"},
    {not_dport, "tcp dport != @guard_ports"},
    {dport_one, "tcp dport 2026"},
    {tcp, "meta l4proto tcp"},
    {not_tcp_proto, "meta l4proto != tcp"},
    {protos, "meta l4proto { 4, 41, 137 }"},
    {proto, "meta l4proto 137"},
    {lan4, "ip daddr . oif @lan4"},
    {lan6, "ip6 daddr . oif @lan6"},
    {fib4, "ip daddr . fib daddr oif @lan4"},
    {fib6, "ip6 daddr . fib daddr oif @lan6"},
    {kr_nft_fib_local, "fib daddr type local"},
    {prefix, "ip daddr 198.18.25.0/24"},
    {everything4, "ip daddr 0.0.0.0/0"},
    {everything6, "ip6 daddr ::/0"},
    {one_address, "ip6 daddr 2001:db8::1"},
    {range, "ip daddr 198.18.25.1-198.18.25.254"},
    {nearly_prefix, "ip daddr 198.18.25.0-198.18.25.254"},
    {unaligned, "ip daddr 198.18.25.1-198.18.26.0"},
    {kr_nft_ip_options, "ip hdrlength != 5"},
    {kr_nft_routing_header, "exthdr rt exists"},
    {kr_nft_tail_fragment, "ip frag-off & 0x1fff != 0"},
    {kr_nft_fragment6, "exthdr frag exists"},
    {vlan, "meta protocol ip @ll,96,16 0x8100 @ll,128,16 0x0800"},
    {other_protocol, "meta protocol 0x88a8"},
    {snap, "@ll,96,16 < 0x0600 @ll,112,48 0xaaaa030000f8"},
    {count, "counter name \"exempt_lan\""},
    {kr_nft_accept, "accept"},
    {kr_nft_drop, "drop"},
    {kr_nft_return, "return"},
    {go, "goto fence_ip"},
    {kr_nft_reject, "reject with tcp reset"},
    {dnat4, "dnat ip to 192.168.1.9:2026"},
    {dnat6, "dnat ip6 to [fd00:25::9]:2026"},
    {map4, "dnat ip to jhash ip daddr mod 4 seed 0x6b756d6f map { 0 : 198.18.25.254, 1 : "
           "198.18.25.255, 2 : 198.18.26.0, 3 : 198.18.26.1 }:2026"},
    {map6, "dnat ip6 to jhash ip6 daddr mod 2 seed 0x6b756d6f map { 0 : 2001:2::ffff, 1 : "
           "2001:2::1:0 }:2026"},
};

static void prints_terms(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(terms); i++) {
        KR_AUTO_BUF struct kr_buf text = {0}, want = {0};
        struct kr_nft *r = kr_nft_new();
        struct kr_nft_chain *c = kr_nft_chain(kr_nft_table(r, NFPROTO_NETDEV, "t"), "c");
        terms[i].term(kr_nft_rule(c, "why"));
        kr_nft_text(r, &text);
        kr_buf_printf(&want, "table netdev t {\n\tchain c {\n\t\t%s comment \"why\"\n\t}\n}\n",
                      terms[i].text);
        assert_string_equal(kr_buf_str(&text), kr_buf_str(&want));
        kr_nft_free(r);
    }
}

static void prints_long_sets(void **state)
{
    (void)state;
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_nft *r = kr_nft_new();
    many_protos(kr_nft_rule(kr_nft_chain(kr_nft_table(r, NFPROTO_INET, "t"), "c"), NULL));
    kr_nft_text(r, &text);
    assert_non_null(strstr(kr_buf_str(&text), "{ 100, 101,"));
    assert_non_null(strstr(kr_buf_str(&text), ", 198, 199 }\n"));
    kr_nft_free(r);
}

static void prints_the_rest(void **state)
{
    (void)state;
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_nft *r = kr_nft_new();
    struct kr_nft_table *t = kr_nft_table(r, NFPROTO_INET, "t");
    struct kr_prefix p = kr_prefix_make(&(struct kr_addr){{0}}, 0);
    kr_nft_counter(t, "n");
    kr_nft_port_set(t, "none");
    struct kr_nft_set *s = kr_nft_port_set(t, "ports");
    kr_nft_port_add(s, 25);
    kr_nft_port_add(s, 65535);
    s = kr_nft_lan_set(t, "lan4", AF_INET);
    assert_int_equal(kr_prefix_parse("10.0.0.0/9", &p, NULL), 0);
    kr_nft_lan_add(s, &p, 3, "eth0");
    assert_int_equal(kr_prefix_parse("192.168.1.1", &p, NULL), 0);
    kr_nft_lan_add(s, &p, 4, "eth1");
    s = kr_nft_lan_set(t, "lan6", AF_INET6);
    assert_int_equal(kr_prefix_parse("fe80::/64", &p, NULL), 0);
    kr_nft_lan_add(s, &p, 3, "eth0");
    base(t, "out", "nat", NF_INET_LOCAL_OUT, -199);
    t = kr_nft_table(r, NFPROTO_NETDEV, "t");
    kr_nft_drop(kr_nft_rule(egress(t, "out", "eth0"), "say \"no\""));
    kr_nft_text(r, &text);
    assert_string_equal(
        kr_buf_str(&text),
        "table inet t {\n\tcounter n {\n\t}\n\n"
        "\tset none {\n\t\ttype inet_service\n\t}\n\n"
        "\tset ports {\n\t\ttype inet_service\n\t\telements = { 25, 65535 }\n\t}\n\n"
        "\tset lan4 {\n\t\ttype ipv4_addr . iface_index\n\t\tflags interval\n"
        "\t\telements = { 10.0.0.0/9 . \"eth0\", 192.168.1.1 . \"eth1\" }\n\t}\n\n"
        "\tset lan6 {\n\t\ttype ipv6_addr . iface_index\n\t\tflags interval\n"
        "\t\telements = { fe80::/64 . \"eth0\" }\n\t}\n\n"
        "\tchain out {\n\t\ttype nat hook output priority -199; policy accept;\n\t}\n}\n"
        "table netdev t {\n\tchain out {\n"
        "\t\ttype filter hook egress device \"eth0\" priority 2147483647; policy drop;\n"
        "\t\tdrop comment \"say 'no'\"\n\t}\n}\n");
    kr_nft_free(r);
}

static void cuts_comments(void **state)
{
    (void)state;
    KR_AUTO_BUF struct kr_buf text = {0};
    char longer[300], kept[200];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    struct kr_nft *r = kr_nft_new();
    kr_nft_drop(kr_nft_rule(kr_nft_chain(kr_nft_table(r, NFPROTO_INET, "t"), "c"), longer));
    kr_nft_text(r, &text);
    snprintf(kept, sizeof kept, "drop comment \"%.127s\"\n", longer);
    assert_non_null(strstr(kr_buf_str(&text), kept));
    kr_nft_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_terms),
        cmocka_unit_test(prints_long_sets),
        cmocka_unit_test(prints_the_rest),
        cmocka_unit_test(cuts_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

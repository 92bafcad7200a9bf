/* What the monitor makes of packets, and what its filter lets through, run as the kernel runs it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/net/monitor.c"

/* The few instructions of classic BPF that the program uses (filter.rst in the kernel's docs). */
static unsigned filtered(const uint8_t *p, size_t n, unsigned type, unsigned protocol)
{
    uint32_t a = 0;
    for (size_t pc = 0; pc < sizeof program / sizeof *program; pc++) {
        const struct sock_filter *i = &program[pc];
        if (i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k == AD(SKF_AD_PKTTYPE))
            a = type;
        else if (i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k == AD(SKF_AD_PROTOCOL))
            a = protocol;
        else if (i->code == (BPF_LD | BPF_W | BPF_ABS)) {
            if (i->k + 4 > n)
                return 0;
            a = (uint32_t)p[i->k] << 24 | (uint32_t)p[i->k + 1] << 16 | (uint32_t)p[i->k + 2] << 8 |
                p[i->k + 3];
        } else if (i->code == (BPF_LD | BPF_B | BPF_ABS)) {
            if (i->k >= n)
                return 0;
            a = p[i->k];
        } else if (i->code == (BPF_ALU | BPF_AND | BPF_K))
            a &= i->k;
        else if (i->code == (BPF_JMP | BPF_JEQ | BPF_K))
            pc += a == i->k ? i->jt : i->jf;
        else if (i->code == (BPF_RET | BPF_K))
            return i->k;
        else
            fail_msg("instruction %zu is unknown here", pc);
    }
    fail_msg("the program ran off its end");
    return 0;
}

static size_t ip4(uint8_t *p, const char *to, uint8_t protocol, unsigned fragment, uint16_t dport)
{
    struct kr_addr a;
    memset(p, 0, 64);
    assert_int_equal(kr_addr_parse(to, &a, NULL), 0);
    p[0] = 0x45;
    p[6] = (uint8_t)(fragment >> 8);
    p[7] = (uint8_t)fragment;
    p[9] = protocol;
    kr_addr_bytes(&a, p + 16);
    p[22] = (uint8_t)(dport >> 8);
    p[23] = (uint8_t)dport;
    return 40;
}

static size_t ip6(uint8_t *p, const char *to, uint8_t next)
{
    struct kr_addr a;
    memset(p, 0, 128);
    assert_int_equal(kr_addr_parse(to, &a, NULL), 0);
    p[0] = 0x60;
    p[6] = next;
    kr_addr_bytes(&a, p + 24);
    return 80;
}

static void the_filter_takes_what_leaves_for_our_addresses(void **state)
{
    static const struct {
        const char *to;
        bool taken;
    } v4[] = {{"192.0.2.9", true},      {"198.51.100.1", true}, {"203.0.113.254", true},
              {"198.18.25.7", true},    {"198.18.27.2", true},  {"198.18.26.2", false},
              {"142.250.27.27", false}, {"10.0.0.1", false}};
    static const struct {
        const char *to;
        bool taken;
    } v6[] = {{"2001:db8:2500::1", true}, {"2001:db8:2501::1", false}, {"2001:2:0:25::1", true},
              {"2001:2:0:27::2", true},   {"2001:2:0:26::2", false},   {"2a00:1450::1", false},
              {"ff02::1:ff00:1", false}};
    uint8_t p[128];
    (void)state;
    for (size_t i = 0; i < sizeof v4 / sizeof *v4; i++) {
        size_t n = ip4(p, v4[i].to, IPPROTO_TCP, 0, 25);
        assert_int_equal(filtered(p, n, PACKET_OUTGOING, ETH_P_IP) != 0, v4[i].taken);
        assert_int_equal(filtered(p, n, PACKET_HOST, ETH_P_IP), 0);
    }
    for (size_t i = 0; i < sizeof v6 / sizeof *v6; i++) {
        size_t n = ip6(p, v6[i].to, IPPROTO_TCP);
        assert_int_equal(filtered(p, n, PACKET_OUTGOING, ETH_P_IPV6) != 0, v6[i].taken);
    }
    size_t n = ip6(p, "ff02::1:ff00:1", IPPROTO_ICMPV6);
    assert_int_not_equal(filtered(p, n, PACKET_OUTGOING, ETH_P_IPV6), 0);
    assert_int_not_equal(filtered(p, 28, PACKET_OUTGOING, ETH_P_ARP), 0);
    assert_int_equal(filtered(p, n, PACKET_OUTGOING, 0x8847), 0);
}

static void ports_and_fragments(void **state)
{
    uint8_t p[128];
    struct kr_sent s = {0};
    (void)state;
    assert_true(kr_sent_parse(ETH_P_IP, p, ip4(p, "192.0.2.9", IPPROTO_TCP, 0, 25), &s));
    assert_int_equal(s.dport, 25);
    assert_false(s.neighbour);
    assert_true(kr_sent_parse(ETH_P_IP, p, ip4(p, "192.0.2.9", IPPROTO_TCP, 0x2000, 25), &s));
    assert_int_equal(s.dport, 25);
    assert_true(kr_sent_parse(ETH_P_IP, p, ip4(p, "192.0.2.9", IPPROTO_TCP, 0x2003, 25), &s));
    assert_int_equal(s.dport, 0);
    assert_true(kr_sent_parse(ETH_P_IP, p, ip4(p, "192.0.2.9", IPPROTO_UDP, 0, 25), &s));
    assert_int_equal(s.dport, 0);
}

static void extension_headers_are_walked(void **state)
{
    uint8_t p[128];
    struct kr_sent s = {0};
    (void)state;
    ip6(p, "2001:db8:2500::1", IPPROTO_DSTOPTS);
    p[40] = IPPROTO_HOPOPTS;
    p[48] = IPPROTO_TCP;
    p[56 + 3] = 25;
    assert_true(kr_sent_parse(ETH_P_IPV6, p, 80, &s));
    assert_int_equal(s.dport, 25);
    p[49] = 255; /* longer than the packet */
    assert_true(kr_sent_parse(ETH_P_IPV6, p, 80, &s));
    assert_int_equal(s.dport, 0);
}

static void who_asks_for_a_neighbour(void **state)
{
    uint8_t p[128] = {0, 1, 8, 0, 6, 4, 0, 1};
    struct kr_sent s = {0};
    char text[KR_ADDRSTRLEN];
    (void)state;
    memcpy(p + 24, (uint8_t[]){192, 0, 2, 7}, 4);
    assert_true(kr_sent_parse(ETH_P_ARP, p, 28, &s));
    assert_true(s.neighbour);
    assert_string_equal(kr_addr_str(&s.dst, text), "192.0.2.7");
    p[7] = 2; /* an answer */
    assert_false(kr_sent_parse(ETH_P_ARP, p, 28, &s));
    ip6(p, "ff02::1:ff00:7", IPPROTO_ICMPV6);
    p[40] = ND_NEIGHBOR_SOLICIT;
    memcpy(p + 48, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0x25}, 5);
    p[63] = 7;
    assert_true(kr_sent_parse(ETH_P_IPV6, p, 80, &s));
    assert_true(s.neighbour);
    assert_string_equal(kr_addr_str(&s.dst, text), "2001:db8:2500::7");
    p[40] = ND_ROUTER_SOLICIT;
    assert_false(kr_sent_parse(ETH_P_IPV6, p, 80, &s));
}

static void every_cut_packet_is_read_within_its_bounds(void **state)
{
    static const uint16_t protocols[] = {ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, 0x8847};
    uint8_t whole[128];
    unsigned seed = 25;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof whole; i++)
            whole[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        if (round & 1)
            whole[6] = IPPROTO_ROUTING;
        size_t n = round % sizeof whole;
        uint8_t *cut = malloc(n ? n : 1); /* a read beyond it is an error of valgrind and ASan */
        struct kr_sent s = {0};
        memcpy(cut, whole, n);
        kr_sent_parse(protocols[round % 4], cut, n, &s);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_filter_takes_what_leaves_for_our_addresses),
        cmocka_unit_test(ports_and_fragments),
        cmocka_unit_test(extension_headers_are_walked),
        cmocka_unit_test(who_asks_for_a_neighbour),
        cmocka_unit_test(every_cut_packet_is_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

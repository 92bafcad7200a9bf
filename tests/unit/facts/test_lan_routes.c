#include "networks.h"

#include <kr/lan.h>
#include <kr/strlist.h>

#include <time.h>

#define HOLE "kumo-hole0"

static int find(struct view *w, const char *words, bool gateway, struct kr_lan *out,
                struct kr_err *e)
{
    struct kr_prefix sink;
    char copy[512], *save = NULL;
    struct kr_strlist list = {0};
    kr_prefix_parse("172.31.25.0/24", &sink, NULL);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save))
        kr_strlist_add(&list, s);
    int bad = kr_lan_find(&w->v, &list, HOLE, &sink, 1, gateway, out, e);
    kr_strlist_free(&list);
    return bad;
}

/* The exemptions as text, "PREFIX@DEVICE ..." in their order. */
static void is(struct view *w, const char *words, bool gateway, const char *expected)
{
    struct kr_lan lan;
    struct kr_err e = {0};
    char text[2048] = "", s[KR_ADDRSTRLEN];
    if (find(w, words, gateway, &lan, &e))
        fail_msg("%s: %s", words, e.msg);
    for (size_t i = 0; i < lan.n; i++) {
        size_t n = strlen(text);
        snprintf(text + n, sizeof text - n, "%s%s@%s", i ? " " : "",
                 kr_prefix_str(&lan.v[i].prefix, s), lan.v[i].ifname);
    }
    assert_string_equal(text, expected);
    kr_lan_free(&lan);
}

static void refused(struct view *w, const char *words, int status, const char *part)
{
    struct kr_lan lan;
    struct kr_err e = {0};
    assert_int_equal(find(w, words, false, &lan, &e), -1);
    assert_null(lan.v);
    if (!strstr(e.msg, part))
        fail_msg("'%s' does not say '%s'", e.msg, part);
    assert_int_equal(e.exit, status);
}

static void host(struct view *w)
{
    memset(w, 0, sizeof *w);
    loopback(w);
    link_add(w, "eth0", "");
    link_add(w, "eth1", "");
    address(w, "lo", "127.0.0.1/8");
    address(w, "eth0", "203.0.113.9/24");
    address(w, "eth1", "192.168.1.1/24");
    address(w, "eth1", "fd00:25::1/64");
    address(w, "eth1", "fe80::1/64");
    address(w, "eth0", "fe80::2/64");
    address(w, "eth0", "2001:db8::2/64");
    route(w, "default", "203.0.113.1", "eth0");
    route(w, "default6", "fe80::99", "eth0");
}

static void automatic(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    const char *all = "fe80::/64@eth0 192.168.1.0/24@eth1 fd00:25::/64@eth1 fe80::/64@eth1";
    is(&w, "", false, all);
    is(&w, "auto", false, all);
    is(&w, "auto auto", false, all);
    is(&w, "none", false, "");
}

static void source_of_the_route(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_lan lan;
    struct kr_addr own;
    assert_int_equal(find(&w, "192.168.1.128/25", false, &lan, NULL), 0);
    kr_addr_parse("192.168.1.1", &own, NULL);
    assert_true(lan.v->has_source && !lan.v->has_gateway);
    assert_int_equal(kr_addr_cmp(&lan.v->source, &own), 0);
    kr_lan_free(&lan);
}

static void never_lo_nor_the_hole(void **state)
{
    (void)state;
    struct view w = {0};
    loopback(&w);
    link_add(&w, HOLE, "dummy");
    address(&w, "lo", "10.0.0.1/24");
    address(&w, HOLE, "10.1.0.1/24");
    is(&w, "auto", false, "");
}

static void only_with_a_route(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    address(&w, "eth1", "10.5.0.1/16");
    w.routes[w.v.n_routes - 1].has_gateway = true; /* an address with noprefixroute */
    address(&w, "eth1", "10.6.0.1/16");
    w.v.n_routes--; /* a device that is down */
    is(&w, "auto", false, "fe80::/64@eth0 192.168.1.0/24@eth1 fd00:25::/64@eth1 fe80::/64@eth1");
}

static void peers(void **state)
{
    (void)state;
    struct view w = {0};
    loopback(&w);
    link_add(&w, "ppp0", "ppp");
    struct kr_ifaddr *a = address(&w, "ppp0", "10.9.0.1/32");
    is(&w, "auto", false, ""); /* its own address alone */
    kr_addr_parse("10.9.0.2", &a->peer, NULL);
    route(&w, "10.9.0.2/32", NULL, "ppp0");
    is(&w, "auto", false, "10.9.0.2/32@ppp0");
    kr_addr_parse("93.184.216.1", &a->peer, NULL);
    route(&w, "93.184.216.1/32", NULL, "ppp0");
    is(&w, "auto", false, "");
}

static void tunnels_and_link_local(void **state)
{
    (void)state;
    struct view w = {0};
    loopback(&w);
    link_add(&w, "wg0", "wireguard");
    address(&w, "wg0", "10.77.0.1/24");
    address(&w, "wg0", "169.254.3.4/16");
    is(&w, "auto", false, "10.77.0.0/24@wg0 169.254.0.0/16@wg0");
}

/* What a longer route takes out of the on-link network is not exempt. */
static void carved(void **state)
{
    (void)state;
    struct view w = {0};
    loopback(&w);
    link_add(&w, "eth0", "");
    link_add(&w, "wg0", "wireguard");
    address(&w, "eth0", "10.0.0.1/14");
    route(&w, "10.1.0.0/16", NULL, "wg0");
    route(&w, "10.0.7.0/24", NULL, "eth0"); /* the same way */
    is(&w, "auto", false, "10.0.0.0/16@eth0 10.2.0.0/15@eth0");
    route(&w, "10.2.0.0/15", NULL, NULL)->type = RTN_BLACKHOLE;
    is(&w, "auto", false, "10.0.0.0/16@eth0");
    route(&w, "10.0.0.0/14", "10.0.0.9", "eth0")->table = 100;
    is(&w, "auto", false, "10.0.0.0/16@eth0");
}

static void same_network_twice(void **state)
{
    (void)state;
    struct view w = {0};
    loopback(&w);
    link_add(&w, "eth0", "");
    link_add(&w, "wlan0", "");
    address(&w, "eth0", "192.168.1.5/24");
    address(&w, "wlan0", "192.168.1.6/24");
    is(&w, "auto", false, "192.168.1.0/24@eth0 192.168.1.0/24@wlan0");
    refused(&w, "192.168.1.0/24", KR_UNSAFE, "leads to another device");
}

static void cidrs(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    is(&w, "192.168.1.0/24", false, "192.168.1.0/24@eth1");
    is(&w, "192.168.1.7", false, "192.168.1.7/32@eth1");
    is(&w, "192.168.1.7 192.168.1.0/28 192.168.1.0/25", false, "192.168.1.0/25@eth1");
    is(&w, "192.168.1.0/25 auto", false,
       "fe80::/64@eth0 192.168.1.0/24@eth1 fd00:25::/64@eth1 fe80::/64@eth1");
    is(&w, "fd00:25::7 192.168.1.7", false, "192.168.1.7/32@eth1 fd00:25::7/128@eth1");
    address(&w, "eth1", "8.8.4.0/24");
    is(&w, "8.8.4.0/28", false, "8.8.4.0/28@eth1"); /* public, but on-link and asked for */
}

static void not_on_link(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    refused(&w, "10.0.0.0/8", KR_UNSAFE,
            "--lan '10.0.0.0/8' is not on-link: the route '0.0.0.0/0 via 203.0.113.1 dev eth0'");
    refused(&w, "192.168.0.0/16", KR_UNSAFE, "--allow lan-gateway=REASON");
    refused(&w, "fd00::/16", KR_UNSAFE, "::/0 via fe80::99");
    route(&w, "192.168.1.64/26", "192.168.1.2", "eth1");
    refused(&w, "192.168.1.0/24", KR_UNSAFE, "'192.168.1.64/26 via 192.168.1.2 dev eth1'");
    route(&w, "192.168.1.128/25", NULL, "eth0")->table = 7;
    refused(&w, "192.168.1.128/25", KR_UNSAFE, "another device");
}

static void two_devices(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_add(&w, "eth2", "");
    address(&w, "eth2", "10.0.1.1/24");
    route(&w, "10.0.0.0/16", NULL, "eth1");
    refused(&w, "10.0.0.0/16", KR_UNSAFE,
            "'10.0.1.0/24 dev eth2' leads to another device than '10.0.0.0/16 dev eth1'");
}

static void no_way(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    w.v.n_routes -= 2;
    refused(&w, "10.0.0.0/8", KR_UNSAFE, "has no route");
    route(&w, "10.0.0.0/8", NULL, NULL)->type = RTN_UNREACHABLE;
    refused(&w, "10.0.0.0/8", KR_UNSAFE, "'unreachable 10.0.0.0/8'");
    struct kr_route *r = route(&w, "10.9.0.0/16", NULL, "eth1");
    r->has_encap = true;
    refused(&w, "10.9.0.0/16", KR_UNSAFE, "encapsulates");
}

/* The IPv6 default route covers the mapped space by its bytes, but no IPv4 address. */
static void families_apart(void **state)
{
    (void)state;
    struct view w = {0};
    loopback(&w);
    link_add(&w, "eth0", "");
    route(&w, "default6", NULL, "eth0");
    struct kr_route *mapped = route(&w, "0.0.0.0/0", NULL, "eth0");
    mapped->family = AF_INET6;
    refused(&w, "10.0.0.0/8", KR_UNSAFE, "has no route");
}

static void by_waiver(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_lan lan;
    struct kr_addr gateway;
    route(&w, "10.0.0.0/8", "192.168.1.2", "eth1");
    assert_int_equal(find(&w, "10.0.0.0/8", true, &lan, NULL), 0);
    assert_int_equal(lan.n, 1);
    kr_addr_parse("192.168.1.2", &gateway, NULL);
    assert_true(lan.v->has_gateway && kr_addr_cmp(&lan.v->gateway, &gateway) == 0);
    kr_lan_free(&lan);
    /* Each piece goes by its own gateway, and the on-link one by none. */
    route(&w, "10.128.0.0/9", "192.168.1.3", "eth1");
    address(&w, "eth1", "10.0.0.1/9");
    assert_int_equal(find(&w, "10.0.0.0/8", true, &lan, NULL), 0);
    assert_int_equal(lan.n, 2);
    assert_false(lan.v[0].has_gateway);
    assert_true(lan.v[1].has_gateway && kr_addr_cmp(&lan.v[1].gateway, &gateway) != 0);
    kr_lan_free(&lan);
    is(&w, "10.0.0.0/8", true, "10.0.0.0/9@eth1 10.128.0.0/9@eth1");
    link_add(&w, "eth2", "");
    route(&w, "10.200.0.0/16", "10.9.9.9", "eth2");
    struct kr_err e = {0};
    assert_int_equal(find(&w, "10.0.0.0/8", true, &lan, &e), -1);
    assert_non_null(strstr(e.msg, "another device"));
}

static void absurd(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    static const struct {
        const char *word, *part;
    } words[] = {
        {"0.0.0.0/0", "at least /8"},
        {"10.1.0.0/8", "host bits"},
        {"8.0.0.0/7", "at least /8"},
        {"::/0", "at least /16"},
        {"2000::/15", "at least /16"},
        {"127.0.0.0/8", "loopback"},
        {"127.0.0.53", "loopback"},
        {"::1", "loopback"},
        {"224.0.0.0/8", "multicast"},
        {"ff02::/16", "multicast"},
        {"192.0.2.0/24", "documentation"},
        {"192.0.0.0/8", "documentation"},
        {"2001:db8:7::/48", "documentation"},
        {"3fff::/20", "documentation"},
        {"198.18.25.0/24", "benchmarking"},
        {"2001:2:0:25::/64", "benchmarking"},
        {"172.31.0.0/16", "the sink"},
        {"172.31.25.7", "the sink"},
        {"eth0", "'eth0'"},
        {"10.0.0.0/33", "'10.0.0.0/33'"},
        {"10.0.0.1/8", "host bits"},
        {"none auto", "stands alone"},
        {"none 10.0.0.0/8", "'10.0.0.0/8'"},
        {"192.168.1.0/24 none", "stands alone"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        refused(&w, words[i].word, KR_USAGE, words[i].part);
}

/* N exemptions of N routes, in nanoseconds of processor time. */
static long long cost(unsigned n)
{
    struct view w = {0};
    struct kr_strlist list = {0};
    struct timespec a, b;
    struct kr_lan lan;
    loopback(&w);
    link_add(&w, "eth0", "");
    char(*texts)[20] = calloc(n, sizeof *texts);
    w.v.routes = calloc(n + 1, sizeof *w.v.routes);
    w.v.n_routes = n + 1;
    for (unsigned i = 0; i <= n; i++) {
        const uint8_t raw[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 0};
        const struct kr_addr net = kr_addr_make(AF_INET, raw);
        w.v.routes[i] = (struct kr_route){.family = AF_INET,
                                          .table = RT_TABLE_MAIN,
                                          .type = RTN_UNICAST,
                                          .oif = 2,
                                          .dst = kr_prefix_make(&net, i < n ? 120 : 104)};
    }
    for (unsigned i = 0; i < n; i++) {
        snprintf(texts[i], sizeof *texts, "10.%u.%u.0/25", (i >> 8) & 255, i & 255);
        kr_strlist_add(&list, texts[i]);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    assert_int_equal(kr_lan_find(&w.v, &list, HOLE, NULL, 0, false, &lan, NULL), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    assert_int_equal(lan.n, n);
    kr_lan_free(&lan);
    kr_strlist_free(&list);
    free(texts);
    free(w.v.routes);
    return (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec;
}

/* Eight times as many cost about ten times as much; were it quadratic, 64 times. */
static void many(void **state)
{
    (void)state;
    long long few = cost(2500), all = cost(20000);
    print_message("# 20000 exemptions: %lld us\n", all / 1000);
    assert_true(all < 32 * few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(automatic),
        cmocka_unit_test(source_of_the_route),
        cmocka_unit_test(never_lo_nor_the_hole),
        cmocka_unit_test(only_with_a_route),
        cmocka_unit_test(peers),
        cmocka_unit_test(tunnels_and_link_local),
        cmocka_unit_test(carved),
        cmocka_unit_test(same_network_twice),
        cmocka_unit_test(cidrs),
        cmocka_unit_test(not_on_link),
        cmocka_unit_test(two_devices),
        cmocka_unit_test(no_way),
        cmocka_unit_test(families_apart),
        cmocka_unit_test(by_waiver),
        cmocka_unit_test(absurd),
        cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reads a namespace of its own that was filled by hand: what libnl's objects would lose must be
 * there. Needs root; without it the tests are skipped. */
#include <kr/err.h>
#include <kr/netview.h>
#include <kr/rt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <linux/fib_rules.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool apart;

static int begin(void **state)
{
    (void)state;
    apart = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && system("ip link set lo up") == 0;
    return 0;
}

/* Skips unless every command works: not every kernel has everything. */
static void given(const char *commands)
{
    char text[2048];
    snprintf(text, sizeof text, "set -e; { %s; } >/dev/null 2>&1", commands);
    if (!apart || system(text) != 0) {
        print_message("# SKIP needs root and: %s\n", commands);
        skip();
    }
}

static struct kr_netview read_all(void)
{
    struct kr_netview v;
    struct kr_err e = {0};
    if (kr_netview_read(&v, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(e.exit, 0);
    return v;
}

static const struct kr_route *route_to(const struct kr_netview *v, const char *text, int family,
                                       size_t nth)
{
    struct kr_prefix p;
    assert_int_equal(kr_prefix_parse(text, &p, NULL), 0);
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].family == family && kr_prefix_cmp(&v->routes[i].dst, &p) == 0 && !nth--)
            return &v->routes[i];
    fail_msg("no route %s", text);
    return NULL;
}

static const struct kr_fibrule *rule_at(const struct kr_netview *v, int family, uint32_t priority)
{
    for (size_t i = 0; i < v->n_rules; i++)
        if (v->rules[i].family == family && v->rules[i].priority == priority)
            return &v->rules[i];
    fail_msg("no rule %u", priority);
    return NULL;
}

static void links(void **state)
{
    (void)state;
    given("ip link add v0 type veth peer name v1; ip link add br0 type bridge;"
          "ip link set v1 master br0; ip link add m0 link v0 type macvlan;"
          "ip link set v0 up; ip link set v1 up; ip link set br0 up");
    struct kr_netview v = read_all();
    const struct kr_link *v0 = kr_netview_link_named(&v, "v0"), *v1, *m0, *lo;
    v1 = kr_netview_link_named(&v, "v1");
    m0 = kr_netview_link_named(&v, "m0");
    lo = kr_netview_link_named(&v, "lo");
    assert_string_equal(v0->kind, "veth");
    assert_string_equal(m0->kind, "macvlan");
    assert_string_equal(lo->kind, "");
    assert_true(lo->flags & IFF_LOOPBACK);
    assert_int_equal(v0->lower, v1->index);
    assert_int_equal(m0->lower, v0->index);
    assert_int_equal(v1->master, kr_netview_link_named(&v, "br0")->index);
    assert_ptr_equal(kr_netview_link(&v, m0->index), m0);
    assert_null(kr_netview_link(&v, 4711));
    assert_null(kr_netview_link_named(&v, "nothere"));
    for (size_t i = 1; i < v.n_links; i++)
        assert_true(v.links[i - 1].index < v.links[i].index);
    kr_netview_free(&v);
}

static void addresses(void **state)
{
    (void)state;
    given("ip addr add 10.0.0.1/24 dev v0; ip addr add 10.9.0.1 peer 10.9.0.2/32 dev v0;"
          "ip addr add fd00::1/64 dev v0 nodad");
    struct kr_netview v = read_all();
    struct kr_addr peer, own;
    bool found = false;
    kr_addr_parse("10.9.0.1", &own, NULL);
    kr_addr_parse("10.9.0.2", &peer, NULL);
    for (size_t i = 0; i < v.n_addrs; i++)
        if (kr_addr_cmp(&v.addrs[i].addr, &own) == 0) {
            found = true;
            assert_int_equal(kr_addr_cmp(&v.addrs[i].peer, &peer), 0);
            assert_int_equal(v.addrs[i].len, 128);
        }
    assert_true(found);
    kr_netview_free(&v);
}

static void routes(void **state)
{
    (void)state;
    given("ip route add default nexthop via 10.0.0.2 nexthop via 10.0.0.3 dev v0;"
          "ip route add 10.5.0.0/16 via inet6 fe80::1 dev v0;"
          "ip route add 10.7.0.0/16 dev v0 mtu 1400;"
          "ip route add 10.8.0.0/16 dev v0 tos 4 table 777 metric 5;"
          "ip -6 route add unreachable ::ffff:0:0/96;"
          "ip route add blackhole 10.11.0.0/16");
    struct kr_netview v = read_all();
    const struct kr_route *r = route_to(&v, "0.0.0.0/0", AF_INET, 0);
    assert_true(r->multipath && r->has_gateway && r->oif && !r->odd);
    assert_true(route_to(&v, "0.0.0.0/0", AF_INET, 1)->multipath);
    r = route_to(&v, "10.5.0.0/16", AF_INET, 0);
    assert_true(r->has_gateway && !kr_addr_is_v4(&r->gateway));
    assert_true(route_to(&v, "10.7.0.0/16", AF_INET, 0)->odd);
    r = route_to(&v, "10.8.0.0/16", AF_INET, 0);
    assert_true(r->odd && r->table == 777 && r->metric == 5);
    assert_int_equal(route_to(&v, "0.0.0.0/0", AF_INET6, 0)->type, RTN_UNREACHABLE);
    assert_int_equal(route_to(&v, "10.11.0.0/16", AF_INET, 0)->type, RTN_BLACKHOLE);
    r = route_to(&v, "10.0.0.0/24", AF_INET, 0);
    assert_true(r->has_source && !r->has_gateway && !r->odd && r->scope == RT_SCOPE_LINK);
    kr_netview_free(&v);
}

static void encapsulation(void **state)
{
    (void)state;
    given("ip route add 10.6.0.0/16 encap ip6 dst fd00::5 dev v0");
    struct kr_netview v = read_all();
    const struct kr_route *r = route_to(&v, "10.6.0.0/16", AF_INET, 0);
    assert_true(r->has_encap);
    assert_int_equal(r->encap, LWTUNNEL_ENCAP_IP6);
    kr_netview_free(&v);
}

/* A route that names its nexthop by number only. */
static void nexthop_objects(void **state)
{
    (void)state;
    given("ip nexthop add id 5 via 10.0.0.9 dev v0; ip nexthop add id 6 via 10.0.0.8 dev v0;"
          "ip nexthop add id 7 group 5/6; ip nexthop add id 8 blackhole;"
          "ip route add 10.77.0.0/16 nhid 7; ip route add 10.78.0.0/16 nhid 5;"
          "ip route add 10.79.0.0/16 nhid 8; sysctl -w net.ipv4.nexthop_compat_mode=0");
    struct kr_netview v = read_all();
    const struct kr_route *a = route_to(&v, "10.77.0.0/16", AF_INET, 0);
    const struct kr_route *b = route_to(&v, "10.77.0.0/16", AF_INET, 1);
    unsigned v0 = kr_netview_link_named(&v, "v0")->index;
    assert_true(a->multipath && b->multipath && a->odd);
    assert_int_equal(a->oif, v0);
    assert_int_equal(b->oif, v0);
    assert_int_not_equal(kr_addr_cmp(&a->gateway, &b->gateway), 0);
    a = route_to(&v, "10.78.0.0/16", AF_INET, 0);
    assert_true(a->has_gateway && a->oif == v0 && !a->multipath);
    assert_int_equal(route_to(&v, "10.79.0.0/16", AF_INET, 0)->type, RTN_BLACKHOLE);
    kr_netview_free(&v);
}

static void rules(void **state)
{
    (void)state;
    given("ip rule add pref 25 ipproto tcp dport 25 lookup 2525 protocol 225;"
          "ip rule add pref 26 not ipproto tcp dport 25-30 lookup 2525;"
          "ip rule add pref 27 from 10.0.0.0/8 blackhole;"
          "ip rule add pref 28 uidrange 0-5 lookup main;"
          "ip rule add pref 29 lookup main suppress_prefixlength 0;"
          "ip -6 rule add pref 30 fwmark 1 goto 32766");
    struct kr_netview v = read_all();
    const struct kr_fibrule *r = rule_at(&v, AF_INET, 25);
    assert_int_equal(r->table, 2525);
    assert_int_equal(r->protocol, 225);
    assert_int_equal(r->ipproto, IPPROTO_TCP);
    assert_true(r->dport_first == 25 && r->dport_last == 25);
    assert_false(r->other_selectors || r->invert);
    r = rule_at(&v, AF_INET, 26);
    assert_true(r->invert && r->dport_last == 30);
    r = rule_at(&v, AF_INET, 27);
    assert_true(r->other_selectors && r->action == FR_ACT_BLACKHOLE);
    assert_true(rule_at(&v, AF_INET, 28)->other_selectors);
    assert_true(rule_at(&v, AF_INET, 29)->other_selectors);
    r = rule_at(&v, AF_INET6, 30);
    assert_true(r->other_selectors && r->action == FR_ACT_GOTO);
    assert_false(rule_at(&v, AF_INET6, 0)->other_selectors);
    assert_int_equal(v.rules[0].family, AF_INET);
    kr_netview_free(&v);
}

/* What is asked for and refused is named, with the number and the reason; the others are done. */
static void refusals(void **state)
{
    (void)state;
    given("true");
    KR_AUTO_RT struct kr_rt rt;
    struct kr_err e = {0};
    struct kr_route r = {.family = AF_INET,
                         .table = 777,
                         .type = RTN_UNICAST,
                         .scope = RT_SCOPE_LINK,
                         .protocol = RTPROT_STATIC};
    assert_int_equal(kr_rt_open(&rt, &e), 0);
    for (unsigned i = 0; i < 300; i++) {
        const uint8_t raw[4] = {172, 16, (uint8_t)i, 0};
        const struct kr_addr a = kr_addr_make(AF_INET, raw);
        r.dst = kr_prefix_make(&a, 120);
        r.oif = i == 70 ? 9999 : 1;
        kr_rt_route_add(&rt, &r, NLM_F_CREATE | NLM_F_REPLACE);
    }
    assert_int_equal(kr_rt_flush(&rt, &e), -1);
    assert_int_equal(e.exit, KR_CANNOT);
    assert_non_null(strstr(e.msg, "172.16.70.0/24 in table 777"));
    struct kr_netview v = read_all();
    size_t n = 0;
    for (size_t i = 0; i < v.n_routes; i++)
        n += v.routes[i].table == 777 && kr_prefix_is_v4(&v.routes[i].dst) &&
             v.routes[i].dst.addr.b[12] == 172;
    assert_int_equal(n, 255); /* 0 to 255 without 70; 256 and up are the first ones again */
    kr_netview_free(&v);
    assert_int_equal(kr_rt_flush(&rt, &e), 0); /* the queue is empty now */
}

static void no_such_dump(void **state)
{
    (void)state;
    given("true");
    KR_AUTO_RT struct kr_rt rt;
    struct kr_err e = {0};
    const struct rtmsg h = {.rtm_family = AF_INET};
    assert_int_equal(kr_rt_open(&rt, &e), 0);
    assert_int_equal(kr_rt_dump(&rt, RTM_NEWROUTE + 900, &h, sizeof h, NULL, NULL, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_true(e.sys > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),           cmocka_unit_test(addresses),
        cmocka_unit_test(routes),          cmocka_unit_test(encapsulation),
        cmocka_unit_test(nexthop_objects), cmocka_unit_test(rules),
        cmocka_unit_test(refusals),        cmocka_unit_test(no_such_dump),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}

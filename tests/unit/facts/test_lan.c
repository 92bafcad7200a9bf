#include "view.h"

#include <kr/err.h>
#include <kr/lan.h>
#include <kr/opt.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool has(const struct kr_lan *l, const char *prefix, const char *dev)
{
    for (size_t i = 0; i < l->n; i++) {
        char s[KR_ADDRSTRLEN];
        if (strcmp(kr_prefix_str(&l->v[i].prefix, s), prefix) == 0 &&
            strcmp(l->v[i].ifname, dev) == 0)
            return true;
    }
    return false;
}

static int find(struct world *w, const char *const *words, bool gateways, struct kr_lan *out,
                struct kr_err *e)
{
    struct kr_strlist list = {0};
    struct kr_prefix sink;
    kr_prefix_parse("10.99.0.0/24", &sink, NULL);
    memset(e, 0, sizeof *e);
    for (size_t i = 0; words[i]; i++)
        kr_strlist_add(&list, words[i]);
    int bad = kr_lan_find(&w->v, &list, "kumo-hole0", &sink, 1, gateways, out, e);
    kr_strlist_free(&list);
    return bad;
}

static void automatic(void **state)
{
    (void)state;
    struct world w;
    struct kr_lan l;
    struct kr_err e;
    plain_host(&w);
    a_link(&w, "eth1", "", ARPHRD_ETHER);
    a_link(&w, "tun0", "tun", ARPHRD_NONE);
    an_addr(&w, "eth1", "198.51.100.7/24");
    an_addr(&w, "eth1", "fd00:1::7/64");
    an_addr(&w, "eth1", "fe80::7/64");
    an_addr(&w, "eth1", "2a02:db8::7/64");
    an_addr(&w, "tun0", "100.64.0.7/10");
    assert_int_equal(find(&w, (const char *[]){NULL}, false, &l, &e), 0);
    assert_int_equal(l.n, 3);
    assert_true(has(&l, "192.168.1.0/24", "eth0"));
    assert_true(has(&l, "fd00:1::/64", "eth1"));
    assert_true(has(&l, "fe80::/64", "eth1"));
    kr_lan_free(&l);
    free_world(&w);
}

static void point_to_point(void **state)
{
    (void)state;
    struct world w;
    struct kr_lan l;
    struct kr_err e;
    plain_host(&w);
    a_link(&w, "ppp0", "ppp", ARPHRD_PPP);
    an_addr(&w, "ppp0", "10.8.0.2/32");
    kr_addr_parse("10.8.0.1", &w.v.addrs[w.v.n_addrs - 1].peer, NULL);
    a_route(&w, "10.8.0.1/32", "ppp0", NULL);
    assert_int_equal(find(&w, (const char *[]){"auto", NULL}, false, &l, &e), 0);
    assert_true(has(&l, "10.8.0.1/32", "ppp0"));
    kr_lan_free(&l);
    free_world(&w);
}

static void none_and_some(void **state)
{
    (void)state;
    struct world w;
    struct kr_lan l;
    struct kr_err e;
    plain_host(&w);
    assert_int_equal(find(&w, (const char *[]){"none", NULL}, false, &l, &e), 0);
    assert_int_equal(l.n, 0);
    assert_int_equal(find(&w, (const char *[]){"none", "auto", NULL}, false, &l, &e), -1);
    assert_int_equal(e.exit, KR_USAGE);
    assert_int_equal(
        find(&w, (const char *[]){"192.168.1.5", "192.168.1.64/26", NULL}, false, &l, &e), 0);
    assert_int_equal(l.n, 2);
    assert_true(has(&l, "192.168.1.5/32", "eth0"));
    kr_lan_free(&l);
    assert_int_equal(find(&w, (const char *[]){"192.168.1.5", "auto", NULL}, false, &l, &e), 0);
    assert_int_equal(l.n, 1); /* covered */
    kr_lan_free(&l);
    free_world(&w);
}

static void through_a_gateway(void **state)
{
    (void)state;
    struct world w;
    struct kr_lan l;
    struct kr_err e;
    plain_host(&w);
    a_route(&w, "10.5.0.0/16", "eth0", "192.168.1.2");
    assert_int_equal(find(&w, (const char *[]){"10.5.0.0/16", NULL}, false, &l, &e), -1);
    assert_int_equal(e.exit, KR_UNSAFE);
    assert_non_null(strstr(e.msg, "192.168.1.2"));
    assert_non_null(strstr(e.msg, "lan-gateway"));
    assert_int_equal(find(&w, (const char *[]){"10.5.0.0/16", NULL}, true, &l, &e), 0);
    assert_true(has(&l, "10.5.0.0/16", "eth0"));
    kr_lan_free(&l);
    /* Part of an on-link network may be routed away. */
    a_route(&w, "192.168.1.128/25", "eth0", "192.168.1.3");
    assert_int_equal(find(&w, (const char *[]){"192.168.1.0/24", NULL}, false, &l, &e), -1);
    assert_non_null(strstr(e.msg, "192.168.1.128/25"));
    free_world(&w);
}

static void two_devices(void **state)
{
    (void)state;
    struct world w;
    struct kr_lan l;
    struct kr_err e;
    plain_host(&w);
    a_link(&w, "eth1", "", ARPHRD_ETHER);
    a_route(&w, "10.1.0.0/16", "eth0", NULL);
    a_route(&w, "10.1.2.0/24", "eth1", NULL);
    assert_int_equal(find(&w, (const char *[]){"10.1.0.0/16", NULL}, true, &l, &e), -1);
    assert_non_null(strstr(e.msg, "another device"));
    free_world(&w);
}

static void absurd(void **state)
{
    static const char *const texts[] = {
        "0.0.0.0/0",
        "::/0",
        "8.0.0.0/7",
        "2000::/15",
        "127.0.0.0/8",
        "::1",
        "224.0.0.0/4",
        "ff02::/16",
        "192.0.2.0/24",
        "2001:db8::/32",
        "198.18.0.0/16",
        "10.99.0.0/24",
        "10.99.0.7/32",
        "10.98.0.0/15",
        "192.168.1.1/24",
        "10.0.0.0/33",
        "192.168.1.0/-1",
        "lan",
        "",
        "10.0.0.0/8/8",
    };
    (void)state;
    struct world w;
    struct kr_lan l;
    struct kr_err e;
    plain_host(&w);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(find(&w, (const char *[]){texts[i], NULL}, true, &l, &e), -1);
        assert_int_equal(e.exit, KR_USAGE);
        assert_non_null(strstr(e.msg, texts[i]));
    }
    free_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(automatic),     cmocka_unit_test(point_to_point),
        cmocka_unit_test(none_and_some), cmocka_unit_test(through_a_gateway),
        cmocka_unit_test(two_devices),   cmocka_unit_test(absurd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

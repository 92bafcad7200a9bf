#include "view.h"

#include <kr/err.h>
#include <kr/opt.h>
#include <kr/uplink.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOLE "kumo-hole0"

static const struct kr_uplink *find(const struct kr_uplinks *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->v[i].name, name) == 0)
            return &u->v[i];
    return NULL;
}

/* Decides, and checks that exactly these names (NULL ends) are uplinks. */
static struct kr_uplinks expect(struct world *w, const char *const *names)
{
    struct kr_uplinks u;
    struct kr_err e = {0};
    size_t n = 0;
    assert_int_equal(kr_uplinks_find(&w->v, NULL, HOLE, &u, &e), 0);
    for (; names[n]; n++)
        assert_non_null(find(&u, names[n]));
    assert_int_equal(u.n, n);
    return u;
}

static void plain(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", NULL});
    assert_string_equal(u.v[0].why, "default route");
    assert_int_equal(u.v[0].layer, KR_LAYER_ETHERNET);
    assert_false(u.v[0].carries_vlan);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
    free_world(&w);
}

static void vlan(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    struct kr_link *l = a_link(&w, "eth0.100", "vlan", ARPHRD_ETHER);
    l->lower = 2;
    l->vlan_protocol = 0x8100;
    a_route(&w, "0.0.0.0/0", "eth0.100", "10.0.0.1");
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", "eth0.100", NULL});
    assert_true(find(&u, "eth0")->carries_vlan);
    assert_false(find(&u, "eth0.100")->carries_vlan);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
    free_world(&w);
}

static void vlan_in_band(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    struct kr_link *l = a_link(&w, "eth0.100", "vlan", ARPHRD_ETHER);
    l->lower = 2;
    l->vlan_protocol = 0x8100;
    l->vlan_reorder = false;
    a_route(&w, "0.0.0.0/0", "eth0.100", "10.0.0.1");
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", "eth0.100", NULL});
    assert_int_equal(u.n_encaps, 1);
    assert_string_equal(u.encaps[0].lower, "eth0");
    assert_int_equal(u.encaps[0].ethertype, 0x8100);
    kr_uplinks_free(&u);
    free_world(&w);
}

static void qinq(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    a_link(&w, "eth0.5", "vlan", ARPHRD_ETHER)->lower = 2;
    w.v.links[2].vlan_protocol = 0x88a8;
    a_link(&w, "eth0.5.7", "vlan", ARPHRD_ETHER)->lower = 3;
    w.v.links[3].vlan_protocol = 0x8100;
    a_route(&w, "0.0.0.0/0", "eth0.5.7", "10.0.0.1");
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", "eth0.5", "eth0.5.7", NULL});
    assert_int_equal(u.n_encaps, 1);
    assert_string_equal(u.encaps[0].uplink, "eth0.5.7");
    assert_string_equal(u.encaps[0].lower, "eth0");
    kr_uplinks_free(&u);
    free_world(&w);
}

static void bond(void **state)
{
    (void)state;
    struct world w;
    memset(&w, 0, sizeof w);
    a_link(&w, "lo", "", ARPHRD_LOOPBACK);
    a_link(&w, "eth0", "", ARPHRD_ETHER)->master = 4;
    a_link(&w, "eth1", "", ARPHRD_ETHER)->master = 4;
    a_link(&w, "bond0", "bond", ARPHRD_ETHER);
    a_link(&w, "bond0.9", "vlan", ARPHRD_ETHER)->lower = 4;
    a_route(&w, "0.0.0.0/0", "bond0.9", "10.0.0.1");
    struct kr_uplinks u = expect(&w, (const char *[]){"bond0.9", "bond0", "eth0", "eth1", NULL});
    assert_true(find(&u, "bond0")->carries_vlan);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
    free_world(&w);
}

static void bridge(void **state)
{
    (void)state;
    struct world w;
    memset(&w, 0, sizeof w);
    a_link(&w, "lo", "", ARPHRD_LOOPBACK);
    a_link(&w, "br0", "bridge", ARPHRD_ETHER);
    a_link(&w, "eth0", "", ARPHRD_ETHER)->master = 2;
    a_link(&w, "veth1", "veth", ARPHRD_ETHER)->master = 2;
    a_route(&w, "0.0.0.0/0", "br0", "10.0.0.1");
    struct kr_uplinks u = expect(&w, (const char *[]){"br0", "eth0", "veth1", NULL});
    kr_uplinks_free(&u);
    free_world(&w);
}

static void containers_are_no_uplinks(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    a_link(&w, "docker0", "bridge", ARPHRD_ETHER);
    a_link(&w, "veth1", "veth", ARPHRD_ETHER)->master = 3;
    a_route(&w, "172.17.0.0/16", "docker0", NULL);
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", NULL});
    kr_uplinks_free(&u);
    free_world(&w);
}

static void tunnels(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    a_link(&w, "wg0", "wireguard", ARPHRD_NONE);
    a_link(&w, "sit1", "sit", ARPHRD_SIT)->lower = 2;
    a_link(&w, "ppp0", "ppp", ARPHRD_PPP);
    a_route(&w, "0.0.0.0/0", "wg0", NULL)->table = 51820;
    a_route(&w, "::/0", "sit1", NULL);
    a_route(&w, "10.9.0.0/16", "ppp0", "10.9.0.1");
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", "wg0", "sit1", "ppp0", NULL});
    assert_int_equal(find(&u, "wg0")->layer, KR_LAYER_IP);
    assert_int_equal(find(&u, "sit1")->layer, KR_LAYER_IP);
    assert_int_equal(find(&u, "ppp0")->layer, KR_LAYER_IP);
    assert_true(find(&u, "eth0")->tunnels_ipip);
    assert_false(find(&u, "eth0")->tunnels_gre);
    kr_uplinks_free(&u);
    free_world(&w);
}

static void macsec_and_mpls(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    a_link(&w, "macsec0", "macsec", ARPHRD_ETHER)->lower = 2;
    a_route(&w, "0.0.0.0/0", "macsec0", "10.0.0.1");
    a_route(&w, "10.7.0.0/16", "eth0", "192.168.1.2")->has_encap = true;
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", "macsec0", NULL});
    assert_int_equal(u.n_encaps, 2);
    assert_int_equal(u.encaps[0].ethertype, 0x88e5);
    assert_int_equal(u.encaps[1].ethertype, 0x8847);
    kr_uplinks_free(&u);
    free_world(&w);
}

static void hole_and_loopback_are_none(void **state)
{
    (void)state;
    struct world w;
    plain_host(&w);
    a_link(&w, HOLE, "", ARPHRD_ETHER);
    a_route(&w, "0.0.0.0/0", HOLE, NULL)->table = 2525;
    a_route(&w, "0.0.0.0/0", "lo", NULL)->table = 77;
    struct kr_uplinks u = expect(&w, (const char *[]){"eth0", NULL});
    kr_uplinks_free(&u);
    free_world(&w);
}

static void named(void **state)
{
    (void)state;
    struct world w;
    struct kr_uplinks u;
    struct kr_err e = {0};
    struct kr_strlist only = {0};
    plain_host(&w);
    a_link(&w, "veth9", "veth", ARPHRD_ETHER);
    kr_strlist_add(&only, "veth9");
    assert_int_equal(kr_uplinks_find(&w.v, &only, HOLE, &u, &e), 0);
    assert_int_equal(u.n, 1);
    assert_string_equal(u.v[0].name, "veth9");
    kr_uplinks_free(&u);
    kr_strlist_add(&only, "eth7");
    assert_int_equal(kr_uplinks_find(&w.v, &only, HOLE, &u, &e), -1);
    assert_int_equal(e.exit, KR_USAGE);
    assert_non_null(strstr(e.msg, "'eth7'"));
    kr_strlist_free(&only);
    free_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(vlan),
        cmocka_unit_test(bond),
        cmocka_unit_test(vlan_in_band),
        cmocka_unit_test(qinq),
        cmocka_unit_test(bridge),
        cmocka_unit_test(tunnels),
        cmocka_unit_test(containers_are_no_uplinks),
        cmocka_unit_test(named),
        cmocka_unit_test(macsec_and_mpls),
        cmocka_unit_test(hole_and_loopback_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

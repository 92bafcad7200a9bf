#include "networks.h"

#include <kr/strlist.h>
#include <kr/uplink.h>

#include <linux/lwtunnel.h>

#define HOLE "kumo-hole0"

static const struct kr_uplink *get(const struct kr_uplinks *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->v[i].name, name) == 0)
            return &u->v[i];
    return NULL;
}

static struct kr_uplinks find(struct view *w)
{
    struct kr_uplinks u;
    struct kr_err e = {0};
    assert_int_equal(kr_uplinks_find(&w->v, NULL, HOLE, &u, &e), 0);
    assert_int_equal(e.exit, 0);
    assert_null(get(&u, "lo"));
    assert_null(get(&u, HOLE));
    return u;
}

static void is(const struct kr_uplinks *u, const char *name, const char *why)
{
    const struct kr_uplink *x = get(u, name);
    assert_non_null(x);
    assert_string_equal(x->why, why);
}

static void encap_is(const struct kr_uplinks *u, size_t i, const char *uplink, const char *lower,
                     uint16_t type, const char *what)
{
    assert_true(i < u->n_encaps);
    assert_string_equal(u->encaps[i].uplink, uplink);
    assert_string_equal(u->encaps[i].lower, lower);
    assert_int_equal(u->encaps[i].ethertype, type);
    assert_string_equal(u->encaps[i].what, what);
}

static void host(struct view *w)
{
    memset(w, 0, sizeof *w);
    loopback(w);
    link_add(w, "eth0", "");
}

static void plain(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_add(&w, HOLE, "dummy");
    route(&w, "default", "192.0.2.1", "eth0");
    struct kr_route *ours = route(&w, "default", NULL, HOLE);
    ours->table = 2525;
    ours->protocol = 225;
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 1);
    is(&u, "eth0", "default route");
    assert_int_equal(u.v->layer, KR_LAYER_ETHERNET);
    assert_false(u.v->carries_vlan);
    assert_false(u.v->tunnels_ipip || u.v->tunnels_gre);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
}

static void idle_hardware_and_no_default(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_add(&w, "ib0", "ipoib")->arphrd = ARPHRD_INFINIBAND;
    link_add(&w, "can0", "")->arphrd = ARPHRD_CAN;
    link_add(&w, "dum", "dummy");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 2);
    is(&u, "eth0", "hardware device");
    assert_int_equal(get(&u, "ib0")->layer, KR_LAYER_OTHER);
    kr_uplinks_free(&u);
}

static void only_unicast_routes_lead_out(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_add(&w, "d0", "dummy");
    route(&w, "default", NULL, "d0")->type = RTN_UNREACHABLE;
    route(&w, "default", NULL, "d0")->type = RTN_THROW;
    route(&w, "default6", NULL, "d0")->table = RT_TABLE_LOCAL;
    route(&w, "172.17.0.0/16", NULL, "d0");
    route(&w, "8.8.4.0/24", NULL, "d0")->protocol = RTPROT_KERNEL; /* on-link */
    route(&w, "fe80::/64", NULL, "d0");
    route(&w, "ff00::/8", NULL, "d0");
    route(&w, "224.0.0.0/4", NULL, "d0");
    struct kr_uplinks u = find(&w);
    assert_null(get(&u, "d0"));
    kr_uplinks_free(&u);
}

static void vlan(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    vlan_on(&w, "eth0.100", "eth0");
    route(&w, "default", "192.0.2.1", "eth0.100");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 2);
    is(&u, "eth0.100", "default route");
    assert_false(get(&u, "eth0.100")->carries_vlan);
    assert_true(get(&u, "eth0")->carries_vlan);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
}

static void vlan_on_bond(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *eth1 = link_add(&w, "eth1", "");
    struct kr_link *bond = link_add(&w, "bond0", "bond");
    w.links[1].master = eth1->master = bond->index;
    vlan_on(&w, "bond0.7", "bond0");
    route(&w, "default6", "fe80::1", "bond0.7");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 4);
    is(&u, "bond0", "below bond0.7");
    assert_true(get(&u, "bond0")->carries_vlan);
    assert_true(get(&u, "eth0")->carries_vlan);
    assert_true(get(&u, "eth1")->carries_vlan);
    assert_false(get(&u, "bond0.7")->carries_vlan);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
}

static void bridge(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *br = link_add(&w, "br0", "bridge");
    struct kr_link *veth = link_add(&w, "veth1", "veth");
    struct kr_link *peer = link_add(&w, "veth2", "veth");
    veth->lower = peer->index;
    peer->lower = veth->index;
    w.links[1].master = veth->master = br->index;
    route(&w, "default", "192.0.2.1", "br0");
    struct kr_uplinks u = find(&w);
    is(&u, "veth1", "port of br0");
    assert_non_null(get(&u, "eth0"));
    is(&u, "veth2", "below veth1");
    assert_false(get(&u, "eth0")->carries_vlan);
    kr_uplinks_free(&u);
    br->vlan_filtering = true;
    u = find(&w);
    assert_true(get(&u, "eth0")->carries_vlan);
    assert_true(get(&u, "veth1")->carries_vlan);
    assert_false(get(&u, "veth2")->carries_vlan); /* beside: what comes out there is received */
    assert_false(get(&u, "br0")->carries_vlan);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
}

static void tunnel_default(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *wg = link_add(&w, "wg0", "wireguard"), *tun = link_add(&w, "tun0", "tun");
    wg->arphrd = tun->arphrd = ARPHRD_NONE;
    route(&w, "default", NULL, "wg0")->table = 51820;
    route(&w, "0.0.0.0/1", NULL, "tun0"); /* half of the internet, as openvpn does */
    struct kr_uplinks u = find(&w);
    is(&u, "wg0", "default route of table 51820");
    is(&u, "tun0", "route to 0.0.0.0/1");
    assert_int_equal(get(&u, "wg0")->layer, KR_LAYER_IP);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
}

static void pppoe(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    vlan_on(&w, "eth0.7", "eth0");
    struct kr_link *ppp = link_add(&w, "ppp0", "ppp");
    ppp->arphrd = ARPHRD_PPP;
    route(&w, "default", NULL, "ppp0");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n_encaps, 0); /* over a serial line */
    assert_null(get(&u, "eth0.7"));
    kr_uplinks_free(&u);
    unsigned below = index_of(&w, "eth0.7");
    w.v.pppoe = &below;
    w.v.n_pppoe = 1;
    u = find(&w);
    is(&u, "eth0.7", "PPPoE of ppp0");
    encap_is(&u, 0, "ppp0", "eth0.7", ETH_P_PPP_SES, "PPPoE: ppp0 on eth0.7");
    /* Below the VLAN device the tag shows first. */
    encap_is(&u, 1, "ppp0", "eth0", ETH_P_8021Q, "PPPoE: ppp0 on eth0.7");
    encap_is(&u, 2, "ppp0", "eth0.7", ETH_P_PPP_DISC, "PPPoE: ppp0 on eth0.7");
    assert_int_equal(u.n_encaps, 3);
    kr_uplinks_free(&u);
}

static void qinq(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *outer = vlan_on(&w, "eth0.5", "eth0");
    outer->vlan_protocol = ETH_P_8021AD;
    vlan_on(&w, "eth0.5.7", "eth0.5");
    route(&w, "default", "192.0.2.1", "eth0.5.7");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 3);
    assert_true(get(&u, "eth0.5")->carries_vlan);
    assert_int_equal(u.n_encaps, 1);
    encap_is(&u, 0, "eth0.5.7", "eth0", ETH_P_8021AD, "QinQ: eth0.5.7 on eth0.5");
    kr_uplinks_free(&u);
}

static void tag_in_band(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    vlan_on(&w, "eth0.5", "eth0")->vlan_reorder = false;
    route(&w, "default", "192.0.2.1", "eth0.5");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n_encaps, 1);
    encap_is(&u, 0, "eth0.5", "eth0", ETH_P_8021Q, "VLAN tag in the frame: eth0.5 on eth0");
    kr_uplinks_free(&u);
}

static void macvlan(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_on(&w, "m0", "macvlan", "eth0");
    route(&w, "default", "192.0.2.1", "m0");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 2);
    assert_int_equal(u.n_encaps, 0);
    kr_uplinks_free(&u);
    vlan_on(&w, "m0.3", "m0");
    u = find(&w);
    assert_true(get(&u, "m0")->carries_vlan);
    assert_false(get(&u, "eth0")->carries_vlan);
    encap_is(&u, 0, "m0.3", "eth0", ETH_P_8021Q, "VLAN tag in the frame: m0.3 on m0");
    kr_uplinks_free(&u);
}

static void lower_elsewhere(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *m = link_add(&w, "m0", "macvlan");
    m->lower_elsewhere = true;
    route(&w, "default", "192.0.2.1", "m0");
    struct kr_uplinks u = find(&w);
    assert_non_null(get(&u, "m0"));
    kr_uplinks_free(&u);
}

static void macsec_and_batman(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_on(&w, "macsec0", "macsec", "eth0");
    struct kr_link *eth1 = link_add(&w, "eth1", "");
    eth1->master = link_add(&w, "bat0", "batadv")->index;
    route(&w, "default", "192.0.2.1", "macsec0");
    route(&w, "198.51.100.0/24", "192.0.2.9", "bat0");
    struct kr_uplinks u = find(&w);
    is(&u, "bat0", "route to 198.51.100.0/24 through a gateway");
    assert_int_equal(u.n_encaps, 2);
    encap_is(&u, 0, "macsec0", "eth0", ETH_P_MACSEC, "MACsec: macsec0 on eth0");
    encap_is(&u, 1, "bat0", "eth1", ETH_P_BATMAN, "batman-adv: bat0 on eth1");
    kr_uplinks_free(&u);
}

static void mpls(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_route *r = route(&w, "default", "192.0.2.1", "eth0");
    r->has_encap = true;
    r->encap = LWTUNNEL_ENCAP_MPLS;
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n_encaps, 1);
    encap_is(&u, 0, "eth0", "eth0", ETH_P_MPLS_UC, "MPLS: labelled routes on eth0");
    kr_uplinks_free(&u);
    r->encap = LWTUNNEL_ENCAP_SEG6;
    u = find(&w);
    assert_int_equal(u.n_encaps, 0);
    assert_true(u.v->tunnels_ipip);
    kr_uplinks_free(&u);
    r->has_encap = false;
    r->encap = 0;
    unsigned by = index_of(&w, "eth0");
    w.v.mpls = &by;
    w.v.n_mpls = 1;
    u = find(&w);
    assert_int_equal(u.n_encaps, 1);
    kr_uplinks_free(&u);
}

static void docker(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *br = link_add(&w, "docker0", "bridge");
    struct kr_link *veth = link_add(&w, "veth9", "veth");
    veth->lower_elsewhere = true;
    veth->master = br->index;
    route(&w, "default", "192.0.2.1", "eth0");
    address(&w, "docker0", "172.17.0.1/16");
    address(&w, "docker0", "fd00::1/64");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 1);
    kr_uplinks_free(&u);
}

static void policy_table_and_multipath(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_add(&w, "tap1", "tun");
    link_add(&w, "tap2", "tun");
    link_add(&w, "tap3", "tun");
    route(&w, "default", "192.0.2.1", "tap1")->table = 100;
    route(&w, "default", "192.0.2.1", "tap2")->multipath = true;
    route(&w, "default", "192.0.2.2", "tap3")->multipath = true;
    struct kr_uplinks u = find(&w);
    is(&u, "tap1", "default route of table 100");
    is(&u, "tap2", "default route");
    is(&u, "tap3", "default route");
    kr_uplinks_free(&u);
}

static void ipv4_through_ipv6(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_add(&w, "d0", "dummy");
    link_add(&w, "d1", "dummy");
    route(&w, "203.0.113.0/24", "fe80::1", "d0");
    /* An IPv6 route to the mapped space is no IPv4 default route. */
    struct kr_route *mapped = route(&w, "default", NULL, "d1");
    mapped->family = AF_INET6;
    struct kr_uplinks u = find(&w);
    is(&u, "d0", "route to 203.0.113.0/24 through a gateway");
    assert_true(!get(&u, "d1") || strcmp(get(&u, "d1")->why, "default route") != 0);
    kr_uplinks_free(&u);
}

static void tunnels(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *sit = link_add(&w, "sit0", "sit"), *gre = link_on(&w, "g1", "gretap", "eth0");
    sit->flags = 0; /* the device the module brings along: down, it sends nothing */
    route(&w, "default", "192.0.2.1", "eth0");
    struct kr_uplinks u = find(&w);
    assert_false(u.v->tunnels_ipip);
    assert_true(u.v->tunnels_gre);
    kr_uplinks_free(&u);
    sit->flags = IFF_UP;
    gre->flags = 0;
    u = find(&w);
    assert_true(u.v->tunnels_ipip);
    assert_false(u.v->tunnels_gre);
    kr_uplinks_free(&u);
}

/* A tunnel over a tagged device begins anew: the VLAN tag on top of it stays inside its packets. */
static void tunnel_starts_again(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    link_on(&w, "vx0", "vxlan", "eth0");
    vlan_on(&w, "vx0.9", "vx0");
    route(&w, "default", "192.0.2.1", "vx0.9");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n_encaps, 0);
    assert_true(get(&u, "vx0")->carries_vlan);
    assert_false(get(&u, "eth0")->carries_vlan);
    kr_uplinks_free(&u);
}

static void named(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    vlan_on(&w, "eth0.100", "eth0");
    link_add(&w, "eth1", "");
    const char *names[] = {"eth0.100"};
    struct kr_strlist only = {.v = names, .n = 1};
    struct kr_uplinks u;
    struct kr_err e = {0};
    assert_int_equal(kr_uplinks_find(&w.v, &only, HOLE, &u, &e), 0);
    assert_int_equal(u.n, 2);
    is(&u, "eth0.100", "named by --uplink");
    is(&u, "eth0", "below eth0.100");
    kr_uplinks_free(&u);
    names[0] = "eht1";
    assert_int_equal(kr_uplinks_find(&w.v, &only, HOLE, &u, &e), -1);
    assert_int_equal(e.exit, KR_USAGE);
    assert_string_equal(e.msg, "--uplink 'eht1': there is no such device; did you mean 'eth1'?");
    names[0] = "wlp59s0f3u1u2u3u4";
    assert_int_equal(kr_uplinks_find(&w.v, &only, HOLE, &u, &e), -1);
    assert_string_equal(e.msg, "--uplink 'wlp59s0f3u1u2u3u4': there is no such device");
    names[0] = "lo";
    assert_int_equal(kr_uplinks_find(&w.v, &only, HOLE, &u, &e), -1);
    assert_int_equal(e.exit, KR_USAGE);
}

static void device_that_is_not_there(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_uplinks u;
    struct kr_err e = {0};
    route(&w, "default", "192.0.2.1", "eth0")->oif = 77;
    assert_int_equal(kr_uplinks_find(&w.v, NULL, HOLE, &u, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_null(u.v);
}

/* Devices that name each other as lower must not be followed for ever. */
static void ring(void **state)
{
    (void)state;
    struct view w;
    host(&w);
    struct kr_link *a = link_on(&w, "a", "macvlan", "eth0"), *b = link_on(&w, "b", "macvlan", "a");
    a->lower = b->index;
    route(&w, "default", "192.0.2.1", "a");
    struct kr_uplinks u = find(&w);
    assert_int_equal(u.n, 3);
    kr_uplinks_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(idle_hardware_and_no_default),
        cmocka_unit_test(only_unicast_routes_lead_out),
        cmocka_unit_test(vlan),
        cmocka_unit_test(vlan_on_bond),
        cmocka_unit_test(bridge),
        cmocka_unit_test(tunnel_default),
        cmocka_unit_test(pppoe),
        cmocka_unit_test(qinq),
        cmocka_unit_test(tag_in_band),
        cmocka_unit_test(macvlan),
        cmocka_unit_test(lower_elsewhere),
        cmocka_unit_test(macsec_and_batman),
        cmocka_unit_test(mpls),
        cmocka_unit_test(docker),
        cmocka_unit_test(policy_table_and_multipath),
        cmocka_unit_test(ipv4_through_ipv6),
        cmocka_unit_test(tunnels),
        cmocka_unit_test(tunnel_starts_again),
        cmocka_unit_test(named),
        cmocka_unit_test(device_that_is_not_there),
        cmocka_unit_test(ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

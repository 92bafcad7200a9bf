/* The checks of devices and namespaces on made-up networks: what this kernel does not have, too. */
#include "networks.h"

#include "../../../src/facts/links.h"

#include <kr/netview.h>

struct host {
    struct view w;
    struct kr_uplinks plan;
    struct kr_uplink uplinks[8];
    struct kr_far_link here[16], there[8];
    int to_here[16], to_there[8];
    struct kr_space other;
    struct kr_keeper keeper;
    struct kr_wanted tuns[4];
    struct kr_way way;
    struct kr_linkscan scan;
    struct kr_scene s;
    struct kr_result r;
};

/* lo, and eth0 with a default route. */
static void setup(struct host *h)
{
    memset(h, 0, sizeof *h);
    loopback(&h->w);
    link_add(&h->w, "eth0", "");
    address(&h->w, "eth0", "192.0.2.2/24");
    route(&h->w, "default", "192.0.2.1", "eth0");
    h->plan.v = h->uplinks;
    h->s.uplinks = &h->plan;
    h->s.view = &h->w.v;
    h->s.links = &h->scan;
    h->scan.spaces_read = true;
    h->scan.tuns = h->tuns;
    h->scan.ways = &h->way;
    h->scan.spaces.first = h->scan.spaces.all_pids = true;
    h->scan.spaces.here.view.v = h->here;
    h->scan.spaces.here.to = h->to_here;
}

static void fence(struct host *h, const char *name)
{
    struct kr_uplink *u = &h->uplinks[h->plan.n++];
    *u = (struct kr_uplink){.index = index_of(&h->w, name)};
    snprintf(u->name, sizeof u->name, "%s", name);
}

/* What rtnetlink tells of the links made so far. */
static void see_links(struct host *h)
{
    struct kr_nsview *v = &h->scan.spaces.here.view;
    for (v->n = 0; v->n < h->w.v.n_links; v->n++) {
        const struct kr_link *l = &h->w.links[v->n];
        h->here[v->n] = (struct kr_far_link){
            .link = *l, .nsid = KR_NSID_NONE, .beyond = l->lower, .ipvlan_mode = -1};
        h->to_here[v->n] = KR_TO_SAME;
    }
}

static struct kr_far_link *child_elsewhere(struct host *h, const char *name, const char *kind,
                                           const char *lower)
{
    h->keeper = (struct kr_keeper){.inode = 5, .pid = 42, .who = "app"};
    h->other = (struct kr_space){.inode = 5, .keepers = &h->keeper, .n_keepers = 1};
    h->other.view.v = h->there;
    h->other.view.n = 1;
    h->other.to = h->to_there;
    h->to_there[0] = KR_TO_HERE;
    h->there[0] =
        (struct kr_far_link){.nsid = 0, .beyond = index_of(&h->w, lower), .ipvlan_mode = -1};
    h->there[0].link = (struct kr_link){.index = 9, .flags = IFF_UP, .arphrd = ARPHRD_ETHER};
    snprintf(h->there[0].link.name, IFNAMSIZ, "%s", name);
    snprintf(h->there[0].link.kind, sizeof h->there[0].link.kind, "%s", kind);
    h->scan.spaces.v = &h->other;
    h->scan.spaces.n = 1;
    return &h->there[0];
}

static enum kr_verdict run(struct host *h, kr_link_check *check)
{
    struct kr_err e = {0};
    kr_result_free(&h->r);
    kr_uplinks_free(&h->scan.out);
    h->scan.out_read = false;
    assert_int_equal(check(&h->s, &h->r, &e), 0);
    return h->r.verdict;
}

static void done(struct host *h)
{
    kr_result_free(&h->r);
    kr_uplinks_free(&h->scan.out);
}

static void new_devices(void **state)
{
    struct host h;
    (void)state;
    setup(&h);
    assert_int_equal(run(&h, kr_check_new_devices), KR_BROKEN);
    assert_string_equal(h.r.v[0].ifname, "eth0");
    fence(&h, "eth0");
    assert_int_equal(run(&h, kr_check_new_devices), KR_HOLDS);
    h.s.no_fence = true; /* a waiver of its own */
    assert_int_equal(run(&h, kr_check_new_devices), KR_HOLDS);
    h.uplinks[0].index = 7; /* it was made again */
    assert_int_equal(run(&h, kr_check_new_devices), KR_BROKEN);
    assert_non_null(strstr(h.r.v[0].detail, "the fence is for eth0 with index 7"));
    h.uplinks[0].index = index_of(&h.w, "eth0");
    link_add(&h.w, "veth1", "veth");
    link_add(&h.w, "br0", "bridge");
    assert_int_equal(run(&h, kr_check_new_devices), KR_HOLDS);
    link_add(&h.w, "eth1", "");
    link_on(&h.w, "wg0", "wireguard", "lo");
    route(&h.w, "198.51.100.0/24", NULL, "wg0");
    assert_int_equal(run(&h, kr_check_new_devices), KR_BROKEN);
    assert_int_equal(h.r.n, 2);
    done(&h);
}

static void bridges(void **state)
{
    struct host h;
    (void)state;
    setup(&h);
    fence(&h, "eth0");
    unsigned br = link_add(&h.w, "br0", "bridge")->index;
    link_add(&h.w, "veth1", "veth")->master = br;
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_HOLDS);
    assert_int_equal(h.r.n, 0); /* a container's bridge */
    h.w.links[1].master = br;
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_HOLDS);
    assert_string_equal(h.r.v[0].detail, "what its 1 other ports send out meets the fence on eth0");
    struct kr_link *eth1 = link_add(&h.w, "eth1", "");
    eth1->master = br;
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_BROKEN);
    snprintf(eth1->kind, sizeof eth1->kind, "gretap");
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_BROKEN);
    eth1->flags = 0;
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_HOLDS);
    eth1->flags = IFF_UP;
    fence(&h, "eth1");
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_HOLDS);
    done(&h);
}

static void vrf(void **state)
{
    struct host h;
    (void)state;
    setup(&h);
    fence(&h, "eth0");
    unsigned blue = link_add(&h.w, "blue", "vrf")->index;
    h.w.links[1].master = blue;
    assert_int_equal(run(&h, kr_check_vrf), KR_HOLDS);
    assert_int_equal(h.r.n, 1);
    link_add(&h.w, "eth1", "")->master = blue;
    assert_int_equal(run(&h, kr_check_vrf), KR_BROKEN);
    assert_int_equal(run(&h, kr_check_bridge_ports), KR_HOLDS);
    done(&h);
}

static void children(void **state)
{
    struct host h;
    (void)state;
    setup(&h);
    fence(&h, "eth0");
    link_add(&h.w, "dummy0", "dummy");
    link_on(&h.w, "mv0", "macvlan", "eth0");
    link_on(&h.w, "mv1", "macvlan", "dummy0");
    vlan_on(&h.w, "eth0.5", "eth0");
    see_links(&h);
    assert_int_equal(run(&h, kr_check_link_children), KR_HOLDS);
    assert_int_equal(h.r.n, 1);
    child_elsewhere(&h, "eth0", "macvlan", "eth0");
    assert_int_equal(run(&h, kr_check_link_children), KR_HOLDS);
    assert_int_equal(h.r.n, 2);
    assert_int_equal(h.r.v[1].pid, 42);
    h.plan.n = 0;
    assert_int_equal(run(&h, kr_check_link_children), KR_BROKEN);
    h.to_there[0] = 0; /* of a third namespace's device: not ours to judge */
    h.here[3].beyond = 0;
    assert_int_equal(run(&h, kr_check_link_children), KR_HOLDS);
    done(&h);
}

static void ipvlan_by_its_mode(void **state)
{
    static const struct {
        int mode;
        enum kr_verdict want;
    } rows[] = {{0, KR_HOLDS}, {1, KR_HOLDS}, {2, KR_HOLDS}, {3, KR_IN_DOUBT}, {-1, KR_IN_DOUBT}};
    struct host h;
    (void)state;
    setup(&h);
    fence(&h, "eth0");
    see_links(&h);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        child_elsewhere(&h, "ipv0", "ipvlan", "eth0")->ipvlan_mode = rows[i].mode;
        assert_int_equal(run(&h, kr_check_link_children), rows[i].want);
    }
    done(&h);
}

static void tun_owners(void **state)
{
    struct host h;
    (void)state;
    setup(&h);
    fence(&h, "eth0");
    unsigned br = link_add(&h.w, "br0", "bridge")->index;
    struct kr_link *tap = link_add(&h.w, "tap0", "tun");
    see_links(&h);
    h.here[3].carrier = true;
    assert_int_equal(run(&h, kr_check_tun_owners), KR_HOLDS);
    tap->master = h.here[3].link.master = br;
    assert_int_equal(run(&h, kr_check_tun_owners), KR_HOLDS); /* alone on the bridge */
    h.w.links[1].master = br;
    assert_int_equal(run(&h, kr_check_tun_owners), KR_HOLDS); /* beside an uplink */
    link_add(&h.w, "veth1", "veth")->master = br;
    assert_int_equal(run(&h, kr_check_tun_owners), KR_IN_DOUBT);
    h.tuns[0] = (struct kr_wanted){.tun = "tap0", .pid = 9, .name = "qemu-system-x86"};
    h.scan.n_tuns = 1;
    assert_int_equal(run(&h, kr_check_tun_owners), KR_HOLDS);
    snprintf(h.tuns[0].name, sizeof h.tuns[0].name, "openvpn");
    assert_int_equal(run(&h, kr_check_tun_owners), KR_IN_DOUBT);
    fence(&h, "tap0");
    assert_int_equal(run(&h, kr_check_tun_owners), KR_HOLDS);
    done(&h);
}

static void what_hides_namespaces(void **state)
{
    int unseen[] = {4};
    struct host h;
    struct kr_spaces *s = &h.scan.spaces;
    (void)state;
    setup(&h);
    see_links(&h);
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_HOLDS);
    s->unreadable = 3;
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_IN_DOUBT);
    s->first = false; /* ip netns exec: those around us can't be judged */
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_HOLDS);
    s->all_pids = false; /* a container: those inside can */
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_IN_DOUBT);
    s->unreadable = 0;
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_HOLDS);
    s->first = true; /* the host's network, a container's processes */
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_IN_DOUBT);
    s->all_pids = true;
    s->unseen = unseen;
    s->n_unseen = 1;
    h.here[1].nsid = 4;
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_IN_DOUBT);
    assert_non_null(strstr(h.r.v[0].detail, "at the other end of eth0"));
    s->n_unseen = 0;
    snprintf(s->blind, sizeof s->blind, "hidepid");
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_IN_DOUBT);
    done(&h);
}

static void other_namespaces(void **state)
{
    struct host h;
    (void)state;
    setup(&h);
    see_links(&h);
    child_elsewhere(&h, "wg0", "wireguard", "eth0");
    h.way = (struct kr_way){.verdict = KR_BROKEN, .by = h.there};
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_BROKEN);
    assert_string_equal(h.r.v[0].object, "namespace of app (process 42)");
    h.scan.spaces.first = false;
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_BROKEN); /* it sends by us */
    h.to_there[0] = KR_TO_SAME;
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_HOLDS);
    h.scan.spaces.first = true;
    h.other.gone = true;
    h.way.verdict = KR_HOLDS;
    assert_int_equal(run(&h, kr_check_other_namespaces), KR_HOLDS);
    done(&h);
}

static void every_check_says_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < kr_checks_link.n; i++) {
        const struct kr_check *c = &kr_checks_link.v[i];
        assert_true(c->id && c->title && c->rows && c->why && c->how && c->remedy && c->run);
        assert_true(c->waivable && !c->advice && c->phase == KR_STATIC);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_devices),
        cmocka_unit_test(bridges),
        cmocka_unit_test(vrf),
        cmocka_unit_test(children),
        cmocka_unit_test(ipvlan_by_its_mode),
        cmocka_unit_test(tun_owners),
        cmocka_unit_test(what_hides_namespaces),
        cmocka_unit_test(other_namespaces),
        cmocka_unit_test(every_check_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

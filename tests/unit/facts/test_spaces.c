/* Which made-up namespaces have a way out. */
#include "networks.h"

#include "../../../src/facts/ways.h"

#include <kr/owners.h>

#define HERE 1

struct machine {
    struct kr_spaces s;
    struct kr_space v[16];
    struct kr_far_link links[16][8];
    int to[16][8];
    struct kr_keeper keepers[16];
    struct kr_wanted tuns[8];
    size_t n_tuns;
    struct kr_way ways[16];
};

static size_t space(struct machine *m)
{
    size_t i = m->s.n++;
    m->s.inode = HERE;
    m->s.v = m->v;
    m->keepers[i] = (struct kr_keeper){.inode = 100 + i, .pid = (pid_t)(1000 + i), .who = "app"};
    m->v[i] = (struct kr_space){.inode = 100 + i, .keepers = &m->keepers[i], .n_keepers = 1};
    m->v[i].view.v = m->links[i];
    m->v[i].to = m->to[i];
    return i;
}

static struct kr_far_link *far_link(struct machine *m, size_t at, const char *name,
                                    const char *kind, int to)
{
    struct kr_space *x = &m->v[at];
    struct kr_far_link *l = &x->view.v[x->view.n];
    x->to[x->view.n++] = to;
    *l = (struct kr_far_link){.nsid = to == KR_TO_SAME ? KR_NSID_NONE : 0, .ipvlan_mode = -1};
    l->link =
        (struct kr_link){.index = (unsigned)x->view.n, .arphrd = ARPHRD_ETHER, .flags = IFF_UP};
    snprintf(l->link.name, sizeof l->link.name, "%s", name);
    snprintf(l->link.kind, sizeof l->link.kind, "%s", kind);
    return l;
}

static size_t container(struct machine *m)
{
    size_t x = space(m);
    far_link(m, x, "lo", "", KR_TO_SAME)->link.flags |= IFF_LOOPBACK;
    far_link(m, x, "eth0", "veth", KR_TO_HERE);
    return x;
}

static void held_by(struct machine *m, const char *tun, const char *name, ino_t netns)
{
    struct kr_wanted *w = &m->tuns[m->n_tuns++];
    *w = (struct kr_wanted){.pid = 77, .netns = netns};
    snprintf(w->tun, sizeof w->tun, "%s", tun);
    snprintf(w->name, sizeof w->name, "%s", name);
}

static enum kr_verdict verdict(struct machine *m, size_t at)
{
    kr_spaces_judge(&m->s, m->tuns, m->n_tuns, m->ways);
    return m->ways[at].verdict;
}

static void a_container_holds(void **state)
{
    struct machine m = {0};
    (void)state;
    size_t x = container(&m);
    far_link(&m, x, "br0", "bridge", KR_TO_SAME);
    far_link(&m, x, "dummy0", "dummy", KR_TO_SAME);
    far_link(&m, x, "tunl0", "ipip", KR_TO_SAME)->link.flags = 0;
    far_link(&m, x, "mv0", "macvlan", KR_TO_HERE);
    assert_int_equal(verdict(&m, x), KR_HOLDS);
}

static void what_leads_out(void **state)
{
    static const struct {
        const char *kind;
        enum kr_verdict want;
    } rows[] = {
        {"", KR_BROKEN},     {"wireguard", KR_BROKEN}, {"vxlan", KR_BROKEN},
        {"ppp", KR_BROKEN},  {"ipoib", KR_BROKEN},     {"sit", KR_BROKEN},
        {"xfrm", KR_BROKEN}, {"wonder", KR_IN_DOUBT},  {"openvswitch", KR_IN_DOUBT},
        {"bond", KR_HOLDS},  {"ifb", KR_HOLDS},        {"vlan", KR_HOLDS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct machine m = {0};
        size_t x = container(&m);
        const struct kr_far_link *l = far_link(&m, x, "d0", rows[i].kind, KR_TO_SAME);
        if (verdict(&m, x) != rows[i].want)
            fail_msg("kind '%s'", rows[i].kind);
        if (rows[i].want != KR_HOLDS)
            assert_ptr_equal(m.ways[x].by, l);
    }
}

static void hardware_counts_though_it_is_down(void **state)
{
    struct machine m = {0};
    (void)state;
    size_t x = container(&m), y = container(&m), z = container(&m);
    far_link(&m, x, "eth1", "", KR_TO_SAME)->link.flags = 0;
    far_link(&m, y, "can0", "", KR_TO_SAME)->link.arphrd = ARPHRD_CAN;
    far_link(&m, z, "vxlan0", "vxlan", KR_TO_SAME)->link.flags = 0;
    assert_int_equal(verdict(&m, x), KR_BROKEN);
    assert_non_null(strstr(m.ways[x].what, "now down"));
    assert_int_equal(m.ways[y].verdict, KR_HOLDS);
    assert_int_equal(m.ways[z].verdict, KR_HOLDS);
}

/* a - b - c - d, where d has hardware; e hangs on us only. */
static void a_way_is_inherited_along_a_chain(void **state)
{
    struct machine m = {0};
    size_t v[5];
    (void)state;
    for (size_t i = 0; i < 5; i++)
        v[i] = container(&m);
    for (size_t i = 0; i < 3; i++) {
        far_link(&m, v[i], "right", "veth", (int)v[i + 1]);
        far_link(&m, v[i + 1], "left", "veth", (int)v[i]);
    }
    far_link(&m, v[3], "eth1", "", KR_TO_SAME);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(verdict(&m, v[i]), KR_BROKEN);
    assert_int_equal(m.ways[v[4]].verdict, KR_HOLDS);
    assert_string_equal(m.ways[v[2]].what,
                        "by right there to the namespace of app (process 1003), which has eth1");
    assert_string_equal(m.ways[v[0]].what,
                        "by right there to the namespace of app (process 1001), which has right");
}

static void a_child_of_another_namespaces_device(void **state)
{
    struct machine m = {0};
    (void)state;
    size_t x = container(&m), y = container(&m), z = container(&m);
    far_link(&m, x, "mv0", "macvlan", (int)y);
    far_link(&m, z, "ipv0", "ipvlan", (int)x);
    assert_int_equal(verdict(&m, x), KR_HOLDS);
    far_link(&m, y, "eth1", "", KR_TO_SAME);
    assert_int_equal(verdict(&m, x), KR_BROKEN);
    assert_int_equal(m.ways[z].verdict, KR_BROKEN);
}

static void circles_end(void **state)
{
    struct machine m = {0};
    (void)state;
    size_t v[3] = {container(&m), container(&m), container(&m)};
    for (size_t i = 0; i < 3; i++)
        far_link(&m, v[i], "next", "veth", (int)v[(i + 1) % 3]);
    assert_int_equal(verdict(&m, v[0]), KR_HOLDS);
    far_link(&m, v[1], "tap0", "tun", KR_TO_SAME)->carrier = true;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(verdict(&m, v[i]), KR_IN_DOUBT);
}

static void programs_behind_tun_devices(void **state)
{
    struct machine m = {0};
    (void)state;
    size_t x = container(&m);
    struct kr_far_link *l = far_link(&m, x, "tap0", "tun", KR_TO_SAME);
    assert_int_equal(verdict(&m, x), KR_HOLDS); /* nobody holds it */
    l->carrier = true;
    assert_int_equal(verdict(&m, x), KR_IN_DOUBT);
    held_by(&m, "tap1", "slirp4netns", HERE);
    assert_int_equal(verdict(&m, x), KR_IN_DOUBT);
    held_by(&m, "tap0", "slirp4netns", HERE);
    assert_int_equal(verdict(&m, x), KR_HOLDS);
    m.tuns[1].netns = 100;
    assert_int_equal(verdict(&m, x), KR_IN_DOUBT);
    m.tuns[1].netns = HERE;
    m.tuns[1].others = 1;
    assert_int_equal(verdict(&m, x), KR_IN_DOUBT);
    m.n_tuns = 0;
    held_by(&m, "tap0", "openvpn", HERE);
    assert_int_equal(verdict(&m, x), KR_IN_DOUBT);
}

static void what_cannot_be_seen_is_in_doubt(void **state)
{
    struct machine m = {0};
    (void)state;
    size_t x = container(&m), y = container(&m), z = container(&m);
    far_link(&m, x, "eth1", "veth", KR_TO_UNSEEN);
    m.v[y].shut = true;
    snprintf(m.v[y].why, sizeof m.v[y].why, "it can't be entered");
    far_link(&m, z, "eth1", "veth", (int)y);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(verdict(&m, i), KR_IN_DOUBT);
    assert_string_equal(m.ways[y].what, "it can't be entered");
    assert_non_null(strstr(m.ways[z].what, "not been looked into"));
}

static void mounts_of_namespaces(void **state)
{
    static const struct {
        const char *line, *path;
        ino_t inode;
    } rows[] = {
        {"36 35 0:4 net:[4026532281] /run/netns/x rw shared:1 - nsfs nsfs rw\n", "/run/netns/x",
         4026532281},
        {"36 35 0:4 net:[4026532281] /run/a\\040b\\134 rw - nsfs nsfs rw\n", "/run/a b\\",
         4026532281},
        {"36 35 0:4 mnt:[4026532281] /run/x rw - nsfs nsfs rw\n", NULL, 0},
        {"24 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n", NULL, 0},
        {"36 35 0:4 net:[x] /run/x rw - nsfs nsfs rw\n", NULL, 0},
        {"", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[128], *path;
        ino_t inode = 0;
        snprintf(line, sizeof line, "%s", rows[i].line);
        assert_int_equal(kr_spaces_mount_line(line, &inode, &path), rows[i].path != NULL);
        if (!rows[i].path)
            continue;
        assert_string_equal(path, rows[i].path);
        assert_int_equal(inode, rows[i].inode);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_container_holds),
        cmocka_unit_test(what_leads_out),
        cmocka_unit_test(hardware_counts_though_it_is_down),
        cmocka_unit_test(a_way_is_inherited_along_a_chain),
        cmocka_unit_test(a_child_of_another_namespaces_device),
        cmocka_unit_test(circles_end),
        cmocka_unit_test(programs_behind_tun_devices),
        cmocka_unit_test(what_cannot_be_seen_is_in_doubt),
        cmocka_unit_test(mounts_of_namespaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Links and what is beyond them, as rtnetlink tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/net/nsview.c"

#include <linux/if_arp.h>

static struct nlmsghdr *begin(char *buf, const char *name, int index)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = RTM_NEWLINK;
    struct ifinfomsg *i = mnl_nlmsg_put_extra_header(nlh, sizeof *i);
    i->ifi_index = index;
    i->ifi_type = ARPHRD_ETHER;
    i->ifi_flags = IFF_UP | LOWER_UP;
    mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
    return nlh;
}

static void put_kind(struct nlmsghdr *nlh, const char *kind, int mode)
{
    struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
    mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
    if (mode >= 0) {
        struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
        mnl_attr_put_u16(nlh, IFLA_IPVLAN_MODE, (uint16_t)mode);
        mnl_attr_nest_end(nlh, data);
    }
    mnl_attr_nest_end(nlh, info);
}

/* Reads one message; *bad: it was refused. */
static struct kr_far_link read_one(const struct nlmsghdr *nlh, bool *bad)
{
    struct kr_nsview v = {0};
    struct reading r = {.out = &v};
    struct kr_far_link l = {0};
    r.nv.v = &r.one;
    *bad = on_link(nlh, &r) != 0;
    if (!*bad && v.n)
        l = v.v[0];
    kr_netview_free(&r.one);
    kr_nsview_free(&v);
    return l;
}

static void a_pair_into_another_namespace(void **state)
{
    char buf[1024];
    bool bad;
    (void)state;
    struct nlmsghdr *nlh = begin(buf, "eth0", 2);
    mnl_attr_put_u32(nlh, IFLA_LINK, 17);
    mnl_attr_put_u32(nlh, IFLA_LINK_NETNSID, 0);
    mnl_attr_put_u32(nlh, IFLA_NUM_VF, 4);
    put_kind(nlh, "veth", -1);
    struct kr_far_link l = read_one(nlh, &bad);
    assert_false(bad);
    assert_string_equal(l.link.name, "eth0");
    assert_string_equal(l.link.kind, "veth");
    assert_int_equal(l.beyond, 17);
    assert_int_equal(l.nsid, 0);
    assert_int_equal(l.vfs, 4);
    assert_int_equal(l.ipvlan_mode, -1);
    assert_true(l.carrier);
}

static void without_an_id_it_is_here(void **state)
{
    char buf[1024];
    bool bad;
    (void)state;
    struct nlmsghdr *nlh = begin(buf, "mv0", 5);
    mnl_attr_put_u32(nlh, IFLA_LINK, 5); /* itself: tunnels say so */
    struct kr_far_link l = read_one(nlh, &bad);
    assert_int_equal(l.nsid, KR_NSID_NONE);
    assert_int_equal(l.beyond, 0);
}

static void modes_of_ipvlan(void **state)
{
    char buf[1024];
    bool bad;
    (void)state;
    for (int mode = -1; mode < 4; mode++) {
        struct nlmsghdr *nlh = begin(buf, "ipv0", 5);
        put_kind(nlh, "ipvlan", mode);
        assert_int_equal(read_one(nlh, &bad).ipvlan_mode, mode);
        nlh = begin(buf, "ipv0", 5);
        put_kind(nlh, "veth", mode);
        assert_int_equal(read_one(nlh, &bad).ipvlan_mode, -1);
    }
}

static void what_is_no_link_is_refused(void **state)
{
    char buf[1024];
    bool bad;
    (void)state;
    struct nlmsghdr *nlh = begin(buf, "eth0", 2);
    nlh->nlmsg_len = NLMSG_HDRLEN + 8;
    read_one(nlh, &bad);
    assert_true(bad);
    nlh = begin(buf, "eth0", 2);
    nlh->nlmsg_len = NLMSG_HDRLEN + (uint32_t)sizeof(struct ifinfomsg); /* no name */
    read_one(nlh, &bad);
    assert_true(bad);
}

static void ids(void **state)
{
    struct ids v = {0};
    char buf[128];
    (void)state;
    for (int id = -1; id < 2; id++) {
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        nlh->nlmsg_type = RTM_NEWNSID;
        mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtgenmsg));
        if (id >= 0)
            mnl_attr_put_u32(nlh, NETNSA_NSID, (uint32_t)(id - 1));
        assert_int_equal(on_nsid(nlh, &v), id < 0 ? -1 : 0);
    }
    assert_int_equal(v.n, 2);
    assert_int_equal(v.v[0], KR_NSID_NONE);
    assert_int_equal(v.v[1], 0);
    free(v.v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_into_another_namespace),
        cmocka_unit_test(without_an_id_it_is_here),
        cmocka_unit_test(modes_of_ipvlan),
        cmocka_unit_test(what_is_no_link_is_refused),
        cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

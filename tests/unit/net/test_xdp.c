/* XDP programs and AF_XDP sockets, as kernels say them. */
#include "../base/cmocka_all.h"
#include "netlink.h"

#include <kr/err.h>
#include <kr/xdp.h>

#include <linux/if_link.h>

static struct a_message m;

static struct rtattr *link_with(uint8_t mode)
{
    const struct ifinfomsg i = {.ifi_index = 4};
    a_begin(&m, RTM_NEWLINK, &i, sizeof i);
    a_text(&m, IFLA_IFNAME, "eth0");
    struct rtattr *xdp = an_attr(&m, IFLA_XDP | NLA_F_NESTED, NULL, 0);
    an_attr(&m, IFLA_XDP_ATTACHED, &mode, 1);
    return xdp;
}

static struct kr_xdp read_one(void)
{
    struct kr_xdps x = {0};
    struct kr_err e = {0};
    if (kr_xdp_row(&m.h, &x, &e))
        fail_msg("%s", e.msg);
    struct kr_xdp got = x.n ? x.v[0] : (struct kr_xdp){0};
    assert_int_equal(x.links, 1);
    kr_xdp_free(&x);
    return got;
}

static void none(void **state)
{
    (void)state;
    an_end(&m, link_with(XDP_ATTACHED_NONE));
    assert_int_equal(read_one().ifindex, 0);
}

static void each_mode(void **state)
{
    (void)state;
    struct rtattr *x = link_with(XDP_ATTACHED_MULTI);
    a_u32(&m, IFLA_XDP_DRV_PROG_ID, 1);
    a_u32(&m, IFLA_XDP_SKB_PROG_ID, 2);
    a_u32(&m, IFLA_XDP_HW_PROG_ID, 3);
    an_end(&m, x);
    struct kr_xdp got = read_one();
    assert_int_equal(got.ifindex, 4);
    assert_string_equal(got.name, "eth0");
    assert_int_equal(got.native, 1);
    assert_int_equal(got.generic, 2);
    assert_int_equal(got.offloaded, 3);
    assert_false(got.odd);
}

static void one_id_for_the_only_mode(void **state)
{
    static const uint8_t modes[] = {XDP_ATTACHED_DRV, XDP_ATTACHED_SKB, XDP_ATTACHED_HW};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct rtattr *x = link_with(modes[i]);
        a_u32(&m, IFLA_XDP_PROG_ID, 9);
        an_end(&m, x);
        struct kr_xdp got = read_one();
        assert_int_equal(got.native, i == 0 ? 9 : 0);
        assert_int_equal(got.generic, i == 1 ? 9 : 0);
        assert_int_equal(got.offloaded, i == 2 ? 9 : 0);
    }
}

static void no_id(void **state)
{
    (void)state;
    an_end(&m, link_with(XDP_ATTACHED_DRV));
    assert_true(read_one().odd);
}

static void torn(void **state)
{
    const struct ifinfomsg i = {.ifi_index = 4};
    struct kr_xdps x = {0};
    struct kr_err e = {0};
    (void)state;
    a_begin(&m, RTM_NEWLINK, &i, sizeof i);
    assert_int_equal(kr_xdp_row(&m.h, &x, &e), -1); /* no name */
    a_text(&m, IFLA_IFNAME, "eth0");
    an_attr(&m, IFLA_XDP, NULL, 0); /* nothing in it */
    assert_int_equal(kr_xdp_row(&m.h, &x, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_int_equal(x.n, 0);
    kr_xdp_free(&x);
}

#define HEAD "protocol  size sockets  memory press maxhdr  slab module     cl co\n"
#define TCP_ROW "TCP       2304      1      29   no     192   yes  kernel      y  y\n"

static void sockets(void **state)
{
    size_t n;
    bool absent;
    (void)state;
    assert_int_equal(
        kr_xsk_parse(HEAD TCP_ROW "XDP       1088      3      -1   NI  0\n", &n, &absent), 0);
    assert_int_equal(n, 3);
    assert_false(absent);
    assert_int_equal(kr_xsk_parse(HEAD "XDP 1088 0 -1 NI 0\n" TCP_ROW, &n, &absent), 0);
    assert_int_equal(n, 0);
    assert_false(absent);
    assert_int_equal(kr_xsk_parse(HEAD TCP_ROW, &n, &absent), 0);
    assert_true(absent);
}

static void sockets_unreadable(void **state)
{
    static const char *const texts[] = {
        "", "\n", "XDP 1088 0 -1\n", HEAD "XDP\n", HEAD "XDP 1088\n", HEAD "XDP many few\n"};
    size_t n;
    bool absent;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(kr_xsk_parse(texts[i], &n, &absent), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),
        cmocka_unit_test(each_mode),
        cmocka_unit_test(one_id_for_the_only_mode),
        cmocka_unit_test(no_id),
        cmocka_unit_test(torn),
        cmocka_unit_test(sockets),
        cmocka_unit_test(sockets_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Packet and raw sockets: what sock_diag and /proc say of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/net/bare_sock.c"

static struct nlmsghdr *message(char *buf, unsigned ifindex, bool ring)
{
    const struct packet_diag_msg m = {
        .pdiag_family = AF_PACKET, .pdiag_type = SOCK_RAW, .pdiag_num = 0x88cc, .pdiag_ino = 77};
    const struct packet_diag_info info = {.pdi_index = ifindex};
    const struct packet_diag_ring r = {0};
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof m), &m, sizeof m);
    mnl_attr_put(nlh, PACKET_DIAG_INFO, sizeof info, &info);
    if (ring)
        mnl_attr_put(nlh, PACKET_DIAG_TX_RING, sizeof r, &r);
    return nlh;
}

static void packet_sockets(void **state)
{
    struct kr_bare_socks s = {0};
    char buf[512];
    (void)state;
    assert_int_equal(on_packet(message(buf, 3, true), &s), 0);
    assert_int_equal(on_packet(message(buf, 0, false), &s), 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.v[0].inode, 77);
    assert_int_equal(s.v[0].ifindex, 3);
    assert_int_equal(s.v[0].protocol, 0x88cc);
    assert_int_equal(s.v[0].type, SOCK_RAW);
    assert_true(s.v[0].tx_ring && !s.v[1].tx_ring);
    kr_bare_socks_free(&s);
}

static void torn_messages_are_refused(void **state)
{
    struct kr_bare_socks s = {0};
    char buf[512];
    (void)state;
    struct nlmsghdr *nlh = message(buf, 3, false);
    for (uint32_t len = NLMSG_HDRLEN; len < nlh->nlmsg_len; len += 4) {
        char cut[512];
        memcpy(cut, buf, sizeof cut);
        ((struct nlmsghdr *)(void *)cut)->nlmsg_len = len;
        assert_int_equal(on_packet((void *)cut, &s), -1);
    }
    assert_int_equal(s.n, 0);
    kr_bare_socks_free(&s);
}

static void lines_of_proc(void **state)
{
    struct kr_bare_socks s = {0};
    (void)state;
    assert_true(
        packet_line("00000000a1b2c3d4 3      3    88cc   2     1 0      0      4711\n", &s));
    assert_true(raw_line(" 255: 00000000:00FF 00000000:0000 07 00000000:00000000 00:00000000 "
                         "00000000     0        0 4712 2 00000000a1b2c3d4 0\n",
                         AF_INET, &s));
    assert_true(raw_line("    58: 00000000000000000000000000000000:003A "
                         "00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 "
                         "00000000     0        0 4713 2 00000000a1b2c3d4 0\n",
                         AF_INET6, &s));
    assert_int_equal(s.n, 3);
    assert_int_equal(s.v[0].inode, 4711);
    assert_int_equal(s.v[0].ifindex, 2);
    assert_int_equal(s.v[0].protocol, 0x88cc);
    assert_int_equal(s.v[1].protocol, 255);
    assert_int_equal(s.v[1].inode, 4712);
    assert_int_equal(s.v[2].protocol, 58);
    assert_int_equal(s.v[2].inode, 4713);
    assert_false(packet_line("00000000a1b2c3d4 3\n", &s));
    assert_false(packet_line("", &s));
    assert_false(raw_line("something else\n", AF_INET, &s));
    assert_int_equal(s.n, 3);
    kr_bare_socks_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packet_sockets),
        cmocka_unit_test(torn_messages_are_refused),
        cmocka_unit_test(lines_of_proc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

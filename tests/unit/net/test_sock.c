/* The kernel-side port filter, run as the kernel runs it, and the reading of what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/net/sock.c"

#include <arpa/inet.h>

/* As inet_diag_bc_run(): what is left of the program when it ends is 0 for a match. */
static bool accepts(const void *program, size_t len, uint16_t dport)
{
    const char *bc = program;
    long left = (long)len;
    while (left > 0) {
        struct inet_diag_bc_op op, operand;
        memcpy(&op, bc, sizeof op);
        memcpy(&operand, bc + sizeof op, sizeof operand);
        bool yes = op.code == INET_DIAG_BC_D_GE   ? dport >= operand.no
                   : op.code == INET_DIAG_BC_D_LE ? dport <= operand.no
                                                  : false;
        unsigned step = yes ? op.yes : op.no;
        assert_int_equal(step % 4, 0);
        assert_in_range(step, 4, left + 4);
        left -= step;
        bc += step;
    }
    return left == 0;
}

static void the_filter_lets_through_exactly_its_ports(void **state)
{
    static const uint16_t ports[] = {25, 1, 65535, 465, 587, 24, 26, 2525};
    (void)state;
    for (size_t n = 1; n <= sizeof ports / sizeof *ports; n++) {
        struct port_test filter[8];
        size_t len = port_filter(ports, n, filter);
        assert_int_equal(len, n * 20 - 4);
        for (unsigned p = 0; p <= UINT16_MAX; p++) {
            bool want = false;
            for (size_t i = 0; i < n; i++)
                want |= ports[i] == p;
            if (accepts(filter, len, (uint16_t)p) != want)
                fail_msg("%zu ports, port %u", n, p);
        }
    }
}

static struct nlmsghdr *message(char *buf, struct inet_diag_msg m)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof m), &m, sizeof m);
    return nlh;
}

static void sockets_are_read_and_checked_again(void **state)
{
    static const uint16_t ports[] = {25};
    struct kr_socks out = {0};
    struct reading r = {ports, 1, &out};
    struct inet_diag_msg m = {.idiag_family = AF_INET6, .idiag_state = TCP_ESTABLISHED};
    char buf[256], text[KR_ADDRSTRLEN];
    (void)state;
    inet_pton(AF_INET6, "::ffff:10.0.0.1", m.id.idiag_src);
    inet_pton(AF_INET6, "::ffff:203.0.113.5", m.id.idiag_dst);
    m.id.idiag_sport = htons(1000);
    m.id.idiag_dport = htons(25);
    m.idiag_inode = 7;
    assert_int_equal(on_socket(message(buf, m), &r), 0);
    m.idiag_timer = TIMER_TIME_WAIT;
    m.idiag_inode = 0;
    assert_int_equal(on_socket(message(buf, m), &r), 0);
    m.idiag_state = TCP_LISTEN;
    assert_int_equal(on_socket(message(buf, m), &r), 0);
    m.idiag_state = TCP_ESTABLISHED;
    m.id.idiag_dport = htons(26);
    assert_int_equal(on_socket(message(buf, m), &r), 0);
    assert_int_equal(out.n, 2);
    assert_string_equal(kr_addr_str(&out.v[0].peer, text), "203.0.113.5");
    assert_int_equal(out.v[0].family, AF_INET6);
    assert_int_equal(out.v[0].local_port, 1000);
    assert_false(out.v[0].orphan || out.v[0].time_wait);
    assert_true(out.v[1].orphan && out.v[1].time_wait);
    kr_socks_free(&out);
}

static void a_short_message_is_an_error(void **state)
{
    struct kr_socks out = {0};
    struct reading r = {NULL, 0, &out};
    char buf[256];
    (void)state;
    struct nlmsghdr *nlh = message(buf, (struct inet_diag_msg){0});
    nlh->nlmsg_len -= 4;
    assert_int_equal(on_socket(nlh, &r), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_filter_lets_through_exactly_its_ports),
        cmocka_unit_test(sockets_are_read_and_checked_again),
        cmocka_unit_test(a_short_message_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

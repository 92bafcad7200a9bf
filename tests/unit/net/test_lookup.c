/* Route lookups, neighbours and sysctls of a namespace of its own that was filled by hand. Needs
 * root; without it the tests are skipped. */
#include <kr/err.h>
#include <kr/lookup.h>
#include <kr/neigh.h>
#include <kr/sysctl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool apart;

static int begin(void **state)
{
    (void)state;
    apart =
        geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
        system("set -e; ip link set lo up; ip link add d0 type veth peer name d1; ip link set d1 "
               "up; ip link set d0 up;"
               "ip addr add 10.9.0.1/24 dev d0; ip addr add fd09::1/64 dev d0 nodad;"
               "ip route add default via 10.9.0.2; ip -6 route add default via fd09::2;"
               "ip rule add pref 25 ipproto tcp dport 25 lookup 77;"
               "ip -6 rule add pref 25 ipproto tcp dport 25 lookup 77;"
               "ip route add unreachable default table 77;"
               "ip -6 route add unreachable default table 77;"
               "ip rule add pref 30 fwmark 5 lookup 78; ip route add blackhole default table 78;"
               "ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev d0 nud reachable;"
               "ip neigh add 10.9.0.8 dev d0 nud failed;"
               "ip neigh add fd09::9 lladdr 02:00:00:00:00:09 dev d0 nud stale") == 0;
    return 0;
}

static void given(void)
{
    if (!apart) {
        print_message("# SKIP needs root and a network namespace\n");
        skip();
    }
}

static struct kr_lookup ask(const char *to, uint16_t port, uint32_t mark)
{
    struct kr_lookup x = {.dport = port, .mark = mark};
    struct kr_err e = {0};
    assert_int_equal(kr_addr_parse(to, &x.to, NULL), 0);
    if (kr_lookup_run(&x, 1, &e))
        fail_msg("%s", e.msg);
    return x;
}

static void ports_and_marks_decide(void **state)
{
    static const char *const to[] = {"203.0.113.5", "2001:db8::5"};
    (void)state;
    given();
    for (size_t i = 0; i < 2; i++) {
        struct kr_lookup x = ask(to[i], 0, 0);
        assert_int_equal(x.error, 0);
        assert_int_equal(x.type, RTN_UNICAST);
        assert_int_equal(x.out, if_nametoindex("d0"));
        assert_true(x.has_gateway);
        x = ask(to[i], 26, 0);
        assert_int_equal(x.error, 0);
        x = ask(to[i], 25, 0);
        assert_true(x.error == EHOSTUNREACH || x.type == RTN_UNREACHABLE);
    }
    assert_int_equal(ask("203.0.113.5", 0, 5).error, EINVAL);
}

static void near_and_here(void **state)
{
    (void)state;
    given();
    assert_false(ask("10.9.0.77", 0, 0).has_gateway);
    assert_int_equal(ask("10.9.0.1", 0, 0).type, RTN_LOCAL);
    assert_int_equal(ask("fd09::1", 0, 0).type, RTN_LOCAL);
}

static void neighbours_that_answered(void **state)
{
    (void)state;
    struct kr_neighs near;
    struct kr_err e = {0};
    given();
    assert_int_equal(kr_neighs_read(&near, &e), 0);
    size_t found = 0;
    for (size_t i = 0; i < near.n; i++) {
        char s[KR_ADDRSTRLEN];
        kr_addr_str(&near.v[i].addr, s);
        assert_string_not_equal(s, "10.9.0.8");
        found += strcmp(s, "10.9.0.9") == 0 || strcmp(s, "fd09::9") == 0;
    }
    assert_int_equal(found, 2);
    kr_neighs_free(&near);
}

static void note(const char *device, long value, void *arg)
{
    long *seen = arg;
    if (strcmp(device, "d0") == 0)
        seen[0] = value;
    seen[1]++;
}

static void sysctls(void **state)
{
    (void)state;
    long value = -7, seen[2] = {-7, 0};
    struct kr_err e = {0};
    given();
    assert_int_equal(kr_sysctl_read("ipv4/ip_forward", &value, &e), 1);
    assert_true(value == 0 || value == 1);
    assert_int_equal(kr_sysctl_read("ipv4/no_such_thing", &value, &e), 0);
    assert_int_equal(kr_sysctl_read("no_such/thing", &value, &e), 0);
    assert_int_equal(kr_sysctl_read("ipv4/tcp_rmem", &value, &e), -1); /* three numbers */
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_int_equal(kr_sysctl_each("ipv4", "route_localnet", note, seen, &e), 1);
    assert_int_equal(seen[0], 0);
    assert_true(seen[1] >= 4);
    assert_int_equal(kr_sysctl_each("ipv4", "no_such_thing", note, seen, &e), 0);
    assert_int_equal(kr_sysctl_each("ipv5", "route_localnet", note, seen, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_and_marks_decide),
        cmocka_unit_test(near_and_here),
        cmocka_unit_test(neighbours_that_answered),
        cmocka_unit_test(sysctls),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}

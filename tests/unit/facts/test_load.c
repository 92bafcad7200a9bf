/* Figures of capacity, and what they are judged to suffice for. */
#include "../../../src/facts/load.h"
#include "../base/cmocka_all.h"

#include <string.h>

static struct kr_result result;

static int clean(void **state)
{
    (void)state;
    kr_result_free(&result);
    return 0;
}

static void says(enum kr_verdict v, const char *words)
{
    assert_int_equal(result.verdict, v);
    for (size_t i = 0; i < result.n; i++)
        if (strstr(result.v[i].detail, words)) {
            kr_result_free(&result);
            return;
        }
    print_error("nothing says '%s': %s\n", words, result.n ? result.v[0].detail : "no evidence");
    fail();
}

static void conntrack(void **state)
{
    (void)state;
    const struct kr_load_conntrack c = {262144, 100, 65536, 120};
    struct kr_scene s = {0};
    kr_load_conntrack(&s, &c, &result);
    says(KR_HOLDS, "enough for 2184 connections/s");
    s.expect_rate = 2184;
    kr_load_conntrack(&s, &c, &result);
    says(KR_HOLDS, "2184");
    s.expect_rate = 2185;
    kr_load_conntrack(&s, &c, &result);
    says(KR_BROKEN, "sysctl -w net.netfilter.nf_conntrack_max=524288");
    s = (struct kr_scene){.expect_concurrency = 262145};
    kr_load_conntrack(&s, &c, &result);
    says(KR_BROKEN, "the test needs 262145");
    s.expect_rate = 100000;
    kr_load_conntrack(&s, &c, &result);
    says(KR_BROKEN, "nf_conntrack_buckets=8388608");
}

static void tuples(void **state)
{
    (void)state;
    struct kr_endpoint one, many, six;
    struct kr_scene s = {0};
    kr_endpoint_parse("127.0.0.1:2026", &one, NULL);
    kr_endpoint_parse("198.18.25.1-198.18.25.254:2026", &many, NULL);
    kr_endpoint_parse("[2001:2:0:25::1-2001:2:0:25::fe]:2026", &six, NULL);
    kr_load_tuples(&s, &one, 1, 120, &result);
    says(KR_HOLDS, "enough for 537 connections/s");
    kr_load_tuples(&s, &many, 1, 120, &result);
    says(KR_HOLDS, "enough for 136550 connections/s");
    kr_load_tuples(&s, &six, 1, 120, &result);
    says(KR_HOLDS, "16386048 connections");
    s.expect_rate = 1000;
    kr_load_tuples(&s, &one, 1, 120, &result);
    says(KR_BROKEN, "use 2 source addresses (this host has 1)");
    kr_load_tuples(&s, &one, 2, 120, &result);
    says(KR_IN_DOUBT, "use 2 source addresses (this host has 2)");
}

static void ports(void **state)
{
    (void)state;
    struct kr_load_ports p = {32768, 60999, 0, 1, false};
    struct kr_scene s = {0};
    kr_load_ports(&s, &p, &result);
    says(KR_HOLDS, "enough for 470 connections/s");
    s.expect_rate = 1000;
    kr_load_ports(&s, &p, &result);
    says(KR_BROKEN,
         "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\" net.ipv4.tcp_tw_reuse=1");
    p.reuse = true;
    kr_load_ports(&s, &p, &result);
    says(KR_HOLDS, "28232 ports");
    assert_int_equal(kr_load_reserved("", 32768, 60999), 0);
    assert_int_equal(kr_load_reserved("\n", 32768, 60999), 0);
    assert_int_equal(kr_load_reserved("8080,40000,50000-50009\n", 32768, 60999), 11);
    assert_int_equal(kr_load_reserved("1-65535\n", 32768, 60999), 28232);
    assert_int_equal(kr_load_reserved("60000-", 32768, 60999), 0);
}

static void files(void **state)
{
    (void)state;
    static const char limits[] = "Limit                     Soft Limit           Hard Limit\n"
                                 "Max processes             96364                96364\n"
                                 "Max open files            1024                 524288    files\n";
    uint64_t soft = 0;
    assert_true(kr_load_file_limit(limits, &soft));
    assert_int_equal(soft, 1024);
    assert_true(kr_load_file_limit("Max open files    unlimited unlimited", &soft));
    assert_true(soft == UINT64_MAX);
    assert_false(kr_load_file_limit("Max open files", &soft));
    assert_false(kr_load_file_limit("", &soft));
    kr_load_files(&(struct kr_load_files){"KumoMTA", 7, 1024, 0}, &result);
    says(KR_HOLDS, "room for 1024");
    kr_load_files(&(struct kr_load_files){"KumoMTA", 7, 1024, 20000}, &result);
    says(KR_BROKEN, "LimitNOFILE=65536");
    kr_load_files(&(struct kr_load_files){"KumoMTA", 7, UINT64_MAX, 20000}, &result);
    says(KR_HOLDS, "no limit");
}

static void backlog(void **state)
{
    (void)state;
    struct kr_scene s = {.builtin = true, .standing = true};
    struct kr_load_backlog b = {4, 16384, 2, 4096};
    kr_load_backlog(&s, &b, &result);
    says(KR_HOLDS, "enough for 163840 connections/s");
    s.expect_rate = 200000;
    kr_load_backlog(&s, &b, &result);
    says(KR_BROKEN, "20000 come in 100 ms");
    b = (struct kr_load_backlog){.somaxconn = 128};
    kr_load_backlog(&s, &b, &result);
    says(KR_BROKEN, "nobody listens");
    s = (struct kr_scene){0};
    kr_load_backlog(&s, &b, &result);
    says(KR_HOLDS, "128");
}

static void counters(void **state)
{
    (void)state;
    static const char text[] = "TcpExt: A ListenOverflows ListenDrops\nTcpExt: 1 22 333\n"
                               "IpExt: InOctets\nIpExt: 5\n";
    uint64_t n = 0;
    assert_true(kr_load_counter(text, "TcpExt", "ListenOverflows", &n));
    assert_int_equal(n, 22);
    assert_true(kr_load_counter(text, "TcpExt", "ListenDrops", &n));
    assert_int_equal(n, 333);
    assert_true(kr_load_counter(text, "IpExt", "InOctets", &n));
    assert_int_equal(n, 5);
    assert_false(kr_load_counter(text, "TcpExt", "Listen", &n));
    assert_false(kr_load_counter("TcpExt: A\n", "TcpExt", "A", &n));
    assert_false(kr_load_counter("", "TcpExt", "A", &n));
}

#define T(f) cmocka_unit_test_teardown(f, clean)
int main(void)
{
    const struct CMUnitTest tests[] = {T(conntrack), T(tuples),  T(ports),
                                       T(files),     T(backlog), T(counters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

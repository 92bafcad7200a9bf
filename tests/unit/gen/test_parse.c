#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kr/err.h>
#include <kr/gen_parse.h>

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t octets;
    } good[] = {{"1024", 1024},           {"60kb", 60000},   {"100k", 100000},
                {"60KB", 60000},          {"64KiB", 65536},  {"64 ki", 65536},
                {"1.5mb", 1500000},       {"1mib", 1048576}, {".5k", 500},
                {"1gb", 1000000000},      {"7b", 7},         {"2gib", 2147483648},
                {"1024gi", 1099511627776}};
    static const char *const bad[] = {"",     "0",     "k",       "1kk",
                                      "1e3",  "-1",    "1.2.3",   "0.5",
                                      " 1",   "1k ",   "1025gib", "99999999999999999999",
                                      "0x10", "1.k.b", "."};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t v = 1;
        assert_int_equal(kr_gen_size(good[i].text, &v, NULL), 0);
        assert_int_equal(v, good[i].octets);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kr_err e = {0};
        uint64_t v = 77;
        assert_int_equal(kr_gen_size(bad[i], &v, &e), -1);
        assert_int_equal(v, 77);
        assert_int_equal(e.exit, KR_USAGE);
        assert_non_null(strstr(e.msg, bad[i]));
    }
}

static void test_rates(void **state)
{
    static const struct {
        const char *text;
        double rate;
    } good[] = {{"1/s", 1},        {"500/sec", 500},  {"60/min", 1},
                {"60/m", 1},       {"3,600/hour", 1}, {"1_0,0/second", 100},
                {"7200/hr", 2},    {"86400/d", 1},    {"local:60/minute", 1},
                {"172800/day", 2}, {"3600/h", 1}};
    static const char *const bad[] = {"",       "1",        "/s",
                                      "0/s",    "1/",       "1/x",
                                      "a/s",    "-1/s",     "1/s/s",
                                      "local:", "local:/s", "1.5.5/s",
                                      "1.5/s",  ",/s",      "11111111111111111111111111/s"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double v = 0;
        assert_int_equal(kr_gen_rate(good[i].text, &v, NULL), 0);
        assert_true(fabs((double)(v) - (good[i].rate)) < 1e-9);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double v = 77;
        assert_int_equal(kr_gen_rate(bad[i], &v, NULL), -1);
        assert_true(fabs((double)(v) - (77)) < 1e-9);
    }
}

static void test_domains(void **state)
{
    static const char *const bad[] = {
        "",
        ":1",
        "a:",
        "a:0",
        "a:-1",
        "a:1:2",
        "a b",
        "a.",
        ".a",
        "a..b",
        "a@b",
        "a\r\nb",
        "\303\244.example",
        "a:nan",
        "a:1e3",
        "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"};
    struct kr_gen_domain d = {0};
    (void)state;
    assert_int_equal(kr_gen_domain("gmail.com:67.4", &d, NULL), 0);
    assert_int_equal(d.len, 9);
    assert_true(fabs((double)(d.weight) - (67.4)) < 1e-9);
    assert_int_equal(kr_gen_domain("bellsouth.net:.2", &d, NULL), 0);
    assert_true(fabs((double)(d.weight) - (0.2)) < 1e-9);
    assert_int_equal(kr_gen_domain("xn--x_1-a.example", &d, NULL), 0);
    assert_true(fabs((double)(d.weight) - (1)) < 1e-9);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kr_gen_domain(bad[i], &d, NULL), -1);
    assert_int_equal(kr_gen_suffix("", NULL), 0);
    assert_int_equal(kr_gen_suffix("mx-sink.wezfurlong.org", NULL), 0);
    assert_int_equal(kr_gen_suffix(".", NULL), -1);
    assert_int_equal(kr_gen_suffix(" ", NULL), -1);
}

static void test_mailboxes(void **state)
{
    static const char *const good[] = {"a@b",
                                       "user-1@gmail.com",
                                       "a.b+c=d@e.example",
                                       "\"a b\"@c.example",
                                       "\"a\\\"b\"@c.example",
                                       "\"a@b\"@c.example",
                                       "!#$%&'*+-/=?^_`{|}~@x.example"};
    static const char *const bad[] = {"",
                                      "@",
                                      "a",
                                      "a@",
                                      "@b",
                                      "a b@c",
                                      "a@b c",
                                      "a<b@c",
                                      "a@b>",
                                      "a@b\r\nDATA",
                                      "a@@b",
                                      "a@b..c",
                                      "\"a@b.example",
                                      "\"a\"b\"@c",
                                      "\"a\\\"@c",
                                      "\303\244@b.example",
                                      "a,b@c",
                                      "a\tb@c"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(kr_gen_mailbox(good[i], strlen(good[i]), NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kr_gen_mailbox(bad[i], strlen(bad[i]), NULL), -1);
    assert_int_equal(kr_gen_mailbox("a@b\0c", 5, NULL), -1);
}

static void test_headers(void **state)
{
    static const char *const bad[] = {"",        ":",       "a",       ": a",         "a b: c",
                                      "a\nb: c", "a: b\nc", "a: b\rc", "\303\244: b", "a: \177"};
    (void)state;
    assert_int_equal(kr_gen_header("X-A: b: c\td", NULL), 0);
    assert_int_equal(kr_gen_header("X-A:", NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kr_gen_header(bad[i], NULL), -1);
}

static void test_patterns(void **state)
{
    static const char *const bad[] = {
        "",       "stead",   "steadyy",   "poisson:1",   "ramp:",         "ramp:x",     "ramp:1",
        "spike:", "spike:0", "spike:1,2", "spike:1,2,2", "spike:1,2,1,1", "spike:a,2,1"};
    struct kr_gen_arrivals a;
    (void)state;
    assert_int_equal(kr_gen_arrivals_parse("steady", &a, NULL), 0);
    assert_int_equal(a.shape, KR_GEN_STEADY);
    assert_int_equal(kr_gen_arrivals_parse("ramp:120/min", &a, NULL), 0);
    assert_int_equal(a.shape, KR_GEN_RAMP);
    assert_true(fabs((double)(a.from) - (2)) < 1e-9);
    assert_int_equal(kr_gen_arrivals_parse("spike", &a, NULL), 0);
    assert_true(fabs((double)(a.factor * a.every * a.lasting) - (50)) < 1e-9);
    assert_int_equal(kr_gen_arrivals_parse("spike:2.5,20,.5", &a, NULL), 0);
    assert_true(fabs((double)(a.factor * a.every * a.lasting) - (25)) < 1e-9);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(kr_gen_arrivals_parse(bad[i], &a, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),   cmocka_unit_test(test_rates),
        cmocka_unit_test(test_domains), cmocka_unit_test(test_mailboxes),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

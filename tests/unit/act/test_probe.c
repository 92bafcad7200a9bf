/* Which words prove a sink, and where probes go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/act/probe.c"

#include <kr/prefixset.h>

static void destinations_are_documentation_addresses(void **state)
{
    static const int families[] = {AF_INET, AF_INET6};
    struct kr_addr seen[762];
    (void)state;
    for (size_t f = 0; f < 2; f++)
        for (unsigned i = 0; i < sizeof seen / sizeof *seen; i++) {
            seen[i] = kr_probe_destination(families[f], i);
            struct kr_prefix p = kr_prefix_make(&seen[i], 128);
            assert_true(kr_prefix_is_documentation(&p));
            assert_int_equal(kr_addr_family(&seen[i]), families[f]);
            if (families[f] == AF_INET)
                assert_in_range(seen[i].b[15], 1, 254);
            for (unsigned k = 0; k < i; k++)
                assert_int_not_equal(kr_addr_cmp(&seen[i], &seen[k]), 0);
        }
    kr_probe_destination(AF_INET, UINT32_MAX);
}

static struct run with(struct kr_probe *p, const char *text)
{
    struct run r = {.p = p, .fd = -1, .n = strlen(text)};
    memcpy(r.text, text, r.n);
    return r;
}

static void replies_end_where_smtp_says(void **state)
{
    static const struct {
        const char *text;
        bool whole;
    } rows[] = {
        {"", false},
        {"220 x", false},
        {"220 x\n", true},
        {"220 x\r\n", true},
        {"220\r\n", true},
        {"220-x\r\n", false},
        {"220-x\r\n220 y", false},
        {"220-x\r\n220 y\r\n", true},
        {"\n", true},
        {"22\n", true},
        {"220-\n220-\n220-\n", false},
    };
    struct kr_probe p;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run r = with(&p, rows[i].text);
        if (reply_is_whole(&r) != rows[i].whole)
            fail_msg("row %zu", i);
    }
    struct run full = {.p = &p, .n = sizeof full.text};
    memset(full.text, '-', sizeof full.text);
    assert_true(reply_is_whole(&full));
}

static void the_first_line_is_kept_printable(void **state)
{
    struct kr_probe p;
    struct run r = with(&p, "220 a\033[2Jb\tc\r\n220 next\r\n");
    (void)state;
    keep_first_line(&r);
    assert_string_equal(p.greeting, "220 a?[2Jb?c");
    r.n = sizeof r.text;
    memset(r.text, 'z', sizeof r.text);
    keep_first_line(&r);
    assert_int_equal(strlen(p.greeting), sizeof p.greeting - 1);
}

static void only_220_with_nonce_and_literal_is_the_sink(void **state)
{
    static const struct {
        const char *text;
        enum kr_probe_result result;
    } rows[] = {
        {"220 [203.0.113.5] ESMTP sink n0nce\r\n", KR_PROBE_SINK},
        {"220-[203.0.113.5] n0nce\r\n220 x\r\n", KR_PROBE_SINK},
        {"220 [203.0.113.5] ESMTP sink\r\n", KR_PROBE_FOREIGN},
        {"220 [203.0.113.50] n0nce\r\n", KR_PROBE_FOREIGN},
        {"220 203.0.113.5 n0nce\r\n", KR_PROBE_FOREIGN},
        {"221 [203.0.113.5] n0nce\r\n", KR_PROBE_FOREIGN},
        {"2200 [203.0.113.5] n0nce\r\n", KR_PROBE_FOREIGN},
        {" 220 [203.0.113.5] n0nce\r\n", KR_PROBE_FOREIGN},
        {"220-x\r\n220 [203.0.113.5] n0nce\r\n", KR_PROBE_FOREIGN},
    };
    const struct expected x = {.nonce = "n0nce"};
    struct kr_err e;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_probe p = {.result = KR_PROBE_SILENT};
        kr_addr_parse("203.0.113.5", &p.destination, &e);
        struct run r = with(&p, rows[i].text);
        assert_int_equal(judge(&r, &x, &e), 0);
        if (p.result != rows[i].result)
            fail_msg("row %zu: %s", i, kr_probe_result_name(p.result));
    }
}

static void nothing_to_expect_is_a_defect(void **state)
{
    struct kr_err e = {0};
    (void)state;
    assert_int_equal(kr_probe_run(NULL, 0, NULL, NULL, 100, &e), -1);
    assert_int_equal(e.exit, KR_INTERNAL);
    assert_int_equal(kr_probe_run(NULL, 0, "n", NULL, 100, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destinations_are_documentation_addresses),
        cmocka_unit_test(replies_end_where_smtp_says),
        cmocka_unit_test(the_first_line_is_kept_printable),
        cmocka_unit_test(only_220_with_nonce_and_literal_is_the_sink),
        cmocka_unit_test(nothing_to_expect_is_a_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

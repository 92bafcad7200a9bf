/* The text of MTA-STS policies, and what is said between the programs about fetching them. */
#include "../base/cmocka_all.h"

#include <kr/fetch_record.h>

#include <stdio.h>
#include <string.h>

static struct kr_sts_text t;

static const char *read_text(const char *text)
{
    return kr_sts_text_read(text, strlen(text), &t);
}

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum kr_sts_mode mode;
        uint32_t max_age;
        size_t n_mx;
    } cases[] = {
        /* RFC 8461 section 3.2 */
        {"version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\n"
         "mx: backupmx.example.com\nmax_age: 604800\n",
         KR_STS_ENFORCE, 604800, 3},
        {"version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1\r\n", KR_STS_TESTING, 1,
         1},
        {"version:STSv1\nmode:enforce\nmx:a.example\nmax_age:1", KR_STS_ENFORCE, 1, 1},
        {"version:\t STSv1  \nmode:  none \t\nmax_age: 0 \n", KR_STS_NONE, 0, 0},
        {"version: STSv1\nmode: none\nmx: a.example\nmax_age: 5\n", KR_STS_NONE, 5, 1},
        {"max_age: 31557600\nmx: a.example\nmode: enforce\nversion: STSv1\n", KR_STS_ENFORCE,
         31557600, 1},
        {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557601\n", KR_STS_ENFORCE,
         31557600, 1},
        {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 9999999999\n", KR_STS_ENFORCE,
         31557600, 1},
        /* unknown keys, UTF-8 in their values, spaces within */
        {HEAD "mx: a.example\nx-note.1_2: two words \xc3\xbc\nMODE: none\n", KR_STS_ENFORCE, 86400,
         1},
        /* the first of those that are there twice */
        {HEAD "mode: none\nmax_age: x\nversion: STSv2\nmx: a.example\n", KR_STS_ENFORCE, 86400, 1},
        /* an empty line */
        {HEAD "\nmx: A.Example\n\r\n", KR_STS_ENFORCE, 86400, 1},
        {HEAD "mx: xn--bcher-kva.example\nmx: *.x\nmx: _a.example\n", KR_STS_ENFORCE, 86400, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *fault = read_text(cases[i].text);
        if (fault)
            fail_msg("case %zu: %s", i, fault);
        assert_int_equal(t.mode, cases[i].mode);
        assert_int_equal(t.max_age, cases[i].max_age);
        assert_int_equal(t.n_mx, cases[i].n_mx);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "\n",
        "version: STSv1\n",
        "mode: enforce\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\n",
        HEAD, /* no mx */
        "version: STSv1\nmode: testing\nmax_age: 1\n",
        "version: STSv2\nmode: none\nmax_age: 1\n",
        "version: stsv1\nmode: none\nmax_age: 1\n",
        "Version: STSv1\nmode: none\nmax_age: 1\n",
        "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: reject\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: none\nmax_age:\n",
        "version: STSv1\nmode: none\nmax_age: -1\n",
        "version: STSv1\nmode: none\nmax_age: 1d\n",
        "version: STSv1\nmode: none\nmax_age: 12345678901\n",
        "version: STSv1\rmode: none\rmax_age: 1\r",
        HEAD "mx: \n",
        HEAD "mx: *.\n",
        HEAD "mx: *\n",
        HEAD "mx: a.*.example\n",
        HEAD "mx: *.*.example\n",
        HEAD "mx: *a.example\n",
        HEAD "mx: .example\n",
        HEAD "mx: a..example\n",
        HEAD "mx: a.example.\n",
        HEAD "mx: a example\n",
        HEAD "mx: a.example, b.example\n",
        HEAD "mx: b\xc3\xbc"
             "cher.example\n",
        HEAD "mx: a.example\nno colon\n",
        HEAD "mx: a.example\nmx : b.example\n",
        HEAD "mx: a.example\n: x\n",
        HEAD "mx: a.example\n-x: y\n",
        HEAD "mx: a.example\nx: \x01\n",
        HEAD "mx: a.example\n name: y\n",
        "<html><body>404</body></html>\n",
        "\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!read_text(cases[i]))
            fail_msg("case %zu is taken: %s", i, cases[i]);
    assert_non_null(kr_sts_text_read("version: STSv1\nmode: none\nmax_age: 1\nx: a\0b", 44, &t));
}

static void test_limits(void **state)
{
    (void)state;
    static char big[2 * KR_STS_BYTES];
    size_t n = (size_t)snprintf(big, sizeof big, HEAD "mx: a.example\nx: ");
    memset(big + n, 'y', sizeof big - n);
    assert_null(kr_sts_text_read(big, KR_STS_BYTES, &t));
    assert_non_null(kr_sts_text_read(big, KR_STS_BYTES + 1, &t));
    n = (size_t)snprintf(big, sizeof big, HEAD);
    for (size_t i = 0; i < KR_STS_PATTERNS_MOST; i++)
        n += (size_t)snprintf(big + n, sizeof big - n, "mx: a%zu.example\n", i);
    assert_null(kr_sts_text_read(big, n, &t));
    n += (size_t)snprintf(big + n, sizeof big - n, "mx: more.example\n");
    assert_non_null(kr_sts_text_read(big, n, &t));
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *host;
        bool want;
    } cases[] = {
        {"mx.example.org", "mx.example.org", true},
        {"MX.Example.org", "mx.example.org", true},
        {"mx.example.org", "mx.example.or", false},
        {"mx.example.org", "a.mx.example.org", false},
        {"mx.example.org", "xmx.example.org", false},
        {"*.example.org", "mx.example.org", true},
        {"*.example.org", "example.org", false},
        {"*.example.org", "a.mx.example.org", false},
        {"*.example.org", ".example.org", false},
        {"*.example.org", "mx.Example.ORG", true},
        {"*.org", "example.org", true},
        {"*.org", "org", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        snprintf(text, sizeof text, HEAD "mx: other.test\nmx: %s\n", cases[i].pattern);
        assert_null(read_text(text));
        if (kr_sts_text_names(&t, cases[i].host) != cases[i].want)
            fail_msg("%s %s", cases[i].pattern, cases[i].host);
    }
}

static void test_ends(void **state)
{
    (void)state;
    for (int f = 0; f < KR_FETCHES; f++) {
        enum kr_sts_policy p = kr_fetched_policy((enum kr_fetched)f);
        assert_non_null(kr_fetched_name((enum kr_fetched)f));
        assert_non_null(kr_fetched_title((enum kr_fetched)f));
        assert_true(p == KR_POLICY_UNUSABLE || p == KR_POLICY_UNKNOWN || f <= KR_FETCH_CAME);
    }
}

/* What of a frame lies behind its head. */
#define HEAD_BYTES 8
static void test_records(void **state)
{
    (void)state;
    KR_AUTO_BUF struct kr_buf b = {0};
    struct kr_fetch_job in = {.id = 7, .host = "mta-sts.a.example", .n = 2, .port = 443}, out;
    struct kr_fetch_done done = {9, KR_FETCH_CAME, KR_SINK_TRUSTED, 200, "text", 4}, got;
    in.addrs[1].b[15] = 1;
    kr_fetch_job_write(&b, &in);
    const uint8_t *data = (uint8_t *)b.s + HEAD_BYTES;
    size_t len = b.len - HEAD_BYTES;
    assert_int_equal(kr_fetch_job_read(data, len, &out), 0);
    assert_string_equal(out.host, in.host);
    assert_memory_equal(out.addrs, in.addrs, sizeof in.addrs);
    assert_int_equal(out.port, 443);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(kr_fetch_job_read(data, n, &out), -1);
    static const char *const bad[] = {"", "a/b", "a:1", "a b", "user@a", "a\\b", "a%41"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        b.len = 0;
        in.host = bad[i];
        kr_fetch_job_write(&b, &in);
        assert_int_equal(kr_fetch_job_read((uint8_t *)b.s + HEAD_BYTES, b.len - HEAD_BYTES, &out),
                         -1);
    }
    b.len = 0;
    kr_fetch_done_write(&b, &done);
    assert_int_equal(kr_fetch_done_read((uint8_t *)b.s + HEAD_BYTES, b.len - HEAD_BYTES, &got), 0);
    assert_int_equal(got.id, 9);
    assert_int_equal(got.len, 4);
    assert_memory_equal(got.text, "text", 4);
    done.how = KR_FETCHES;
    b.len = 0;
    kr_fetch_done_write(&b, &done);
    assert_int_equal(kr_fetch_done_read((uint8_t *)b.s + HEAD_BYTES, b.len - HEAD_BYTES, &got), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),  cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names), cmocka_unit_test(test_ends), cmocka_unit_test(test_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

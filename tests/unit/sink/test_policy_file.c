#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/err.h>
#include <kr/sink_memory.h>
#include <kr/sink_policy.h>
#include <kr/sink_store.h>

#include <stdio.h>
#include <string.h>

static const struct kr_policy_how plain;

static const struct {
    const char *text, *word;
} bad[] = {
    {"[default]\nbounce = 101\n", "t:2: bounce = 101"},
    {"[default]\nbounce = -1\n", "-1"},
    {"[default]\nbounce = 'x'\n", "string"},
    {"[default]\nbounce = 60\ndefer = 60\n", "100 percent"},
    {"[domain.'x']\nbounce = 60\ndefer = 60\n", "100 percent"},
    {"[default]\nbunce = 1\n", "'bunce'"},
    {"[domain.'x']\nrate = 1\n", "'rate'"},
    {"[dfault]\n", "'dfault'"},
    {"[[bounce.'x']]\ncode = 250\n", "250"},
    {"[[bounce.'x']]\nmsg = 'x'\n", "code = 0"},
    {"[[bounce.'x']]\ncode = 550\nmsg = \"a\\u0007\"\n", "octet 7"},
    {"[[bounce.'x']]\ncode = 550\nmsg = \"gr\\u00fc\"\n", "octet 195"},
    {"[[bounce.'x']]\ncode = '550'\n", "string"},
    {"bounce = 5\n", "integer"},
    {"rule = 5\n", "array"},
    {"[[rule]]\n", "a rule without"},
    {"[[rule]]\nstage='eof'\ncode=550\n", "'eof'"},
    {"[[rule]]\nstage='mail'\nlocal='x'\ncode=550\n", "no recipient"},
    {"[[rule]]\nstage='ehlo'\nsender='x'\ncode=550\n", "no sender"},
    {"[[rule]]\nmx='203.0.113.1/24'\ncode=550\n", "203.0.113.1/24"},
    {"[[rule]]\nmx=[]\ncode=550\n", "empty"},
    {"[[rule]]\ndelay='5'\n", "'5'"},
    {"[[rule]]\ndelay='-5s'\n", "'-5s'"},
    {"[[rule]]\ndelay={uniform=['2s','1s']}\n", "shorter"},
    {"[[rule]]\ndelay={sigma=1}\n", "a delay is"},
    {"[[rule]]\nfault='explode'\n", "'explode'"},
    {"[provider.'A b']\n", "'A b'"},
    {"[provider.p]\ndomains='a*b'\n", "'a*b'"},
    {"[provider.p]\ndomains='d'\n[provider.q]\ndomains='D'\n", "belongs to 'p'"},
    {"[provider.p]\ndomains='d'\n[domain.d]\n", "belongs to 'p'"},
    {"[provider.other]\n", "'other'"},
    {"[provider.p]\nstage='mail'\n", "'mail'"},
    {"[provider.p]\nrate=5\nburst=0.5\n", "0.5"},
    {"[provider.p]\nrate=nan\n", "nan"},
    {"seed = 'x'\n", "string"},
    {"[default\n", "t:1:"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kr_err e = {0};
        struct kr_policy *p = kr_policy_read("t", bad[i].text, strlen(bad[i].text), &plain, &e);
        if (p || !strstr(e.msg, bad[i].word))
            fprintf(stderr, "%s -> %s\n", bad[i].text, e.msg);
        assert_null(p);
        assert_int_equal(e.exit, KR_USAGE);
        assert_non_null(strstr(e.msg, bad[i].word));
    }
}

/* ---- what is shared -----------------------------------------------------------------------------
 */

/* When there is no room, who waits for a retry is forgotten last. */
static void test_memory(void **state)
{
    struct kr_memory *m = kr_memory_make(64, NULL);
    (void)state;
    for (uint64_t i = 1; i <= 16; i++) {
        assert_int_equal(kr_memory_attempt(m, i, 100, 0).before, 0);
        kr_memory_keep(m, i, true);
    }
    for (uint64_t i = 1000; i < 100000; i++)
        kr_memory_attempt(m, i, 200, 0);
    for (uint64_t i = 1; i <= 16; i++) {
        struct kr_attempt t = kr_memory_attempt(m, i, 350, 0);
        assert_int_equal(t.before, 1);
        assert_int_equal(t.age, 250);
    }
    assert_int_equal(kr_memory_forgotten(m), 0);
    for (uint64_t i = 1000; i < 2000; i++) {
        kr_memory_attempt(m, i, 400, 0);
        kr_memory_keep(m, i, true);
    }
    assert_true(kr_memory_forgotten(m) > 900);
    kr_memory_free(m);
}

static void test_store(void **state)
{
    struct kr_store *s = kr_store_make(NULL);
    struct kr_err e = {0};
    (void)state;
    assert_null(kr_store_get(s, &plain, &e));
    assert_int_equal(kr_store_put(s, "n", "[default]\n", 10, NULL), 0);
    struct kr_policy *p = kr_store_get(s, &plain, &e);
    assert_int_equal(kr_policy_sites(p), 1);
    kr_policy_drop(p);
    assert_int_equal(kr_store_put(s, "n", NULL, 0, NULL), 0);
    assert_null(kr_store_get(s, &plain, &e));
    assert_string_equal(e.msg, "");
    assert_int_equal(kr_store_generation(s), 2);
    assert_int_equal(kr_store_put(s, "n", "", KR_STORE_MOST + 1, NULL), -1);
    kr_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_store)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

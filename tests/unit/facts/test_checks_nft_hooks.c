/* The check of hooks, where the kernel lists them: this file stands in for <kr/nft_hooks.h>. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/facts/checks_nft.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nft_hooks.h>

#include <limits.h>
#include <linux/netfilter.h>
#include <string.h>

static struct kr_hook hook;
static int told;

int kr_nft_hooks(int family, unsigned number, const char *device, struct kr_hook **out, size_t *n,
                 struct kr_err *e)
{
    if (told < 0)
        return kr_fail(e, KR_UNKNOWN, 0, "no");
    if (!told)
        return 0;
    if (family != NFPROTO_NETDEV || number != NF_NETDEV_EGRESS) {
        *out = kr_calloc(1, sizeof **out);
        **out = (struct kr_hook){.priority = INT_MAX, .function = "nf_confirm"};
        *n = 1;
        return 1;
    }
    assert_string_equal(device, "eth0");
    *out = kr_calloc(1, sizeof **out);
    **out = hook;
    *n = 1;
    return 1;
}

static void hooks(void **state)
{
    static const struct {
        struct kr_hook hook;
        enum kr_verdict want;
        size_t rows;
    } rows[] = {
        {{.priority = INT_MAX, .function = "nft_do_chain_netdev", .kind = 1}, KR_HOLDS, 0},
        {{.priority = INT_MAX, .function = "steal", .module = "odd"}, KR_IN_DOUBT, 1},
        {{.priority = INT_MAX}, KR_IN_DOUBT, 1},
        {{.priority = 5, .function = "steal", .module = "odd"}, KR_HOLDS, 0},
        {{.priority = INT_MAX, .function = "prog", .kind = 2}, KR_HOLDS, 1},
        {{.priority = 5}, KR_HOLDS, 1},
    };
    struct kr_uplink up[] = {{.name = "eth0"}};
    struct kr_uplinks uplinks = {.v = up, .n = 1};
    struct kr_scene s = {.uplinks = &uplinks};
    (void)state;
    told = 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_result r = {0};
        struct kr_err e = {0};
        hook = rows[i].hook;
        assert_int_equal(kr_check_hooks(&s, &r, &e), 0);
        if (r.verdict != rows[i].want || r.n != rows[i].rows)
            fail_msg("row %zu: %zu rows", i, r.n);
        assert_true(!r.n || strcmp(r.v[0].ifname, "eth0") == 0);
        kr_result_free(&r);
    }
}

static void silent(void **state)
{
    struct kr_scene s = {.uplinks = NULL};
    struct kr_result r = {0};
    struct kr_err e = {0};
    (void)state;
    told = 0;
    assert_int_equal(kr_check_hooks(&s, &r, &e), 0);
    assert_int_equal(r.verdict, KR_HOLDS);
    assert_non_null(strstr(r.v[0].detail, "does not list them"));
    kr_result_free(&r);
    told = -1;
    assert_int_equal(kr_check_hooks(&s, &r, &e), -1);
    kr_result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hooks), cmocka_unit_test(silent)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

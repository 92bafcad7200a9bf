#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kr/hist.h>

static struct kr_hist_live live[2];
static struct kr_hist_sum h;

static uint64_t only(int64_t us)
{
    kr_hist_record(&live[0], us);
    h = (struct kr_hist_sum){0};
    kr_hist_add(&h, &live[0]);
    return kr_hist_quantile(&h, 1);
}

static int fresh(void **state)
{
    (void)state;
    memset(live, 0, sizeof live);
    h = (struct kr_hist_sum){0};
    return 0;
}

/* The largest value measured is told within 1/128 of what it is, and never below. */
static void test_precision(void **state)
{
    (void)state;
    uint64_t seen = 0;
    for (uint64_t v = 0; v < 1ull << 36; v = v < 5000 ? v + 1 : v * 9 / 8 + 3, seen++) {
        uint64_t got = only((int64_t)v);
        assert_true(got >= v && got <= v + v / 128);
    }
    assert_int_equal(h.count, seen);
    only(INT64_MAX);
    only(-5);
    assert_int_equal(h.count, seen + 2);
    assert_int_equal(kr_hist_least(&h), 0);
}

static void test_quantiles(void **state)
{
    (void)state;
    assert_int_equal(kr_hist_quantile(&h, 0.5), 0);
    assert_int_equal(kr_hist_least(&h), 0);
    for (int i = 1; i <= 500; i++) {
        kr_hist_record(&live[0], i);
        kr_hist_record(&live[1], 500 + i);
    }
    kr_hist_add(&h, &live[0]);
    kr_hist_add(&h, &live[1]);
    assert_int_equal(h.count, 1000);
    assert_int_equal(h.sum, 500500);
    assert_int_equal(kr_hist_least(&h), 1);
    assert_in_range(kr_hist_quantile(&h, 0.5), 500, 504);
    assert_in_range(kr_hist_quantile(&h, 0.99), 990, 998);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_precision, fresh),
                                       cmocka_unit_test_setup(test_quantiles, fresh)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

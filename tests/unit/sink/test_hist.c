#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/sink_hist.h>
#include <kr/sink_stats.h>

static struct kr_hist_sum h;

static uint64_t only(struct kr_sink_stats *s, int64_t us)
{
    kr_sink_time(s, KR_HIST_content, us);
    kr_hist_sum(s, 1, KR_HIST_content, &h);
    return kr_hist_quantile(&h, 1);
}

/* The largest value measured is told within 1/32 of what it is, and never below. */
static void test_precision(void **state)
{
    (void)state;
    struct kr_sink_stats *s = kr_sink_stats_make(1, NULL);
    uint64_t seen = 0;
    for (uint64_t v = 0; v < 1ull << 36; v = v < 5000 ? v + 1 : v * 9 / 8 + 3, seen++) {
        uint64_t got = only(s, (int64_t)v);
        assert_true(got >= v && got <= v + v / 32);
    }
    assert_int_equal(h.count, seen);
    only(s, INT64_MAX);
    only(s, -5);
    assert_int_equal(h.count, seen + 2);
    kr_sink_stats_free(s, 1);
}

static void test_quantiles(void **state)
{
    (void)state;
    struct kr_sink_stats *s = kr_sink_stats_make(2, NULL);
    for (int i = 1; i <= 500; i++) {
        kr_sink_time(s, KR_HIST_busy, i);
        kr_sink_time(kr_sink_stats_of(s, 1), KR_HIST_busy, 500 + i);
    }
    kr_hist_sum(s, 2, KR_HIST_busy, &h);
    assert_int_equal(h.count, 1000);
    assert_int_equal(h.sum, 500500);
    assert_in_range(kr_hist_quantile(&h, 0.5), 500, 516);
    assert_in_range(kr_hist_quantile(&h, 0.99), 990, 1022);
    kr_hist_sum(s, 2, KR_HIST_session, &h);
    assert_int_equal(kr_hist_quantile(&h, 0.5), 0);
    kr_sink_stats_free(s, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_precision),
                                       cmocka_unit_test(test_quantiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

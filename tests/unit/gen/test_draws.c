/* Weights and arrivals. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kr/gen_arrivals.h>
#include <kr/gen_weights.h>
#include <kr/mix.h>

/* Chi-square of n draws against the weights. */
static double chi_square(const double *weight, size_t n, unsigned draws, uint64_t seed)
{
    struct kr_weights w;
    double sum = 0, chi = 0;
    uint64_t *seen = calloc(n, sizeof *seen);
    kr_weights_make(&w, weight, n);
    for (unsigned i = 0; i < draws; i++) {
        size_t k = kr_weights_draw(&w, kr_mix_next(&seed));
        assert_true(k < n);
        seen[k]++;
    }
    for (size_t i = 0; i < n; i++)
        sum += weight[i];
    for (size_t i = 0; i < n; i++) {
        double want = draws * weight[i] / sum, off = (double)seen[i] - want;
        chi += off * off / want;
    }
    free(seen);
    kr_weights_free(&w);
    return chi;
}

/* 13 domains have 12 degrees of freedom: 99.95 % are below 34.8. A thousand equal ones: 1,150. */
static void test_weights(void **state)
{
    static const double documented[] = {1.5, .2, .5, 67.4, 8.8, 1.2, .3, .2, .5, .4, 1.2, .3, 5.9};
    static const double one[] = {0.001}, two[] = {1e-9, 1e9};
    double many[1000];
    (void)state;
    for (size_t i = 0; i < 1000; i++)
        many[i] = 3;
    for (uint64_t seed = 0; seed < 5; seed++)
        assert_true(chi_square(documented, 13, 100000, seed) < 34.8);
    assert_true(chi_square(many, 1000, 1000000, 1) < 1150);
    assert_true(chi_square(one, 1, 1000, 1) < 1e-6);
    assert_true(chi_square(two, 2, 1000, 1) < 1);
}

static struct kr_arrivals begun(struct kr_gen_arrivals how, double rate, unsigned worker,
                                unsigned workers)
{
    struct kr_gen_config cfg = {.arrivals = how, .rate = rate, .duration = 10, .seed = 5};
    struct kr_arrivals a;
    kr_arrivals_begin(&a, &cfg, worker, workers);
    return a;
}

/* How many of all workers' messages are due before `until`. */
static unsigned due(struct kr_gen_arrivals how, double rate, unsigned workers, double until)
{
    unsigned n = 0;
    for (unsigned i = 0; i < workers; i++) {
        struct kr_arrivals a = begun(how, rate, i, workers);
        double last = -1;
        for (; a.next < until; n++) {
            assert_true(a.next > last);
            last = a.next;
            kr_arrivals_take(&a);
        }
    }
    return n;
}

static void test_steady(void **state)
{
    struct kr_gen_arrivals steady = {.shape = KR_GEN_STEADY};
    (void)state;
    for (unsigned workers = 1; workers < 8; workers++) {
        assert_int_equal(due(steady, 1000, workers, 9.9995), 10000);
        struct kr_arrivals a = begun(steady, 1000, workers - 1, workers);
        assert_true(fabs((double)(a.next) - ((workers - 1) / 1000.0)) < 1e-9);
        assert_int_equal(kr_arrivals_skip(&a, 5), (5000 - workers) / workers + 1);
        assert_true(a.next >= 5 && a.next < 5.1);
    }
}

/* All workers' messages together come at even intervals: the next is always the one of the next
 * worker. */
static void test_even(void **state)
{
    struct kr_gen_arrivals steady = {.shape = KR_GEN_STEADY};
    struct kr_arrivals a[3];
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        a[i] = begun(steady, 200, i, 3);
    for (unsigned n = 0; n < 6000; n++) {
        assert_true(fabs(a[n % 3].next - n / 200.0) < 1e-9);
        kr_arrivals_take(&a[n % 3]);
    }
}

/* Where a ramp from nothing stands is the square root of how far it is; a spike's messages are as
 * dense as its rate. */
static void test_when(void **state)
{
    struct kr_gen_arrivals ramp = {.shape = KR_GEN_RAMP};
    struct kr_gen_arrivals spike = {.shape = KR_GEN_SPIKE, .factor = 4, .every = 2, .lasting = 1};
    struct kr_arrivals r = begun(ramp, 800, 0, 1), s = begun(spike, 200, 0, 1);
    (void)state;
    for (unsigned n = 0; n < 4000; n++) {
        unsigned m = n % 1000;
        assert_true(fabs(kr_arrivals_when(&r, n) - 10 * sqrt(n / 4000.0)) < 1e-9);
        assert_true(fabs(kr_arrivals_when(&s, n) - n / 1000 * 2 -
                         (m < 200 ? m / 200.0 : 1 + (m - 200) / 800.0)) < 1e-9);
    }
}

/* From 200 to 1,000 a second in 10 seconds: 6,000; then on at 1,000. */
static void test_ramp(void **state)
{
    struct kr_gen_arrivals ramp = {.shape = KR_GEN_RAMP, .from = 200};
    (void)state;
    for (unsigned workers = 1; workers < 4; workers++) {
        assert_in_range(due(ramp, 1000, workers, 10), 5999, 6001);
        assert_in_range(due(ramp, 1000, workers, 5), 1999, 2001);
        assert_in_range(due(ramp, 1000, workers, 12), 7999, 8001);
    }
    ramp.from = 0;
    assert_in_range(due(ramp, 1000, 1, 10), 4999, 5001);
    ramp.from = 1000;
    assert_in_range(due(ramp, 1000, 1, 10), 9999, 10001);
    ramp.from = 3000; /* and down */
    assert_in_range(due(ramp, 1000, 1, 10), 19999, 20001);
}

/* 9 seconds of 100 and one of 500, each 10 seconds. */
static void test_spike(void **state)
{
    struct kr_gen_arrivals spike = {.shape = KR_GEN_SPIKE, .factor = 5, .every = 10, .lasting = 1};
    (void)state;
    assert_in_range(due(spike, 100, 1, 9), 899, 901);
    assert_in_range(due(spike, 100, 1, 10), 1399, 1401);
    assert_in_range(due(spike, 100, 3, 39), 5099, 5101);
}

/* Of a Poisson process, also when workers share it, the counts in a second vary as much as they are
 * large; both within 5 standard deviations. */
static void test_poisson(void **state)
{
    struct kr_gen_arrivals poisson = {.shape = KR_GEN_POISSON};
    enum { SECONDS = 2000 };
    (void)state;
    for (unsigned workers = 1; workers < 4; workers++) {
        unsigned seen[SECONDS] = {0};
        double sum = 0, squares = 0;
        for (unsigned i = 0; i < workers; i++)
            for (struct kr_arrivals a = begun(poisson, 50, i, workers); a.next < SECONDS;
                 kr_arrivals_take(&a))
                seen[(size_t)a.next]++;
        for (size_t i = 0; i < SECONDS; i++)
            sum += seen[i];
        double mean = sum / SECONDS;
        for (size_t i = 0; i < SECONDS; i++)
            squares += (seen[i] - mean) * (seen[i] - mean);
        assert_true(fabs(mean - 50) < 5 * sqrt(50.0 / SECONDS));
        assert_true(fabs(squares / SECONDS / mean - 1) < 5 * sqrt(2.0 / SECONDS));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights), cmocka_unit_test(test_steady), cmocka_unit_test(test_even),
        cmocka_unit_test(test_when),    cmocka_unit_test(test_ramp),   cmocka_unit_test(test_spike),
        cmocka_unit_test(test_poisson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

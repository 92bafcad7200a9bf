/* How many workers up gives its sink. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/files.h>
#include <kr/sinkctl.h>

/* 128 files of a worker are not for connections. */
static void test_workers(void **state)
{
    static const struct {
        long cpus;
        uint64_t files;
        unsigned workers;
    } rows[] = {
        {1, KR_FILES_SINK + 128, 1},
        {2, KR_FILES_SINK + 128, 2},
        {64, KR_FILES_SINK, 64},
        {1, KR_FILES_SINK + 127, 2}, /* one connection too many */
        {2, 20000, 7},
        {2, 4096, 8}, /* 34 would be, four a processor are the most */
        {9, 4096, 34},
        {2, 1024, 8},
        {64, 4096, 64},
        {2, 0, 8},
        {2, 256, 8},
        {0, 2 * KR_FILES_SINK, 1},
        {-1, 2 * KR_FILES_SINK, 1},
        {-1, 1024, 4},
        {2, UINT64_MAX, 2}, /* RLIM_INFINITY */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(kr_sink_workers(rows[i].cpus, rows[i].files), rows[i].workers);
}

/* More files never make more workers, and what they hold together is enough unless there are too
 * many. */
static void test_enough(void **state)
{
    (void)state;
    for (long cpus = 1; cpus <= 16; cpus++)
        for (uint64_t files = 300; files < 140000; files += 97) {
            unsigned n = kr_sink_workers(cpus, files);
            assert_true(n >= cpus && n <= 4 * cpus);
            assert_true(n == 4 * cpus || n * (files - 128) >= KR_FILES_SINK);
            assert_true(n == cpus || (uint64_t)(n - 1) * (files - 128) < KR_FILES_SINK);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_workers),
                                       cmocka_unit_test(test_enough)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

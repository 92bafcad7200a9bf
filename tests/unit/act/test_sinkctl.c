/* How many workers up gives its sink. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/files.h>
#include <kr/sinkctl.h>

/* 65,536 ports; 128 files of a worker are not for connections. */
static void test_workers(void **state)
{
    static const struct {
        long cpus;
        uint64_t files;
        unsigned workers;
    } rows[] = {
        {1, KR_FILES_SINK, 1},
        {2, KR_FILES_SINK, 2},
        {64, KR_FILES_SINK, 64},
        {1, 65536 + 128 + 1, 1},
        {1, 65536 + 128, 2}, /* one connection too many */
        {2, 20000, 4},
        {2, 4096, 8}, /* 17 would be, four a processor are the most */
        {8, 4096, 17},
        {2, 1024, 8},
        {32, 4096, 32},
        {2, 0, 8},
        {2, 256, 8},
        {0, KR_FILES_SINK, 1},
        {-1, KR_FILES_SINK, 1},
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
            assert_true(n == 4 * cpus || n * (files - 128) >= 65536);
            assert_true(n == cpus || (uint64_t)(n - 1) * (files - 128) <= 65536);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_workers),
                                       cmocka_unit_test(test_enough)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

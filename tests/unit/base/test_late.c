/* Libraries loaded when they are needed. */
#include "cmocka_all.h"

#include <kr/err.h>
#include <kr/late.h>

#include <string.h>

static void a_function_is_found_and_works(void **state)
{
    (void)state;
    double (*root)(double) = NULL;
    struct kr_err e = {0};
    assert_int_equal(0, kr_late_load("libm.so.6", &(struct kr_late_symbol){"sqrt", &root}, 1, &e));
    assert_true(root(9.0) > 2.99 && root(9.0) < 3.01);
}

static void a_missing_library_is_named(void **state)
{
    (void)state;
    struct kr_err e = {0};
    assert_int_equal(-1, kr_late_load("libkrnone.so.1", NULL, 0, &e));
    assert_int_equal(KR_CANNOT, e.exit);
    assert_non_null(strstr(e.msg, "libkrnone.so.1"));
}

static void a_missing_function_is_named(void **state)
{
    (void)state;
    void (*none)(void) = NULL;
    struct kr_err e = {0};
    const struct kr_late_symbol symbols[] = {{"kr_no_such_function", &none}};
    assert_int_equal(-1, kr_late_load("libm.so.6", symbols, 1, &e));
    assert_int_equal(KR_CANNOT, e.exit);
    assert_string_equal("libm.so.6 has no kr_no_such_function", e.msg);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_is_found_and_works),
        cmocka_unit_test(a_missing_library_is_named),
        cmocka_unit_test(a_missing_function_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

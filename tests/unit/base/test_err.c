#include "cmocka_all.h"

#include <kr/err.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void test_fail(void **state)
{
    struct kr_err e = {0};
    (void)state;
    assert_int_equal(kr_fail(&e, KR_USAGE, 0, "'%s' is no %s", "x", "port"), -1);
    assert_string_equal(e.msg, "'x' is no port");
    assert_int_equal(e.exit, KR_USAGE);
    assert_int_equal(e.sys, 0);
    assert_int_equal(kr_fail(&e, KR_CANNOT, EPERM, "netlink"), -1);
    assert_string_equal(e.msg, "netlink: Operation not permitted");
    assert_int_equal(e.exit, KR_CANNOT);
    assert_int_equal(e.sys, EPERM);
}

/* The text may be the message itself, as when an error is told anew. */
static void test_fail_of_itself(void **state)
{
    struct kr_err e = {.msg = "first"};
    (void)state;
    kr_fail(&e, KR_UNKNOWN, 0, "%s, again", e.msg);
    assert_string_equal(e.msg, "first, again");
}

static void test_wrap(void **state)
{
    struct kr_err e = {0};
    (void)state;
    kr_fail(&e, KR_BREACH, EIO, "inner");
    assert_int_equal(kr_wrap(&e, "outer %d", 2), -1);
    assert_string_equal(e.msg, "outer 2: inner: Input/output error");
    assert_int_equal(e.exit, KR_BREACH);
    assert_int_equal(e.sys, EIO);
}

static void test_nowhere(void **state)
{
    (void)state;
    assert_int_equal(kr_fail(NULL, KR_USAGE, EPERM, "x"), -1);
    assert_int_equal(kr_wrap(NULL, "x"), -1);
}

/* Of every length around the limit: ended by a NUL, and the front of the text is what stays. */
static void test_long(void **state)
{
    char text[2 * sizeof(struct kr_err)];
    (void)state;
    for (size_t n = 0; n < 1100; n++)
        for (size_t m = 0; m < 1100; m += n % 37 + 1) {
            struct kr_err e = {0};
            memset(text, 'i', n);
            text[n] = '\0';
            kr_fail(&e, KR_USAGE, 0, "%s", text);
            memset(text, 'o', m);
            text[m] = '\0';
            kr_wrap(&e, "%s", text);
            size_t len = strnlen(e.msg, sizeof e.msg), full = n + m + 2;
            assert_true(len < sizeof e.msg);
            assert_true(full < sizeof e.msg ? len == full : len >= sizeof e.msg - 2);
            assert_true(strspn(e.msg, "o") == (m < sizeof e.msg - 3 ? m : sizeof e.msg - 3));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail), cmocka_unit_test(test_fail_of_itself),
        cmocka_unit_test(test_wrap), cmocka_unit_test(test_nowhere),
        cmocka_unit_test(test_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

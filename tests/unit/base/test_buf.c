#include "cmocka_all.h"

#include <kr/buf.h>
#include <kr/mem.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void test_empty(void **state)
{
    struct kr_buf b = {0};
    (void)state;
    assert_string_equal(kr_buf_str(&b), "");
    kr_buf_free(&b);
    kr_buf_add(&b, "", 0);
    assert_string_equal(b.s, "");
    assert_int_equal(b.len, 0);
    kr_buf_free(&b);
    assert_null(b.s);
    assert_int_equal(b.cap, 0);
}

static void test_add(void **state)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    (void)state;
    for (size_t i = 0; i < 5000; i++) {
        char c = (char)(i % 251);
        kr_buf_add(&b, &c, 1);
        assert_int_equal(b.len, i + 1);
        assert_true(b.cap > b.len && b.s[b.len] == '\0');
    }
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(b.s[i], (char)(i % 251));
}

static void test_printf(void **state)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    (void)state;
    kr_buf_printf(&b, "%s", "");
    assert_string_equal(kr_buf_str(&b), "");
    for (int i = 0; i < 200; i++)
        kr_buf_printf(&b, "%d,%s;", i % 10, "xyz");
    assert_int_equal(b.len, 200 * 6);
    assert_memory_equal(b.s + 6 * 199, "9,xyz;", 7);
    kr_buf_printf(&b, "%5000d", 7);
    assert_int_equal(b.len, 200 * 6 + 5000);
    assert_string_equal(b.s + b.len - 2, " 7");
}

static void test_shell(void **state)
{
    static const char *const words[][2] = {{"/etc/postfix-2", "/etc/postfix-2"},
                                           {"http://h:1/a_b,c%2=@+", "http://h:1/a_b,c%2=@+"},
                                           {"", "''"},
                                           {"a b", "'a b'"},
                                           {"it's", "'it'\\''s'"},
                                           {"$(id);`id`", "'$(id);`id`'"},
                                           {"~", "'~'"},
                                           {"a\nb", "'a\nb'"},
                                           {"[::1]*?", "'[::1]*?'"},
                                           {"\"\\", "'\"\\'"}};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        KR_AUTO_BUF struct kr_buf b = {0};
        kr_buf_printf(&b, "-c ");
        kr_buf_shell(&b, words[i][0]);
        assert_string_equal(b.s + 3, words[i][1]);
    }
}

static void test_grow(void **state)
{
    size_t cap = 0;
    uint32_t *v = NULL;
    (void)state;
    for (uint32_t i = 0; i < 3000; i++) {
        v = kr_grow(v, &cap, i + 1, sizeof *v);
        assert_true(cap > i);
        v[i] = i;
    }
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(v[i], i);
    free(v);
}

static void test_memory(void **state)
{
    KR_AUTO_FREE char *none = kr_calloc(0, 0);
    KR_AUTO_FREE unsigned char *zero = kr_calloc(100, 3);
    KR_AUTO_FREE char *copy = kr_strdup("text");
    (void)state;
    assert_non_null(none);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(zero[i], 0);
    assert_string_equal(copy, "text");
}

static void test_close(void **state)
{
    int pipes[2], none = -1;
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    kr_close_fd(&pipes[1]);
    assert_int_equal(pipes[1], -1);
    char c;
    assert_int_equal(read(pipes[0], &c, 1), 0);
    kr_close_fd(&pipes[0]);
    kr_close_fd(&pipes[0]);
    kr_close_fd(&none);
    assert_int_equal(none, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty), cmocka_unit_test(test_add),    cmocka_unit_test(test_printf),
        cmocka_unit_test(test_grow),  cmocka_unit_test(test_memory), cmocka_unit_test(test_close),
        cmocka_unit_test(test_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kr/csv.h>
#include <kr/err.h>
#include <kr/mix.h>

/* "1:a|b;2:c" - each row with its line. */
static void read_all(const char *text, size_t len, struct kr_buf *out)
{
    struct kr_err e = {0};
    KR_AUTO_CSV struct kr_csv c;
    char *copy = malloc(len ? len : 1); /* so that reading beyond is seen */
    int got;
    memcpy(copy, text, len);
    kr_csv_begin(&c, "f", copy, len);
    while ((got = kr_csv_row(&c, &e)) > 0) {
        kr_buf_printf(out, "%u:", c.line);
        for (size_t i = 0; i < c.cells; i++) {
            assert_int_equal(strlen(kr_csv_text(&c, i)), c.cell[i].len);
            kr_buf_printf(out, "%s%s", i ? "|" : "", kr_csv_text(&c, i));
        }
        kr_buf_printf(out, ";");
    }
    if (got < 0)
        kr_buf_printf(out, "%s", e.msg);
    free(copy);
}

static void test_rows(void **state)
{
    static const struct {
        const char *text, *rows;
    } cases[] = {
        {"", ""},
        {"\n\r\n", ""},
        {"a,b\r\nc,d\r\n", "1:a|b;2:c|d;"},
        {"a,b", "1:a|b;"},
        {"a,\n,b\n", "1:a|;2:|b;"},
        {"\xef\xbb\xbf\"a\",b\n", "1:a|b;"},
        {"\"a,\"\"b\"\"\",c\n", "1:a,\"b\"|c;"},
        {"\"x\ny\r\nz\",1\nb,2\n", "1:x\ny\r\nz|1;4:b|2;"},
        {"\"\"\n", "1:;"},
        {"\"\"\"\"\n", "1:\";"},
        {"a\rb\n", "1:a\rb;"},
        {"a\n\n\nb\n", "1:a;4:b;"},
        {"a\n\"b\n", "1:a;f:2: a quote is opened here and never closed"},
        {"\"a\"b\n", "f:1: something stands between a closing quote and the comma"},
        {"a\nb\"c\n", "1:a;f:2: a quote stands inside a value that is not quoted"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        KR_AUTO_BUF struct kr_buf out = {0};
        read_all(cases[i].text, strlen(cases[i].text), &out);
        assert_string_equal(kr_buf_str(&out), cases[i].rows);
    }
    KR_AUTO_BUF struct kr_buf out = {0};
    read_all("a\0b\n", 4, &out);
    assert_string_equal(out.s, "f:1: a NUL octet");
}

/* Any cells, written as RFC 4180 says, are read back. */
static void test_round_trip(void **state)
{
    static const char letters[] = "ab,\"\n\r ";
    uint64_t chance = 4180;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        KR_AUTO_BUF struct kr_buf text = {0}, want = {0}, got = {0};
        size_t cells = 1 + (size_t)(kr_mix_next(&chance) % 4);
        kr_buf_printf(&want, "1:");
        for (size_t i = 0; i < cells; i++) {
            size_t n = (size_t)(kr_mix_next(&chance) % 6);
            kr_buf_printf(&text, "%s\"", i ? "," : "");
            kr_buf_printf(&want, "%s", i ? "|" : "");
            while (n--) {
                char c = letters[kr_mix_next(&chance) % (sizeof letters - 1)];
                kr_buf_printf(&text, c == '"' ? "\"\"" : "%c", c);
                kr_buf_printf(&want, "%c", c);
            }
            kr_buf_printf(&text, "\"");
        }
        kr_buf_printf(&want, ";");
        kr_buf_printf(&text, round % 2 ? "\r\n" : "\n");
        read_all(text.s, text.len, &got);
        assert_string_equal(got.s, want.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "scan_reference.h"

static void explain(const char *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        fprintf(stderr, d[i] > ' ' && d[i] < 127 ? "%c" : "\\x%02x", (unsigned char)d[i]);
    fprintf(stderr, "\n");
}

/* Feeds d in pieces whose sizes next() chooses; compares with the reference. */
static void compare(const char *d, size_t n, size_t (*next)(size_t at, size_t arg), size_t arg)
{
    struct reference r = scan_reference(d, n);
    struct kr_scan s;
    bool ended = false;
    size_t at = 0;
    kr_scan_begin(&s);
    while (at < n && !ended) {
        size_t piece = next(at, arg);
        piece = piece < n - at ? piece : n - at;
        char *copy = malloc(piece); /* so that ASan sees a look beyond it */
        assert_non_null(copy);
        memcpy(copy, d + at, piece);
        size_t used = kr_scan_feed(&s, copy, piece, &ended);
        free(copy);
        assert_true(ended || used == piece);
        at += used;
    }
    if (ended != (r.taken != 0) || (ended && (at != r.taken || !scan_agrees(&s, &r.want))))
        explain(d, n);
    assert_int_equal(ended, r.taken != 0);
    if (!ended)
        return;
    assert_int_equal(at, r.taken);
    assert_int_equal(s.bytes, r.want.bytes);
    assert_int_equal(s.bare_lf, r.want.bare_lf);
    assert_int_equal(s.bare_cr, r.want.bare_cr);
    assert_int_equal(s.long_lines, r.want.long_lines);
    assert_int_equal(s.smuggle, r.want.smuggle);
}

static size_t whole(size_t at, size_t arg)
{
    (void)at;
    (void)arg;
    return SIZE_MAX;
}

static size_t bytewise(size_t at, size_t arg)
{
    (void)at;
    (void)arg;
    return 1;
}

static size_t split_at(size_t at, size_t where)
{
    return at < where ? where - at : SIZE_MAX;
}

static size_t random_piece(size_t at, size_t most)
{
    (void)at;
    return 1 + (size_t)rand() % most;
}

static void every_split(const char *d, size_t n)
{
    for (size_t i = 1; i < n; i++)
        compare(d, n, split_at, i);
    compare(d, n, whole, 0);
    compare(d, n, bytewise, 0);
}

static const struct {
    const char *text;
    uint64_t bytes;
    uint32_t bare_lf, bare_cr, smuggle;
} known[] = {
    {".\r\n", 0, 0, 0, 0},
    {"\r\n.\r\n", 2, 0, 0, 0},
    {"a\r\n.\r\nMAIL FROM:<x>\r\n", 3, 0, 0, 0},
    {"..\r\n.a\r\n...\r\n.\r\n", 3 + 3 + 4, 0, 0, 0},
    {"a\n.\r\n.\r\n", 5, 1, 0, 0},
    {"a\n.\nMAIL FROM:<x>\r\n.\r\n", 19, 2, 0, 1},
    {"a\n.\r\nmail from:<x>\r\n.\r\n", 20, 1, 0, 1},
    {"a\r\n.\nQUIT\r\n.\r\n", 10, 1, 0, 1},
    {"a\r.\rDATA\r\n.\r\n", 10, 0, 2, 1},
    {"a\r\n.\rRSET\r\n.\r\n", 10, 0, 1, 1},
    {"a\n.\nMAILBOX full\r\n.\r\n", 18, 2, 0, 0},
    {".\nEHLO x\r\n.\r\n", 9, 1, 0, 1},
    {"\r\r\n.\r\n", 3, 0, 1, 0},
    {"\n.\n.\nrcpt \r\n.\r\n", 12, 3, 0, 1},
};

static void test_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct reference r = scan_reference(known[i].text, strlen(known[i].text));
        assert_true(r.taken != 0);
        assert_int_equal(r.want.bytes, known[i].bytes);
        assert_int_equal(r.want.bare_lf, known[i].bare_lf);
        assert_int_equal(r.want.bare_cr, known[i].bare_cr);
        assert_int_equal(r.want.smuggle, known[i].smuggle);
        every_split(known[i].text, strlen(known[i].text));
    }
}

/* Nothing but CRLF.CRLF ends the content. */
static void test_no_end(void **state)
{
    static const char *const open[] = {
        "",         "a",        "a\r\n.",      "a\r\n.\r",     "a\n.\n",     "a\r.\r",
        "a\n.\r\n", "a\r\n.\n", "a\r\n..\r\n", "a\r\n.\r\r\n", "a\r\n. \r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        assert_int_equal(scan_reference(open[i], strlen(open[i])).taken, 0);
        every_split(open[i], strlen(open[i]));
    }
}

static size_t one_long(char *out, size_t dots, size_t len)
{
    memset(out, '.', dots);
    memset(out + dots, 'x', len);
    memcpy(out + dots + len, "\r\n.\r\n", 5);
    return dots + len + 5;
}

/* 998 octets are fine, 999 are not, and a stuffed dot does not count (RFC 5321 4.5.3.1.6). */
static void test_long_lines(void **state)
{
    char text[2048];
    (void)state;
    for (size_t len = 996; len <= 1001; len++)
        for (size_t dots = 0; dots <= 2; dots++) {
            size_t n = one_long(text, dots, len), line = len + dots - (dots > 0);
            assert_int_equal(scan_reference(text, n).want.long_lines, line > 998);
            every_split(text, n);
        }
}

static size_t random_text(char *out, size_t room)
{
    static const char *const token[] = {"\r\n", "\n",    "\r",    ".",  "..",       "a",
                                        "MAIL", "quit",  " ",     "xx", "\r\n.\n",  "\n.\r\n",
                                        "DATA", "\r.\r", "EHLO ", ":",  "\r\n..\r", "line\r\n"};
    size_t n = 0, tokens = 1 + (size_t)rand() % 24;
    for (size_t i = 0; i < tokens && n + 1200 < room; i++) {
        const char *t = token[(size_t)rand() % (sizeof token / sizeof *token)];
        size_t fill = rand() % 40 == 0 ? 990 + (size_t)rand() % 20 : 0;
        memcpy(out + n, t, strlen(t));
        n += strlen(t);
        memset(out + n, 'y', fill);
        n += fill;
    }
    memcpy(out + n, "\r\n.\r\nRSET\r\n", 11);
    return n + 11;
}

static void test_random(void **state)
{
    static char text[32768];
    (void)state;
    srand(20260225);
    for (int round = 0; round < 60000; round++) {
        size_t n = random_text(text, sizeof text);
        compare(text, n, whole, 0);
        compare(text, n, bytewise, 0);
        compare(text, n, random_piece, 7);
        if (n < 80 && round % 10 == 0)
            every_split(text, n);
    }
}

static void test_octets(void **state)
{
    char text[64];
    (void)state;
    srand(1);
    for (int round = 0; round < 200000; round++) {
        size_t n = (size_t)rand() % sizeof text;
        for (size_t i = 0; i < n; i++)
            text[i] = "\r\n.."[rand() % 4];
        compare(text, n, whole, 0);
        compare(text, n, random_piece, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),      cmocka_unit_test(test_no_end),
        cmocka_unit_test(test_random),     cmocka_unit_test(test_octets),
        cmocka_unit_test(test_long_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

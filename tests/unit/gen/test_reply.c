#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kr/gen_reply.h>

/* "250 334p -1": codes of the replies, p for those that offer PIPELINING, x for crowded; "!" where
 * garbage was found. The text comes in pieces of `piece` octets. */
static const char *told(const char *text, size_t len, size_t piece)
{
    static char out[512];
    struct kr_reply r = {0};
    size_t at = 0, n = 0;
    out[0] = '\0';
    while (at < len) {
        char *part = malloc(piece); /* so that reading beyond is seen */
        size_t take = len - at < piece ? len - at : piece;
        memcpy(part, text + at, take);
        const char *p = part;
        at += take;
        int got;
        while ((got = kr_reply_read(&r, &p, &take)) > 0)
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%u%s%s", n ? " " : "", r.code,
                                  r.offers & KR_REPLY_PIPELINING ? "p" : "", r.crowded ? "x" : "");
        free(part);
        if (got < 0) {
            snprintf(out + n, sizeof out - n, "!");
            break;
        }
    }
    return out;
}

static void test_everywhere_cut(void **state)
{
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"220 hi\r\n", "220"},
        {"250-peer\r\n250-PIPELINING\r\n250 SIZE\r\n", "250p"},
        {"250-PIPELINING\r\n250 SIZE\r\n", "250"}, /* the first line is the name */
        {"250-peer\r\n250 pipelining\r\n250 ok\r\n", "250p 250"},
        {"250-peer\r\n250 PIPELINING2\r\n", "250"},
        {"250 ok\r\n250 ok\r\n354\r\n", "250 250 354"},
        {"451 4.5.3 too many\r\n451 4.5.31 no\r\n452-4.5.3 a\r\n452 b\r\n451 4.5.3\n",
         "451x 451 452x 451x"},
        {"250 ok\n250-a\n250\n", "250 250"},
        {"250 ok\r\nhello\r\n", "250!"},
        {"250-a\r\n251 b\r\n", "!"},
        {"150 a\r\n", "!"},
        {"650 a\r\n", "!"},
        {"25\r\n", "!"},
        {"2500 a\r\n", "!"},
        {"\r\n", "!"},
        {"25a ok\r\n", "!"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece <= strlen(cases[i].text); piece++)
            assert_string_equal(told(cases[i].text, strlen(cases[i].text), piece), cases[i].told);
}

static void test_long_lines(void **state)
{
    char text[KR_REPLY_LONGEST + 64];
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text, "250-", 4);
    memcpy(text + 4000, "\r\n250 y\r\n", 9);
    for (size_t piece = 1; piece < 5000; piece = piece * 3 + 1)
        assert_string_equal(told(text, 4009, piece), "250");
    memset(text + 4000, 'x', 9);
    for (size_t piece = 1; piece <= sizeof text; piece = piece * 3 + 1)
        assert_string_equal(told(text, sizeof text, piece), "!");
}

static void test_text(void **state)
{
    struct kr_reply r = {0};
    const char *p = "550-5.1.1 first\r\n550 5.1.1 last\r\n220 next\r\n";
    size_t n = strlen(p);
    (void)state;
    assert_int_equal(kr_reply_read(&r, &p, &n), 1);
    assert_memory_equal(r.text, "550 5.1.1 last", r.text_len);
    assert_int_equal(r.text_len, 14);
    assert_int_equal(r.lines, 2);
    assert_int_equal(kr_reply_read(&r, &p, &n), 1);
    assert_int_equal(r.code, 220);
    assert_int_equal(n, 0);
    assert_int_equal(kr_reply_read(&r, &p, &n), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everywhere_cut),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/sink_answer.h>

#include <stdlib.h>
#include <string.h>

static const struct {
    int code;
    const char *text, *wire;
} answers[] = {
    {550, "boing!", "550 boing!\r\n"},
    {421, "4.7.0 [x] a\r\n421-4.7.0 b\r\n421,4.7.0 c",
     "421-4.7.0 [x] a\r\n421-4.7.0 b\r\n421 4.7.0 c\r\n"},
    {421, "421-4.7.0 a\r\n421,4.7.0 b", "421-4.7.0 a\r\n421 4.7.0 b\r\n"},
    {451, "4.4.2 a. \n451 b. \n 451 c.\n451 d.",
     "451-4.4.2 a.\r\n451-4.4.2 b.\r\n451-4.4.2 c.\r\n451 4.4.2 d.\r\n"},
    {550, "5.5.0 a \n550 b", "550-5.5.0 a\r\n550 5.5.0 b\r\n"},
    {421, "421 Max message", "421 Max message\r\n"},
    {553, "host [1.2.3.4] SMTP: 553 5.7.1 [BL21] x",
     "553 host [1.2.3.4] SMTP: 553 5.7.1 [BL21] x\r\n"},
    {550, "4.1.1 x", "550 4.1.1 x\r\n"},
    {550, "5.1.1", "550 5.1.1 \r\n"},
    {550, "", "550 \r\n"},
    {550, "\n\r\n", "550 \r\n"},
    {550, "5500 x", "550 5500 x\r\n"},
    {550, "5.1.1000 x", "550 5.1.1000 x\r\n"},
    {550, "550", "550 \r\n"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct kr_answer a;
        assert_int_equal(
            kr_answer_make(&a, answers[i].code, answers[i].text, strlen(answers[i].text), NULL), 0);
        assert_string_equal(a.wire, answers[i].wire);
        assert_int_equal(a.len, strlen(a.wire));
        free(a.wire);
    }
}

/* No line is over 512 octets, whatever the text; nothing of it is lost. */
static void test_long_answers(void **state)
{
    char text[3000];
    (void)state;
    for (size_t blank = 1; blank < 700; blank += 13) {
        struct kr_answer a;
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = i % (blank + 1) == blank ? ' ' : 'x';
        assert_int_equal(kr_answer_make(&a, 550, text, sizeof text, NULL), 0);
        size_t letters = 0;
        for (const char *p = a.wire; *p;) {
            const char *end = strstr(p, "\r\n");
            assert_in_range(end + 2 - p, 4, 512);
            assert_int_equal(p[3], end[2] ? '-' : ' ');
            for (; p < end; p++)
                letters += *p == 'x';
            p = end + 2;
        }
        size_t want = 0;
        for (size_t i = 0; i < sizeof text; i++)
            want += text[i] == 'x';
        assert_int_equal(letters, want);
        free(a.wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_long_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is sent, and the guard's decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kr/gen_config.h>
#include <kr/gen_guard.h>
#include <kr/gen_mail.h>

static struct kr_gen_config config(void)
{
    return (struct kr_gen_config){
        .suffix = "s.example", .body_size = 100, .recipients = 1, .seed = 3};
}

/* Line ends of any kind; dots are doubled where they begin a line, and only there. */
static void test_bodies(void **state)
{
    static const struct {
        const char *text, *wire;
    } cases[] = {
        {"a", "a\r\n"},
        {"a\n", "a\r\n"},
        {"a\r\nb\n\nc", "a\r\nb\r\n\r\nc\r\n"},
        {".\n", "..\r\n"},
        {"..a\n.b.\n", "...a\r\n..b.\r\n"},
        {"\r\n.\r\n", "\r\n..\r\n"},
        {"a.\nb", "a.\r\nb\r\n"},
        {"a\rb\n", "a\rb\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kr_body b;
        kr_body_take(&b, cases[i].text, strlen(cases[i].text));
        assert_int_equal(b.len, strlen(cases[i].wire));
        assert_memory_equal(b.text, cases[i].wire, b.len);
        assert_true(b.whole && !b.high);
        free(b.text);
    }
    struct kr_body b;
    kr_body_take(&b, "\xc3\xa4", 2);
    assert_true(b.high);
    free(b.text);
}

static void test_words(void **state)
{
    (void)state;
    for (uint64_t size = 1; size < 3000; size = size * 5 / 4 + 1) {
        struct kr_body b;
        kr_body_words(&b, size);
        assert_in_range(b.len, size, size + 16);
        assert_memory_equal(b.text + b.len - 2, "\r\n", 2);
        size_t column = 0;
        for (size_t i = 0; i < b.len; i++) {
            column = b.text[i] == '\n' ? 0 : column + 1;
            assert_true(column <= 79 && (column != 1 || b.text[i] != '.'));
        }
        free(b.text);
    }
}

/* The same message by the same seed, another one by another. */
static void test_messages(void **state)
{
    (void)state;
    struct kr_gen_config cfg = config();
    struct kr_mail *a = kr_mail_make(&cfg, NULL), *same = kr_mail_make(&cfg, NULL);
    cfg.seed = 4;
    struct kr_mail *other = kr_mail_make(&cfg, NULL);
    unsigned differ = 0;
    for (uint64_t n = 0; n < 500; n++) {
        KR_AUTO_BUF struct kr_buf x = {0}, y = {0}, z = {0};
        for (unsigned i = 0; i <= 2; i++) {
            kr_mail_command(a, n, i, true, &x);
            kr_mail_command(same, n, i, false, &y);
            kr_mail_command(other, n, i, false, &z);
        }
        assert_string_equal(x.s, y.s);
        differ += strcmp(x.s, z.s) != 0;
        assert_memory_equal(x.s, "MAIL FROM:<noreply@", 19);
        assert_non_null(strstr(x.s, ".s.example>\r\nRCPT TO:<user-"));
        assert_string_equal(x.s + x.len - 6, "DATA\r\n");
    }
    assert_int_equal(differ, 500);
    kr_mail_free(a);
    kr_mail_free(same);
    kr_mail_free(other);
}

static void test_needs(void **state)
{
    static const struct {
        enum kr_target_where where;
        uint16_t port;
        bool real;
        enum kr_guard_need need;
    } cases[] = {
        {KR_TARGET_HERE, 25, false, KR_GUARD_NOTHING},
        {KR_TARGET_HERE, 2025, false, KR_GUARD_NOTHING},
        {KR_TARGET_HERE, 25, true, KR_GUARD_EVIDENCE},
        {KR_TARGET_HERE, 2025, true, KR_GUARD_EVIDENCE},
        {KR_TARGET_LAN, 25, false, KR_GUARD_NOTHING},
        {KR_TARGET_LAN, 2025, false, KR_GUARD_NOTHING},
        {KR_TARGET_LAN, 25, true, KR_GUARD_WORD},
        {KR_TARGET_LAN, 2025, true, KR_GUARD_WORD},
        {KR_TARGET_ELSEWHERE, 25, false, KR_GUARD_EVIDENCE},
        {KR_TARGET_ELSEWHERE, 2025, false, KR_GUARD_NOTHING},
        {KR_TARGET_ELSEWHERE, 25, true, KR_GUARD_EVIDENCE},
        {KR_TARGET_ELSEWHERE, 2025, true, KR_GUARD_EVIDENCE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(kr_guard_need(cases[i].where, cases[i].port, cases[i].real),
                         cases[i].need);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

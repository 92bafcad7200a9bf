/* Base64, by the vectors of RFC 4648 10 and against the decoding of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kr/base64.h>

static void test_vectors(void **state)
{
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xff\xef\xbe", "/+++"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[16];
        size_t n = strlen(rows[i][0]), len = kr_base64(rows[i][0], n, out);
        assert_int_equal(len, KR_BASE64_LEN(n));
        assert_int_equal(len, strlen(rows[i][1]));
        assert_memory_equal(out, rows[i][1], len);
    }
}

static unsigned value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    assert_non_null(at);
    return (unsigned)(at - digits);
}

/* Every pair of octets, in the middle of a group and across two. */
static void test_back(void **state)
{
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        const unsigned char in[6] = {1,
                                     (unsigned char)(pair >> 8),
                                     (unsigned char)pair,
                                     (unsigned char)(pair >> 8),
                                     (unsigned char)pair,
                                     2};
        char out[8];
        assert_int_equal(kr_base64(in, sizeof in, out), sizeof out);
        for (size_t g = 0; g < 2; g++) {
            uint32_t bits = 0;
            for (size_t i = 0; i < 4; i++)
                bits = bits << 6 | value(out[4 * g + i]);
            assert_int_equal(bits, (uint32_t)in[3 * g] << 16 | (uint32_t)in[3 * g + 1] << 8 |
                                       in[3 * g + 2]);
        }
    }
}

static void test_digits(void **state)
{
    int digits = 0;
    (void)state;
    for (int c = -128; c < 128; c++)
        digits += kr_base64_value((char)c) >= 0;
    assert_int_equal(digits, 64);
    assert_int_equal(kr_base64_value('A'), 0);
    assert_int_equal(kr_base64_value('/'), 63);
    assert_int_equal(kr_base64_value('='), -1);
    assert_int_equal(kr_base64_value('\0'), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors), cmocka_unit_test(test_back),
                                       cmocka_unit_test(test_digits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_all.h"

#include <kr/addr.h>
#include <kr/err.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct kr_addr addr(const char *text)
{
    struct kr_addr a;
    struct kr_err e = {0};
    if (kr_addr_parse(text, &a, &e))
        fail_msg("%s", e.msg);
    return a;
}

static struct kr_prefix prefix(const char *text)
{
    struct kr_prefix p;
    struct kr_err e = {0};
    if (kr_prefix_parse(text, &p, &e))
        fail_msg("%s", e.msg);
    return p;
}

static void test_parse(void **state)
{
    static const struct {
        const char *text, *canonical;
        int family;
    } rows[] = {
        {"0.0.0.0", NULL, AF_INET},
        {"192.0.2.1", NULL, AF_INET},
        {"255.255.255.255", NULL, AF_INET},
        {"::", NULL, AF_INET6},
        {"::1", NULL, AF_INET6},
        {"2001:db8::1", NULL, AF_INET6},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", AF_INET6},
        {"2001:db8:0:1:1:1:1:1", NULL, AF_INET6},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL, AF_INET6},
        {"::ffff:192.0.2.1", "192.0.2.1", AF_INET},
        {"::fffe:192.0.2.1", "::fffe:c000:201", AF_INET6},
        {"64:ff9b::192.0.2.1", "64:ff9b::c000:201", AF_INET6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char s[KR_ADDRSTRLEN];
        struct kr_addr a = addr(rows[i].text);
        assert_string_equal(kr_addr_str(&a, s),
                            rows[i].canonical ? rows[i].canonical : rows[i].text);
        assert_int_equal(kr_addr_family(&a), rows[i].family);
        assert_int_equal(kr_addr_is_v4(&a), rows[i].family == AF_INET);
    }
}

static void test_parse_refused(void **state)
{
    static const char *const rows[] = {"",
                                       " ",
                                       "x",
                                       "1",
                                       "1.2",
                                       "1.2.3",
                                       "1.2.3.4.5",
                                       "256.1.1.1",
                                       "1.2.3.-4",
                                       "010.0.0.1",
                                       "1.2.3.4 ",
                                       " 1.2.3.4",
                                       "0x7f.0.0.1",
                                       "127.1",
                                       "2130706433",
                                       "1.2.3.4/8",
                                       "1.2.3.4:25",
                                       ":",
                                       ":::",
                                       "1::2::3",
                                       "12345::",
                                       "::g",
                                       "fe80::1%lo",
                                       "[::1]",
                                       "1:2:3:4:5:6:7",
                                       "1:2:3:4:5:6:7:8:9",
                                       "::1.2.3",
                                       "\xc3\xa9"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_err e = {0};
        struct kr_addr a = {.b = {42}};
        char want[128];
        if (!kr_addr_parse(rows[i], &a, &e))
            fail_msg("'%s' was taken", rows[i]);
        snprintf(want, sizeof want, "'%s' is no IPv4 or IPv6 address", rows[i]);
        assert_string_equal(e.msg, want);
        assert_int_equal(e.exit, KR_USAGE);
        assert_int_equal(a.b[0], 42);
    }
}

static void test_bytes(void **state)
{
    const uint8_t v4[4] = {192, 0, 2, 1}, v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};
    uint8_t out[16];
    struct kr_addr a = kr_addr_make(AF_INET, v4), b = kr_addr_make(AF_INET6, v6);
    (void)state;
    assert_int_equal(kr_addr_bytes(&a, out), 4);
    assert_memory_equal(out, v4, 4);
    assert_int_equal(kr_addr_bytes(&b, out), 16);
    assert_memory_equal(out, v6, 16);
    assert_true(kr_addr_cmp(&a, &b) < 0 && kr_addr_cmp(&b, &a) > 0 && kr_addr_cmp(&a, &a) == 0);
}

static void test_sockaddr(void **state)
{
    static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "0.0.0.0", "::"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sockaddr_storage ss;
        struct kr_addr a = addr(texts[i]);
        uint16_t port = 0;
        socklen_t len = kr_addr_sockaddr(&a, 2026, &ss);
        bool v4 = kr_addr_is_v4(&a);
        assert_int_equal(len, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        assert_int_equal(ss.ss_family, v4 ? AF_INET : AF_INET6);
        struct kr_addr back = kr_addr_from_sockaddr(&ss, &port);
        assert_int_equal(kr_addr_cmp(&a, &back), 0);
        assert_int_equal(port, 2026);
        back = kr_addr_from_sockaddr(&ss, NULL);
        assert_int_equal(kr_addr_cmp(&a, &back), 0);
    }
}

static bool bit(const struct kr_addr *a, unsigned i)
{
    return a->b[i / 8] >> (7 - i % 8) & 1;
}

static void flip(struct kr_addr *a, unsigned i)
{
    a->b[i / 8] ^= (uint8_t)(1u << (7 - i % 8));
}

/* Bit by bit, for each length 0..128 and several addresses. */
static void check_length(const struct kr_addr *a, unsigned len)
{
    struct kr_prefix p = kr_prefix_make(a, (uint8_t)len);
    struct kr_addr last = kr_prefix_last(&p);
    assert_int_equal(p.len, len);
    assert_true(kr_prefix_has(&p, a) && kr_prefix_has(&p, &p.addr) && kr_prefix_has(&p, &last));
    for (unsigned i = 0; i < 128; i++) {
        struct kr_addr other = *a;
        flip(&other, i);
        assert_int_equal(bit(&p.addr, i), i < len ? bit(a, i) : 0);
        assert_int_equal(bit(&last, i), i < len ? bit(a, i) : 1);
        assert_int_equal(kr_prefix_has(&p, &other), i >= len);
        struct kr_prefix q = kr_prefix_make(&other, (uint8_t)i);
        assert_true(kr_prefix_covers(&p, &q) == (i >= len));
        assert_true(kr_prefix_covers(&q, &p) == (i <= len));
        assert_true(kr_prefix_overlaps(&p, &q) && kr_prefix_overlaps(&q, &p));
        q = kr_prefix_make(&other, 128);
        assert_true(kr_prefix_overlaps(&p, &q) == (i >= len));
        assert_true(kr_prefix_overlaps(&q, &p) == (i >= len));
    }
}

static void test_prefix_lengths(void **state)
{
    static const char *const texts[] = {"::",
                                        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                        "2001:db8:1234:5678:9abc:def0:1234:5678",
                                        "192.0.2.171",
                                        "255.255.255.255",
                                        "0.0.0.0"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kr_addr a = addr(texts[i]);
        for (unsigned len = 0; len <= 128; len++)
            check_length(&a, len);
    }
}

/* Each prefix of both families is read back from its own text. */
static void check_text(const char *text, unsigned most)
{
    struct kr_addr a = addr(text);
    for (unsigned len = 0; len <= most; len++) {
        char s[KR_ADDRSTRLEN], tail[8];
        struct kr_prefix p = kr_prefix_make(&a, (uint8_t)(len + 128 - most));
        kr_prefix_str(&p, s);
        snprintf(tail, sizeof tail, "/%u", len);
        assert_string_equal(strchr(s, '/'), tail);
        struct kr_prefix back = prefix(s);
        assert_int_equal(kr_prefix_cmp(&p, &back), 0);
        assert_int_equal(kr_prefix_family_len(&p), len);
        assert_int_equal(kr_prefix_is_v4(&p), most == 32);
    }
}

static void test_prefix_text(void **state)
{
    (void)state;
    check_text("255.255.255.255", 32);
    check_text("10.11.12.13", 32);
    check_text("0.0.0.0", 32);
    check_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128);
    check_text("2001:db8:1234:5678:9abc:def0:1234:5678", 128);
    check_text("::", 128);
    struct kr_prefix p = prefix("192.0.2.1"), q = prefix("2001:db8::1");
    assert_int_equal(p.len, 128);
    assert_int_equal(kr_prefix_family_len(&p), 32);
    assert_int_equal(kr_prefix_family_len(&q), 128);
}

static void test_prefix_refused(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "'' is no network: it needs ADDRESS/LENGTH"},
        {"/8", "'/8' is no network: it needs ADDRESS/LENGTH"},
        {"10/8", "'10/8' is no network: it needs ADDRESS/LENGTH"},
        {"10.0.0/8", "'10.0.0/8' is no network: it needs ADDRESS/LENGTH"},
        {"lan", "'lan' is no network: it needs ADDRESS/LENGTH"},
        {"10.0.0.0/", "'10.0.0.0/': '' is no prefix length of 0 to 32"},
        {"10.0.0.0/33", "'10.0.0.0/33': '33' is no prefix length of 0 to 32"},
        {"10.0.0.0/08", "'10.0.0.0/08': '08' is no prefix length of 0 to 32"},
        {"10.0.0.0/-1", "'10.0.0.0/-1': '-1' is no prefix length of 0 to 32"},
        {"10.0.0.0/+8", "'10.0.0.0/+8': '+8' is no prefix length of 0 to 32"},
        {"10.0.0.0/8 ", "'10.0.0.0/8 ': '8 ' is no prefix length of 0 to 32"},
        {"10.0.0.0/8/8", "'10.0.0.0/8/8': '8/8' is no prefix length of 0 to 32"},
        {"10.0.0.0/4294967304",
         "'10.0.0.0/4294967304': '4294967304' is no prefix length of 0 to 32"},
        {"10.0.0.0/255.0.0.0", "'10.0.0.0/255.0.0.0': '255.0.0.0' is no prefix length of 0 to 32"},
        {"2001:db8::/129", "'2001:db8::/129': '129' is no prefix length of 0 to 128"},
        {"10.0.0.1/8", "'10.0.0.1/8' has host bits set; the network is 10.0.0.0/8"},
        {"0.0.0.1/0", "'0.0.0.1/0' has host bits set; the network is 0.0.0.0/0"},
        {"2001:db8::1/127", "'2001:db8::1/127' has host bits set; the network is 2001:db8::/127"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_err e = {0};
        struct kr_prefix p;
        assert_int_equal(kr_prefix_parse(rows[i].text, &p, &e), -1);
        assert_string_equal(e.msg, rows[i].want);
        assert_int_equal(e.exit, KR_USAGE);
    }
}

static void test_prefix_order(void **state)
{
    struct kr_prefix a = prefix("10.0.0.0/8"), b = prefix("10.0.0.0/9"), c = prefix("11.0.0.0/8");
    (void)state;
    assert_true(kr_prefix_cmp(&a, &b) < 0 && kr_prefix_cmp(&b, &c) < 0 &&
                kr_prefix_cmp(&c, &a) > 0);
    assert_int_equal(kr_prefix_cmp(&a, &a), 0);
}

static void test_any(void **state)
{
    static const char *const yes[] = {"0.0.0.0", "::"}, *const no[] = {"0.0.0.1", "::1", "1.0.0.0"};
    struct kr_addr a;
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_int_equal(kr_addr_parse(yes[i], &a, NULL), 0);
        assert_true(kr_addr_is_any(&a));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_int_equal(kr_addr_parse(no[i], &a, NULL), 0);
        assert_false(kr_addr_is_any(&a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any),           cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refused), cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_sockaddr),      cmocka_unit_test(test_prefix_lengths),
        cmocka_unit_test(test_prefix_text),   cmocka_unit_test(test_prefix_refused),
        cmocka_unit_test(test_prefix_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cmocka_all.h"

#include <kr/endpoint.h>
#include <kr/err.h>

#include <stdio.h>
#include <string.h>

static void test_parse(void **state)
{
    static const struct {
        const char *text, *canonical, *first, *last;
        uint16_t port;
    } rows[] = {
        {"192.0.2.1:2026", NULL, "192.0.2.1", "192.0.2.1", 2026},
        {"192.0.2.1-192.0.2.9:2026", NULL, "192.0.2.1", "192.0.2.9", 2026},
        {"192.0.2.1-192.0.2.1:1", "192.0.2.1:1", "192.0.2.1", "192.0.2.1", 1},
        {"198.18.0.0-198.18.255.255:65535", NULL, "198.18.0.0", "198.18.255.255", 65535},
        {"[::1]:25", NULL, "::1", "::1", 25},
        {"[2001:db8::1-2001:db8::9]:2026", NULL, "2001:db8::1", "2001:db8::9", 2026},
        {"[2001:db8::-2001:db8::ffff]:2026", NULL, "2001:db8::", "2001:db8::ffff", 2026},
        {"[2001:DB8::0-2001:db8:0::1]:025", "[2001:db8::-2001:db8::1]:25",
         "2001:db8::", "2001:db8::1", 25},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_err e = {.msg = "untouched"};
        struct kr_endpoint ep;
        char s[2 * KR_ADDRSTRLEN], one[KR_ADDRSTRLEN];
        if (kr_endpoint_parse(rows[i].text, &ep, &e))
            fail_msg("%s", e.msg);
        assert_string_equal(e.msg, "untouched");
        assert_string_equal(kr_addr_str(&ep.first, one), rows[i].first);
        assert_string_equal(kr_addr_str(&ep.last, one), rows[i].last);
        assert_int_equal(ep.port, rows[i].port);
        assert_string_equal(kr_endpoint_str(&ep, s),
                            rows[i].canonical ? rows[i].canonical : rows[i].text);
    }
}

static void test_longest_text(void **state)
{
    static const char text[] = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:1000-"
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
    struct kr_endpoint ep;
    char s[2 * KR_ADDRSTRLEN];
    (void)state;
    assert_int_equal(kr_endpoint_parse(text, &ep, NULL), 0);
    assert_string_equal(kr_endpoint_str(&ep, s), text);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "is no address and port"},
        {":", "is no port"},
        {"192.0.2.1", "is no address and port"},
        {"192.0.2.1:", "'' is no port"},
        {":25", "'' is no IPv4 or IPv6 address"},
        {"192.0.2.1:0", "'0' is no port"},
        {"192.0.2.1:65536", "'65536' is no port"},
        {"192.0.2.1:4294967321", "'4294967321' is no port"},
        {"192.0.2.1:-1", "'-1' is no port"},
        {"192.0.2.1:+25", "'+25' is no port"},
        {"192.0.2.1:25x", "'25x' is no port"},
        {"192.0.2.1: 25", "' 25' is no port"},
        {"192.0.2.1:smtp", "'smtp' is no port"},
        {"host:25", "'host' is no IPv4 or IPv6 address"},
        {"192.0.2:25", "'192.0.2' is no IPv4 or IPv6 address"},
        {"2001:db8::1:25", "is no address and port"},
        {"::1", "is no address and port"},
        {"[::1]", "is no address and port"},
        {"[::1]25", "is no address and port"},
        {"[::1:25", "is no address and port"},
        {"[::1]x:25", "is no address and port"},
        {"[]:25", "'' is no IPv4 or IPv6 address"},
        {"[::1%lo]:25", "'::1%lo' is no IPv4 or IPv6 address"},
        {"[192.0.2.1]:25", "brackets are for IPv6"},
        {"[::ffff:192.0.2.1]:25", "brackets are for IPv6"},
        {"192.0.2.1-:25", "'' is no IPv4 or IPv6 address"},
        {"-192.0.2.1:25", "'' is no IPv4 or IPv6 address"},
        {"192.0.2.1-192.0.2.2-192.0.2.3:25", "'192.0.2.2-192.0.2.3' is no IPv4 or IPv6 address"},
        {"192.0.2.9-192.0.2.1:25", "runs backwards"},
        {"[2001:db8::9-2001:db8::1]:25", "runs backwards"},
        {"[192.0.2.1-2001:db8::1]:25", "mixes IPv4 and IPv6"},
        {"[2001:db8::1-192.0.2.1]:25", "mixes IPv4 and IPv6"},
        {"198.18.0.0-198.19.0.0:25", "holds more than 65536 addresses"},
        {"0.0.0.0-255.255.255.255:25", "holds more than 65536 addresses"},
        {"[2001:db8::-2001:db8::1:0]:25", "holds more than 65536 addresses"},
        {"[2001:db8::-2001:db8:1::]:25", "holds more than 65536 addresses"},
        {"[::-ffff::]:25", "holds more than 65536 addresses"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_err e = {0};
        struct kr_endpoint ep = {.port = 42};
        char quoted[128];
        snprintf(quoted, sizeof quoted, "'%s'", rows[i].text);
        if (!kr_endpoint_parse(rows[i].text, &ep, &e))
            fail_msg("'%s' was taken", rows[i].text);
        if (!strstr(e.msg, rows[i].why) || !strstr(e.msg, quoted))
            fail_msg("'%s': %s", rows[i].text, e.msg);
        assert_int_equal(e.exit, KR_USAGE);
        assert_int_equal(ep.port, 42);
    }
}

static void test_overlong(void **state)
{
    char text[4096];
    struct kr_endpoint ep;
    struct kr_err e = {0};
    (void)state;
    memset(text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(kr_endpoint_parse(text, &ep, &e), -1);
    text[2000] = ':';
    assert_int_equal(kr_endpoint_parse(text, &ep, &e), -1);
}

static void test_every_port(void **state)
{
    char text[16];
    (void)state;
    for (unsigned i = 0; i <= 70000; i++) {
        uint16_t port = 0;
        snprintf(text, sizeof text, "%u", i);
        assert_int_equal(kr_port_parse(text, &port, NULL), i >= 1 && i <= 65535 ? 0 : -1);
        assert_int_equal(port, i <= 65535 ? i : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_longest_text),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_overlong),
        cmocka_unit_test(test_every_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

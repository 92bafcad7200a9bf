/* What is read as text: TXT records, resolv.conf, domains, names. */
#include "../base/cmocka_all.h"

#include <kr/dns_domains.h>
#include <kr/dns_resolvconf.h>
#include <kr/dns_txt.h>
#include <kr/err.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum kr_announced one(void (*take)(struct kr_txt_set *, const char *, size_t),
                             const char *txt, struct kr_txt_set *s)
{
    *s = (struct kr_txt_set){0};
    take(s, txt, strlen(txt));
    return kr_txt_set_state(s);
}

static void test_sts(void **state)
{
    (void)state;
    static const struct {
        const char *txt;
        enum kr_announced want;
    } cases[] = {
        {"v=STSv1; id=20160831085700Z;", KR_ANNOUNCED_VALID},
        {"v=STSv1;id=1", KR_ANNOUNCED_VALID},
        {"v=STSv1; \t id=1 \t ; ", KR_ANNOUNCED_VALID},
        {"v=STSv1; ext=abc; id=1;", KR_ANNOUNCED_VALID},
        {"v=STSv1; id=1; a-b_c.d=~!x;", KR_ANNOUNCED_VALID},
        {"v=STSv1; id=12345678901234567890123456789012;", KR_ANNOUNCED_VALID},
        {"v=STSv1; id=123456789012345678901234567890123;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=a_b;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=1; id=2;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=1;;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=1; ext", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=1; ext=", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=1; -x=1", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1; id=1; x=a b", KR_ANNOUNCED_MALFORMED},
        {"v=STSv1 ; id=1;", KR_ANNOUNCED_MALFORMED},
        {"v=STSv12; id=1;", KR_ANNOUNCED_MALFORMED},
        {"V=STSv1; id=1;", KR_ANNOUNCED_NOT},
        {"v=stsv1; id=1;", KR_ANNOUNCED_NOT},
        {" v=STSv1; id=1;", KR_ANNOUNCED_NOT},
        {"v=spf1 -all", KR_ANNOUNCED_NOT},
        {"", KR_ANNOUNCED_NOT},
    };
    struct kr_txt_set s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (one(kr_sts_take, cases[i].txt, &s) != cases[i].want)
            fail_msg("'%s' is %s", cases[i].txt, kr_announced_name(kr_txt_set_state(&s)));
    one(kr_sts_take, "v=STSv1; id=Ab9;", &s);
    assert_string_equal(s.id, "Ab9");
    kr_sts_take(&s, "v=spf1", 6);
    assert_int_equal(kr_txt_set_state(&s), KR_ANNOUNCED_VALID);
    kr_sts_take(&s, "v=STSv1; id=2;", 14);
    assert_int_equal(kr_txt_set_state(&s), KR_ANNOUNCED_DOUBLED);
}

static void test_tlsrpt(void **state)
{
    (void)state;
    static const struct {
        const char *txt;
        enum kr_announced want;
    } cases[] = {
        {"v=TLSRPTv1; rua=mailto:reports@example.com", KR_ANNOUNCED_VALID},
        {"v=TLSRPTv1; rua=https://r.example/v1, mailto:a@b.example;", KR_ANNOUNCED_VALID},
        {"v=TLSRPTv1; rua=ftp://x", KR_ANNOUNCED_MALFORMED},
        {"v=TLSRPTv1;", KR_ANNOUNCED_MALFORMED},
        {"v=TLSRPTv1; rua=mailto:a, ,", KR_ANNOUNCED_MALFORMED},
        {"v=DMARC1; rua=mailto:x", KR_ANNOUNCED_NOT},
    };
    struct kr_txt_set s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (one(kr_tlsrpt_take, cases[i].txt, &s) != cases[i].want)
            fail_msg("'%s' is %s", cases[i].txt, kr_announced_name(kr_txt_set_state(&s)));
}

/* Servers, timeout, attempts, flags, as "1.2.3.4,::1 5 2 edns0 trust-ad". */
static void describe(const struct kr_resolvconf *c, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        char s[2 * KR_ADDRSTRLEN];
        n += (size_t)snprintf(out + n, room - n, "%s%s", i ? "," : "",
                              kr_dns_server_str(&c->v[i], s));
    }
    snprintf(out + n, room - n, " %u %u%s%s", c->timeout, c->attempts, c->edns0 ? " edns0" : "",
             c->trust_ad ? " trust-ad" : "");
}

static void test_resolvconf(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "127.0.0.1 5 2"},
        {"nameserver 192.0.2.1\n", "192.0.2.1 5 2"},
        {"nameserver\t192.0.2.1 # mine\nnameserver 2001:db8::1;x", "192.0.2.1,2001:db8::1 5 2"},
        {"# nameserver 192.0.2.1\n\n#nameserver 192.0.2.2\n;nameserver 192.0.2.3\n",
         "127.0.0.1 5 2"},
        {" nameserver 192.0.2.1\nNameserver 192.0.2.2\nnameserver192.0.2.3\n", "127.0.0.1 5 2"},
        {"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
         "192.0.2.1,192.0.2.2,192.0.2.3 5 2"},
        {"nameserver 127.1\nnameserver 192.0.2.1:53\nnameserver x\n", "127.0.0.1 5 2"},
        {"nameserver fe80::1%1\n", "fe80::1%1 5 2"},
        {"nameserver ::1\noptions timeout:3 attempts:4 edns0 trust-ad ndots:9\n",
         "::1 3 4 edns0 trust-ad"},
        {"options timeout:99\noptions attempts:99\n", "127.0.0.1 30 5"},
        {"options timeout:0 attempts:0\n", "127.0.0.1 1 1"},
        {"options timeout:2\noptions timeout:7\n", "127.0.0.1 7 2"},
        {" options timeout:2\nsearch a b\ndomain c\nsortlist 1.2.3.4\n", "127.0.0.1 5 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kr_resolvconf c;
        char got[400];
        kr_resolvconf_parse(cases[i].text, strlen(cases[i].text), &c);
        describe(&c, got, sizeof got);
        assert_string_equal(got, cases[i].want);
    }
}

static void test_server(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:5353", "192.0.2.1:5353"},
        {"2001:db8::1", "2001:db8::1"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"[2001:db8::1]:5353", "[2001:db8::1]:5353"},
        {"fe80::1%1", "fe80::1%1"},
        {"127.1", NULL},
        {"", NULL},
        {"dns.example", NULL},
        {"192.0.2.1:0", NULL},
        {"192.0.2.1:99999", NULL},
        {"[2001:db8::1", NULL},
        {"[2001:db8::1]x", NULL},
        {"fe80::1%nosuchif", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kr_dns_server s;
        struct kr_err e = {0};
        char got[2 * KR_ADDRSTRLEN];
        int bad = kr_dns_server_parse(cases[i].text, &s, &e);
        assert_int_equal(bad != 0, cases[i].want == NULL);
        if (bad)
            assert_non_null(strstr(e.msg, cases[i].text));
        else
            assert_string_equal(kr_dns_server_str(&s, got), cases[i].want);
    }
}

static void test_domain(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"example.com", "example.com"},
        {"EXAMPLE.Com.", "example.com"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"fa\xc3\x9f.example", "xn--fa-hia.example"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"a_b.example", "a_b.example"},
        {"1.2.example", "1.2.example"},
        {"com", "com"},
        {"xn--a.example", NULL},
        {"a..b", NULL},
        {".a", NULL},
        {"", NULL},
        {".", NULL},
        {"-a.example", NULL},
        {"a-.example", NULL},
        {"user@example.com", NULL},
        {"[192.0.2.1]", NULL},
        {"192.0.2.1", NULL},
        {"a b.example", NULL},
        {"a\x80.example", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t name[KR_NAME_MAX];
        char text[KR_NAME_TEXT];
        const char *fault = kr_domain_read(cases[i].text, name);
        if ((fault != NULL) != (cases[i].want == NULL))
            fail_msg("'%s': %s", cases[i].text, fault ? fault : "taken");
        if (!fault)
            assert_string_equal(kr_name_text(name, text), cases[i].want);
    }
    /* 237 characters are the most: "_mta-sts." must still fit before it. */
    char longest[256];
    uint8_t name[KR_NAME_MAX], under[KR_NAME_MAX];
    for (size_t i = 0; i < 238; i++)
        longest[i] = i % 60 == 59 ? '.' : 'a';
    longest[238] = '\0';
    assert_non_null(kr_domain_read(longest, name));
    longest[237] = '\0';
    assert_null(kr_domain_read(longest, name));
    assert_int_equal(kr_name_under("_smtp._tls", name, under), 0);
}

static void read_text(struct kr_domains *d, const char *text)
{
    int p[2];
    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], text, strlen(text)), (ssize_t)strlen(text));
    close(p[1]);
    assert_int_equal(kr_domains_read(d, p[0], "list", NULL), 0);
    close(p[0]);
}

static void test_file(void **state)
{
    (void)state;
    struct kr_domains d = {0};
    struct kr_err e = {0};
    read_text(&d, "# a list\n\n  a.example\r\nb.example:2.5\nA.example.\nc.example:.5");
    assert_int_equal(kr_domains_check(&d, &e), 0);
    assert_int_equal(d.names.n, 3);
    assert_float_equal(kr_domains_weight(&d, 0), 2.0, 1e-6);
    assert_float_equal(kr_domains_weight(&d, 1), 2.5, 1e-6);
    assert_float_equal(kr_domains_weight(&d, 2), 0.5, 1e-6);
    kr_domains_free(&d);
    read_text(&d, "a.example\nb..example\nc.example:x\n");
    assert_int_equal(kr_domains_check(&d, &e), -1);
    assert_int_equal(e.exit, KR_USAGE);
    assert_string_equal(e.msg, "list:2: 'b..example': an empty label\n"
                               "list:3: 'c.example:x': the weight behind the colon is no number");
    kr_domains_free(&d);
    for (int i = 0; i < 20; i++)
        kr_domains_add(&d, "-", "list", (size_t)i + 1);
    assert_int_equal(kr_domains_check(&d, &e), -1);
    assert_non_null(strstr(e.msg, "and 12 more"));
    kr_domains_free(&d);
    assert_int_equal(kr_domains_check(&d, &e), -1);
}

/* Many names, so that the table grows; each keeps its number. */
static void test_names(void **state)
{
    (void)state;
    struct kr_name_table t = {0};
    char text[64];
    uint8_t name[KR_NAME_MAX];
    for (uint32_t i = 0; i < 20000; i++) {
        bool fresh;
        snprintf(text, sizeof text, "n%u.example", i);
        assert_int_equal(kr_name_from_text(text, name), 0);
        assert_int_equal(kr_name_table_add(&t, name, &fresh), i);
        assert_true(fresh);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "n%u.example", i);
        kr_name_from_text(text, name);
        assert_int_equal(kr_name_table_find(&t, name), i);
        assert_int_equal(kr_name_table_add(&t, name, NULL), i);
    }
    kr_name_from_text("other.example", name);
    assert_int_equal(kr_name_table_find(&t, name), KR_NO_NAME);
    kr_name_table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sts),        cmocka_unit_test(test_tlsrpt),
        cmocka_unit_test(test_resolvconf), cmocka_unit_test(test_server),
        cmocka_unit_test(test_domain),     cmocka_unit_test(test_file),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

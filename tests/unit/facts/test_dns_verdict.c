#include "../base/cmocka_all.h"

#include <kr/dns_verdict.h>

#include <stdio.h>
#include <string.h>

#define SECURE KR_TRUST_SECURE
#define INSECURE KR_TRUST_INSECURE
#define B KR_TLS_MAY
#define DANE KR_TLS_DANE
#define ENC KR_TLS_ENCRYPT
#define DEFER KR_TLS_DEFER

static const char *const mtas[] = {"postfix", "kumomta-release", "kumomta", "exim"};

/* The truth table as it is written down: what DNS says, the row, and what each MTA with DANE needs.
 */
static const struct {
    const char *name;
    uint8_t mx, trust, address, alias, tlsa, expanded, own;
    uint8_t row;
    uint8_t level[4];
} rows[] = {
    {"1",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_1,
     {DANE, B, DANE, DANE}},
    {"2",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_UNUSABLE,
     0,
     0,
     KR_ROW_2,
     {ENC, B, ENC, DEFER}},
    {"3",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_NONE,
     0,
     0,
     KR_ROW_3,
     {B, B, B, B}},
    {"4",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_INSECURE,
     0,
     0,
     KR_ROW_4,
     {B, B, B, B}},
    {"5",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_FAILED,
     0,
     0,
     KR_ROW_5,
     {DEFER, B, DEFER, DEFER}},
    {"6",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_INSECURE,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_6,
     {B, B, B, B}},
    {"6, pruned",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_UNASKED,
     KR_ALIAS_NONE,
     KR_TLSA_UNASKED,
     0,
     0,
     KR_ROW_6,
     {B, B, B, B}},
    {"6, insecure alias",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_INSECURE,
     KR_ALIAS_INSECURE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_6,
     {B, B, B, B}},
    {"7",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_INSECURE,
     KR_ALIAS_FIRST_SECURE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_7,
     {DANE, B, DANE, B}},
    {"7, secure chain",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_SECURE,
     KR_TLSA_USABLE,
     KR_TLSA_NONE,
     0,
     KR_ROW_7,
     {DANE, B, DANE, B}},
    {"8",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_SECURE,
     KR_TLSA_NONE,
     KR_TLSA_USABLE,
     0,
     KR_ROW_8,
     {DANE, B, B, DANE}},
    {"1 by an alias",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_SECURE,
     KR_TLSA_USABLE,
     KR_TLSA_USABLE,
     0,
     KR_ROW_1,
     {DANE, B, DANE, DANE}},
    {"9",
     KR_MX_HOSTS,
     INSECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_9,
     {DANE, B, B, B}},
    {"9, unusable",
     KR_MX_HOSTS,
     INSECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_UNUSABLE,
     0,
     0,
     KR_ROW_9_UNUSABLE,
     {ENC, B, B, B}},
    {"9, lookup fails",
     KR_MX_HOSTS,
     INSECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_FAILED,
     0,
     0,
     KR_ROW_9_FAILED,
     {DEFER, B, B, B}},
    {"10",
     KR_MX_IMPLICIT,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_10,
     {DANE, DANE, DANE, DANE}},
    {"11",
     KR_MX_IMPLICIT,
     INSECURE,
     KR_ADDRESS_INSECURE,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_11,
     {B, B, B, B}},
    {"14",
     KR_MX_HOSTS,
     INSECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_NONE,
     0,
     KR_TLSA_USABLE,
     KR_ROW_ORDINARY,
     {B, DANE, B, B}},
    {"14, any usage",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_NONE,
     0,
     KR_TLSA_UNUSABLE,
     KR_ROW_3,
     {B, DANE, B, B}},
    {"14, insecure",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_SECURE,
     KR_ALIAS_NONE,
     KR_TLSA_NONE,
     0,
     KR_TLSA_INSECURE,
     KR_ROW_3,
     {B, B, B, B}},
    {"no address",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_NONE,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_UNREACHABLE,
     {DEFER, DEFER, DEFER, DEFER}},
    {"address lookup",
     KR_MX_HOSTS,
     SECURE,
     KR_ADDRESS_FAILED,
     KR_ALIAS_NONE,
     KR_TLSA_USABLE,
     0,
     0,
     KR_ROW_ADDRESS,
     {DEFER, DEFER, DEFER, DEFER}},
};

static struct kr_mta_side side_of(const char *id, bool dane)
{
    struct kr_mta_side s = *kr_mta_side_default(id);
    s.dane = dane;
    s.base = KR_TLS_MAY;
    return s;
}

static struct kr_domain_facts facts_of(size_t i)
{
    struct kr_domain_facts d = {.name = "d.example",
                                .weight = 1,
                                .mx = rows[i].mx,
                                .trust = rows[i].trust,
                                .own_tlsa = rows[i].own,
                                .n_hosts = 1};
    d.hosts[0] = (struct kr_host_facts){"mx.example", rows[i].address,  rows[i].alias,
                                        rows[i].tlsa, rows[i].expanded, 0};
    return d;
}

/* Every row, every MTA, every sink; and with DANE off nothing of it is left. */
static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t m = 0; m < 4; m++) {
            struct kr_domain_facts d = facts_of(i);
            struct kr_preflight_verdict v;
            struct kr_mta_side on = side_of(mtas[m], true), off = side_of(mtas[m], false);
            kr_preflight_judge(&d, &on, &v);
            bool by_own = m == 1 && rows[i].level[1] == DANE && rows[i].own;
            if (v.hosts[0].level != rows[i].level[m] ||
                v.hosts[0].row != (by_own ? KR_ROW_14 : rows[i].row))
                fail_msg("row %s, %s: row %s, level %s", rows[i].name, mtas[m],
                         kr_row_name(v.hosts[0].row), kr_tls_level_name(v.hosts[0].level));
            assert_int_equal(v.outcome == KR_DELIVERS, rows[i].level[m] == B);
            kr_preflight_judge(&d, &off, &v);
            bool address = rows[i].row == KR_ROW_UNREACHABLE || rows[i].row == KR_ROW_ADDRESS;
            assert_int_equal(v.hosts[0].level, address ? DEFER : B);
        }
}

static void test_no_hosts(void **state)
{
    (void)state;
    static const struct {
        uint8_t mx, row, level;
    } cases[] = {
        {KR_MX_FAILED, KR_ROW_12, KR_TLS_DEFER},    {KR_MX_BOGUS, KR_ROW_12, KR_TLS_DEFER},
        {KR_MX_TIMEOUT, KR_ROW_12, KR_TLS_DEFER},   {KR_MX_NULL, KR_ROW_13, KR_TLS_BOUNCE},
        {KR_MX_NXDOMAIN, KR_ROW_13, KR_TLS_BOUNCE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t m = 0; m < 4; m++) {
            struct kr_domain_facts d = {.name = "d.example", .mx = cases[i].mx};
            struct kr_mta_side s = side_of(mtas[m], m & 1);
            struct kr_preflight_verdict v;
            kr_preflight_judge(&d, &s, &v);
            assert_int_equal(v.hosts[0].row, cases[i].row);
            assert_int_equal(v.hosts[0].level, cases[i].level);
            assert_int_equal(v.outcome, KR_FAILS);
            assert_int_not_equal(v.breaking, 0);
        }
}

/* What a sink makes of what a delivery needs (mta.md, "TLS against a sink"). */
static void test_sinks(void **state)
{
    (void)state;
    static const struct {
        enum kr_tls_level level;
        enum kr_outcome by[KR_SINKS]; /* clear, untrusted, trusted, untold */
    } cases[] = {
        {KR_TLS_MAY, {KR_DELIVERS, KR_DELIVERS, KR_DELIVERS, KR_DELIVERS}},
        {KR_TLS_OPPORTUNISTIC, {KR_DELIVERS, KR_FAILS, KR_DELIVERS, KR_UNCERTAIN}},
        {KR_TLS_ENCRYPT, {KR_FAILS, KR_DELIVERS, KR_DELIVERS, KR_UNCERTAIN}},
        {KR_TLS_VERIFY, {KR_FAILS, KR_FAILS, KR_DELIVERS, KR_UNCERTAIN}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < KR_SINKS; k++) {
            struct kr_domain_facts d = facts_of(2);
            struct kr_mta_side s = side_of("kumomta", false);
            struct kr_preflight_verdict v;
            s.base = cases[i].level;
            s.sink = (enum kr_sink_tls)k;
            kr_preflight_judge(&d, &s, &v);
            assert_int_equal(v.outcome, cases[i].by[k]);
        }
}

static void test_several_hosts(void **state)
{
    (void)state;
    struct kr_domain_facts d = facts_of(0);
    struct kr_mta_side s = side_of("postfix", true);
    struct kr_preflight_verdict v;
    d.n_hosts = 2;
    d.hosts[1] = d.hosts[0];
    d.hosts[1].tlsa = KR_TLSA_NONE;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_DOWNGRADES);
    assert_int_equal(v.n, 2);
    d.hosts[1].tlsa = KR_TLSA_UNJUDGED;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_FAILS);
    d.n_hosts = 1;
    d.hosts[0] = d.hosts[1];
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_UNCERTAIN);
}

/* Shipped shaping asks more of providers, by their MX hosts' names or their own. */
static void test_providers(void **state)
{
    (void)state;
    static const struct {
        const char *domain, *host;
        bool breaks;
    } cases[] = {
        {"gmail.com", "gmail-smtp-in.l.google.com", true},
        {"d.example", "aspmx.l.google.com", true},
        {"d.example", "aspmx3.googlemail.com", true},
        {"comcast.net", "mx1.mxge.comcast.net", true},
        {"163.com", "163mx01.mxmail.netease.com", true},
        {"d.example", "mx.notgoogle.com", false},
        {"xcomcast.net", "mx.example", false},
    };
    const struct kr_mta_side *s = kr_mta_side_default("kumomta");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kr_domain_facts d = facts_of(2);
        struct kr_preflight_verdict v;
        d.name = cases[i].domain;
        d.hosts[0].name = cases[i].host;
        kr_preflight_judge(&d, s, &v);
        assert_int_equal(v.breaking == 1u << KR_HAZARD_TLS, cases[i].breaks);
        assert_int_equal(v.outcome == KR_FAILS, cases[i].breaks);
    }
    assert_null(kr_mta_side_default("sendmail"));
}

static void test_notes(void **state)
{
    (void)state;
    struct kr_domain_facts d = facts_of(2);
    struct kr_mta_side s = *kr_mta_side_default("postfix");
    struct kr_preflight_verdict v;
    d.tlsrpt = KR_ANNOUNCED_VALID;
    d.hosts[0].flags = KR_HOST_PRIVATE;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.hazards, 1u << KR_HAZARD_TLSRPT | 1u << KR_HAZARD_INSIDE);
    assert_int_equal(v.breaking, 1u << KR_HAZARD_INSIDE);
    s.tlsrpt = true;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.breaking, 1u << KR_HAZARD_TLSRPT | 1u << KR_HAZARD_INSIDE);
}

/* What is not known of a host makes no failure of it, and no delivery either. */
static void test_doubts(void **state)
{
    (void)state;
    static const struct {
        uint8_t flags;
        bool more;
        enum kr_hazard hazard;
    } cases[] = {{KR_HOST_UNASKED, false, KR_HAZARD_UNASKED},
                 {KR_HOST_LOST, false, KR_HAZARD_ADDRESS},
                 {0, true, KR_HAZARD_MORE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct kr_domain_facts d = facts_of(2);
        struct kr_mta_side s = side_of("postfix", true);
        struct kr_preflight_verdict v;
        d.n_hosts = 2;
        d.hosts[1] = d.hosts[0];
        kr_preflight_judge(&d, &s, &v);
        assert_int_equal(v.outcome, KR_DELIVERS);
        d.hosts[1].flags = cases[i].flags;
        d.more_hosts = cases[i].more;
        kr_preflight_judge(&d, &s, &v);
        assert_int_equal(v.outcome, KR_UNCERTAIN);
        assert_int_equal(v.hosts[0].outcome, KR_DELIVERS);
        assert_int_equal(v.hosts[1].outcome, cases[i].more ? KR_DELIVERS : KR_UNCERTAIN);
        assert_int_equal(v.unsure, 1u << cases[i].hazard);
        assert_int_equal(v.breaking, 0);
        d.hosts[0].tlsa = KR_TLSA_USABLE;
        kr_preflight_judge(&d, &s, &v);
        assert_int_equal(v.outcome, KR_DOWNGRADES);
        d.hosts[1].tlsa = KR_TLSA_USABLE;
        kr_preflight_judge(&d, &s, &v);
        assert_int_equal(v.outcome, KR_FAILS);
        assert_int_equal(v.hosts[1].outcome, KR_FAILS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_no_hosts),
        cmocka_unit_test(test_sinks),     cmocka_unit_test(test_several_hosts),
        cmocka_unit_test(test_providers), cmocka_unit_test(test_notes),
        cmocka_unit_test(test_doubts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What MTA-STS makes of a delivery: rows S1 to S3, policies that were fetched, DANE before it. */
#include "../base/cmocka_all.h"

#include <kr/dns_verdict.h>
#include <kr/mtasts.h>

#define B KR_TLS_MAY
#define DEFER KR_TLS_DEFER

static const char *const mtas[] = {"postfix", "kumomta-release", "kumomta", "exim"};

static struct kr_mta_side side_of(const char *id, bool dane)
{
    struct kr_mta_side s = *kr_mta_side_default(id);
    s.dane = dane;
    s.base = KR_TLS_MAY;
    return s;
}

/* A signed domain on one signed host. */
static struct kr_domain_facts facts_with(enum kr_tlsa tlsa)
{
    struct kr_domain_facts d = {
        .name = "d.example", .mx = KR_MX_HOSTS, .trust = KR_TRUST_SECURE, .n_hosts = 1};
    d.hosts[0] = (struct kr_host_facts){
        .name = "mx.example", .address = KR_ADDRESS_SECURE, .tlsa = (uint8_t)tlsa};
    return d;
}

/* S1 to S3, and the records of which nobody knows the policy. */
static void test_sts(void **state)
{
    (void)state;
    static const struct {
        uint8_t sts, policy;
        uint8_t level[4]; /* Postfix with a plugin, KumoMTA released, later, Exim */
    } cases[] = {
        {KR_ANNOUNCED_VALID, KR_POLICY_ENFORCE, {KR_TLS_VERIFY, KR_TLS_VERIFY, KR_TLS_VERIFY, B}},
        {KR_ANNOUNCED_VALID, KR_POLICY_UNFETCHED, {KR_TLS_VERIFY, KR_TLS_VERIFY, KR_TLS_VERIFY, B}},
        {KR_ANNOUNCED_VALID, KR_POLICY_NO_MATCH, {DEFER, DEFER, DEFER, B}},
        {KR_ANNOUNCED_VALID, KR_POLICY_TESTING, {B, B, B, B}},
        {KR_ANNOUNCED_VALID, KR_POLICY_NONE, {B, B, B, B}},
        {KR_ANNOUNCED_NOT, KR_POLICY_UNFETCHED, {B, B, B, B}},
        {KR_ANNOUNCED_MALFORMED, KR_POLICY_UNFETCHED, {B, KR_TLS_VERIFY, KR_TLS_VERIFY, B}},
        {KR_ANNOUNCED_DOUBLED, KR_POLICY_UNFETCHED, {B, KR_TLS_VERIFY, KR_TLS_VERIFY, B}},
        {KR_ANNOUNCED_UNKNOWN,
         KR_POLICY_UNFETCHED,
         {KR_TLS_UNSURE, KR_TLS_UNSURE, KR_TLS_UNSURE, B}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t m = 0; m < 4; m++) {
            struct kr_domain_facts d = facts_with(KR_TLSA_NONE);
            struct kr_mta_side s = side_of(mtas[m], false);
            struct kr_preflight_verdict v;
            d.sts = cases[i].sts;
            d.policy = cases[i].policy;
            d.hosts[0].flags = KR_HOST_NAMED;
            s.mta_sts = m != 3;
            kr_preflight_judge(&d, &s, &v);
            assert_int_equal(v.hosts[0].level, cases[i].level[m]);
            s.mta_sts = false;
            kr_preflight_judge(&d, &s, &v);
            assert_int_equal(v.hosts[0].level, B);
        }
}

/* What a fetch leaves open, and a host that the policy does not name. */
static void test_fetched(void **state)
{
    (void)state;
    static const struct {
        uint8_t policy, fetched, flags;
        uint8_t postfix, kumomta;
    } cases[] = {
        {KR_POLICY_UNUSABLE, KR_FETCH_STATUS, 0, B, B},
        {KR_POLICY_UNUSABLE, KR_FETCH_GRAMMAR, 0, B, KR_TLS_UNSURE},
        {KR_POLICY_UNKNOWN, KR_FETCH_TIMEOUT, 0, KR_TLS_UNSURE, KR_TLS_UNSURE},
        {KR_POLICY_ENFORCE, KR_FETCH_CAME, KR_HOST_NAMED, KR_TLS_VERIFY, KR_TLS_VERIFY},
        {KR_POLICY_ENFORCE, KR_FETCH_CAME, 0, DEFER, DEFER},
        {KR_POLICY_TESTING, KR_FETCH_CAME, 0, B, B},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t m = 0; m < 3; m++) {
            struct kr_domain_facts d = facts_with(KR_TLSA_NONE);
            struct kr_mta_side s = side_of(mtas[m], false);
            struct kr_preflight_verdict v;
            d.sts = KR_ANNOUNCED_VALID;
            d.policy = cases[i].policy;
            d.fetched = cases[i].fetched;
            d.hosts[0].flags = cases[i].flags;
            s.mta_sts = true;
            kr_preflight_judge(&d, &s, &v);
            assert_int_equal(v.hosts[0].level, m ? cases[i].kumomta : cases[i].postfix);
        }
}

static void test_testing_loosens(void **state)
{
    (void)state;
    struct kr_domain_facts d = facts_with(KR_TLSA_NONE);
    struct kr_mta_side s = *kr_mta_side_default("kumomta");
    struct kr_preflight_verdict v;
    s.sink = KR_SINK_UNTRUSTED;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_FAILS);
    assert_int_equal(v.breaking, 1u << KR_HAZARD_TLS);
    d.sts = KR_ANNOUNCED_VALID;
    d.policy = KR_POLICY_TESTING;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_DELIVERS);
    assert_int_equal(v.sts, 3);
    d.policy = KR_POLICY_UNUSABLE; /* which loosens nothing */
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_FAILS);
    assert_int_equal(v.breaking, 1u << KR_HAZARD_TLS);
    assert_true(v.hazards >> KR_HAZARD_STS & 1);
    s.base = KR_TLS_MAY;
    d.policy = KR_POLICY_UNKNOWN;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.outcome, KR_UNCERTAIN);
    assert_true(v.hazards >> KR_HAZARD_STS_FETCH & 1);
}

/* An enforced policy names one of two hosts: the other gets nothing. */
static void test_half_named(void **state)
{
    (void)state;
    struct kr_domain_facts d = facts_with(KR_TLSA_NONE);
    struct kr_mta_side s = *kr_mta_side_default("none");
    struct kr_preflight_verdict v;
    d.hosts[1] = d.hosts[0];
    d.n_hosts = 2;
    d.sts = KR_ANNOUNCED_VALID;
    d.policy = KR_POLICY_ENFORCE;
    d.hosts[0].flags = KR_HOST_NAMED;
    s.sink = KR_SINK_TRUSTED;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.hosts[0].outcome, KR_DELIVERS);
    assert_int_equal(v.hosts[1].outcome, KR_FAILS);
    assert_int_equal(v.outcome, KR_DOWNGRADES);
    assert_false(v.hazards >> KR_HAZARD_INSIDE & 1);
}

/* DANE goes before MTA-STS (RFC 8461 section 2). */
static void test_dane_first(void **state)
{
    (void)state;
    struct kr_domain_facts d = facts_with(KR_TLSA_USABLE);
    struct kr_mta_side s = *kr_mta_side_default("none");
    struct kr_preflight_verdict v;
    d.sts = KR_ANNOUNCED_VALID;
    s.sink = KR_SINK_TRUSTED;
    kr_preflight_judge(&d, &s, &v);
    assert_int_equal(v.hosts[0].level, KR_TLS_DANE);
    assert_int_equal(v.breaking, 1u << KR_HAZARD_DANE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sts),
        cmocka_unit_test(test_fetched),
        cmocka_unit_test(test_testing_loosens),
        cmocka_unit_test(test_half_named),
        cmocka_unit_test(test_dane_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

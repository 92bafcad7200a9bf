/* What verdicts add up to, and what has to be switched off for them. */
#include "../base/cmocka_all.h"

#include <kr/err.h>
#include <kr/preflight_sum.h>
#include <kr/remedy.h>

#include <stdio.h>
#include <string.h>

static struct kr_domain_facts facts_of(uint8_t first_tlsa)
{
    struct kr_domain_facts d = {.name = "d.example",
                                .weight = 1,
                                .mx = KR_MX_HOSTS,
                                .trust = KR_TRUST_SECURE,
                                .n_hosts = 2};
    d.hosts[0] = (struct kr_host_facts){
        .name = "mx1.one.example", .address = KR_ADDRESS_SECURE, .tlsa = first_tlsa};
    d.hosts[1] = (struct kr_host_facts){
        .name = "mx2.two.example", .address = KR_ADDRESS_SECURE, .tlsa = KR_TLSA_NONE};
    return d;
}

static void add(struct kr_preflight_sum *s, const struct kr_domain_facts *d)
{
    struct kr_preflight_verdict v;
    kr_preflight_judge(d, kr_mta_side_default("postfix"), &v);
    kr_preflight_sum_add(s, d, &v);
}

static void test_status(void **state)
{
    (void)state;
    struct kr_preflight_sum s = {0};
    struct kr_preflight_end end = {.whole = true}, open = end;
    struct kr_domain_facts d = facts_of(KR_TLSA_NONE);
    snprintf(open.exempt_why, sizeof open.exempt_why, "it can't be read");
    add(&s, &d);
    assert_int_equal(kr_preflight_status(&s, &end), KR_OK);
    assert_int_equal(kr_preflight_status(&s, &open), KR_UNKNOWN);
    d.hosts[1].flags = KR_HOST_UNASKED;
    add(&s, &d);
    assert_int_equal(s.outcomes[KR_UNCERTAIN], 1);
    assert_int_equal(s.domains[KR_HAZARD_UNASKED], 1);
    assert_int_equal(s.unsure[KR_HAZARD_UNASKED], 1);
    assert_int_equal(s.breaking[KR_HAZARD_UNASKED], 0);
    assert_int_equal(kr_preflight_status(&s, &end), KR_UNKNOWN);
    d.hosts[0].flags = KR_HOST_EXEMPT;
    add(&s, &d);
    assert_int_equal(kr_preflight_status(&s, &end), KR_UNSAFE);
    assert_int_equal(kr_preflight_status(&s, &open), KR_UNSAFE);
    kr_preflight_sum_free(&s);
}

static void test_groups(void **state)
{
    (void)state;
    struct kr_preflight_sum s = {0};
    struct kr_domain_facts d = facts_of(KR_TLSA_NONE);
    uint32_t top[2];
    for (int i = 0; i < 3; i++) {
        d.hosts[0].name = i ? "mx1.one.example" : "mx1.other.example";
        d.hosts[1].flags = i < 2 ? KR_HOST_UNASKED : 0;
        add(&s, &d);
    }
    assert_int_equal(kr_preflight_sum_groups(&s, KR_HAZARD_UNASKED, KR_HARM_CERTAIN, top, 2), 0);
    assert_int_equal(kr_preflight_sum_groups(&s, KR_HAZARD_UNASKED, KR_HARM_UNSURE, top, 2), 2);
    assert_int_equal(kr_preflight_sum_of(&s, top[0], KR_HAZARD_UNASKED, KR_HARM_UNSURE), 1);
    assert_int_equal(kr_preflight_sum_of(&s, top[1], KR_HAZARD_UNASKED, KR_HARM_ANY), 1);
    kr_preflight_sum_free(&s);
}

/* No setting hangs on an address that nobody knows: one is still found, and only for whom it helps.
 */
static void test_remedies(void **state)
{
    (void)state;
    static const uint8_t tlsa[] = {KR_TLSA_NONE, KR_TLSA_USABLE};
    for (size_t i = 0; i < 2; i++) {
        struct kr_remedy r = {0};
        struct kr_domain_facts d = facts_of(tlsa[i]);
        d.hosts[1].flags = KR_HOST_UNASKED | KR_HOST_LOST;
        d.more_hosts = true;
        kr_remedy_add(&r, &d, kr_mta_side_default("postfix"));
        assert_int_equal(r.hopeless, 0);
        assert_int_equal(r.domains, i);
        assert_int_equal(r.needs, i ? KR_NEED_DANE : 0);
        assert_int_equal(r.hosts.n, i);
        if (i)
            assert_string_equal(r.hosts.v[0], "mx1.one.example");
        kr_remedy_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_status), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_remedies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../base/cmocka_all.h"

#include "../../../src/facts/mta_set.h"
#include "../../../src/facts/mta_set_kumo.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *list, *host;
    enum kr_list_match want;
} lists[] = {
    {"", "mx.a.test", KR_LIST_NO},
    {"*", "mx.a.test", KR_LIST_YES},
    {"*", NULL, KR_LIST_YES},
    {"mx.a.test", "mx.a.test", KR_LIST_YES},
    {"MX.A.test", "mx.a.test", KR_LIST_YES},
    {"mx.a.test", "mx.b.test", KR_LIST_NO},
    {"mx.a.test", NULL, KR_LIST_UNSURE},
    {"*.a.test", "mx.a.test", KR_LIST_YES},
    {"*.a.test", "a.test", KR_LIST_NO},
    {"*a.test", "mx.a.test", KR_LIST_YES},
    {"x.test : *.a.test", "mx.a.test", KR_LIST_YES},
    {"! mx.a.test : *", "mx.a.test", KR_LIST_NO},
    {"! mx.a.test : *", "mx.b.test", KR_LIST_YES},
    {"!mx.a.test", "mx.b.test", KR_LIST_YES}, /* as if "*" stood at the end */
    {"mx.b.test : !mx.a.test", "mx.c.test", KR_LIST_YES},
    {"<; mx.a.test ; mx.b.test", "mx.b.test", KR_LIST_YES},
    {"<; ! mx.a.test ; *", "mx.a.test", KR_LIST_NO},
    {"\\N^mx\\.a\\.test$\\N", "mx.a.test", KR_LIST_YES},
    {"\\N^mx\\.a\\.test$\\N", "mx.a.testing", KR_LIST_NO},
    {"\\N^mx\\.a\\.test$\\N", "mx.a.tes", KR_LIST_NO},
    {"! \\N^mx\\.a\\.test$\\N : *", "mx.b.test", KR_LIST_YES},
    {"\\N^mx.a\\.test$\\N", "mx.a.test", KR_LIST_UNSURE}, /* any character */
    {"^mx", "mx.a.test", KR_LIST_UNSURE},
    {"${lookup{$host}lsearch{/x}}", "mx.a.test", KR_LIST_UNSURE},
    {"192.0.2.1", "mx.a.test", KR_LIST_UNSURE},
    {"192.0.2.0/24 : *", "mx.a.test", KR_LIST_UNSURE},
    {"<; 2001:db8::1", "mx.a.test", KR_LIST_UNSURE},
    {"+relays", "mx.a.test", KR_LIST_UNSURE},
    {"/etc/hosts.list", "mx.a.test", KR_LIST_UNSURE},
    {"mx.a.test : +relays", "mx.a.test", KR_LIST_YES},
    {"  ", "mx.a.test", KR_LIST_NO},
};

static void exim_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        enum kr_list_match got = kr_exim_list_match(lists[i].list, lists[i].host);
        if (got != lists[i].want)
            fail_msg("'%s' and %s: %d", lists[i].list, lists[i].host ? lists[i].host : "none", got);
    }
}

#define PATH(more) "{\"path_config\":{" more "}}"
static const struct {
    const char *json;
    int bad;
    enum kr_tls_level level;
    bool sts, dane, elsewhere;
} answers[] = {
    {PATH(""), 0, KR_TLS_OPPORTUNISTIC, true, false, false},
    {PATH("\"enable_tls\":\"Required\""), 0, KR_TLS_VERIFY, true, false, false},
    {PATH("\"enable_tls\":\"RequiredInsecure\""), 0, KR_TLS_ENCRYPT, true, false, false},
    {PATH("\"enable_tls\":\"OpportunisticInsecure\""), 0, KR_TLS_MAY, true, false, false},
    {PATH("\"enable_tls\":\"Disabled\""), 0, KR_TLS_MAY, true, false, false},
    {PATH("\"enable_tls\":\"required\""), -1, 0, 0, 0, 0},
    {PATH("\"enable_tls\":1"), -1, 0, 0, 0, 0},
    {PATH("\"enable_tls\":null"), -1, 0, 0, 0, 0},
    {PATH("\"enable_tls\":\"Required\",\"enable_tls\":\"Disabled\""), -1, 0, 0, 0, 0},
    {PATH("\"enable_mta_sts\":false"), 0, KR_TLS_OPPORTUNISTIC, false, false, false},
    {PATH("\"enable_mta_sts\":\"false\""), -1, 0, 0, 0, 0},
    {PATH("\"enable_dane\":true"), 0, KR_TLS_OPPORTUNISTIC, true, true, false},
    {PATH("\"enable_dane\":0"), -1, 0, 0, 0, 0},
    {PATH("\"smtp_port\":25"), 0, KR_TLS_OPPORTUNISTIC, true, false, false},
    {PATH("\"smtp_port\":2525"), 0, KR_TLS_OPPORTUNISTIC, true, false, true},
    {PATH("\"smtp_port\":0"), -1, 0, 0, 0, 0},
    {PATH("\"smtp_port\":\"25\""), -1, 0, 0, 0, 0},
    {PATH("\"use_lmtp\":true"), 0, KR_TLS_OPPORTUNISTIC, true, false, true},
    {"{\"path_config\":{},\"queue_config\":{\"protocol\":{\"smtp\":{\"mx_list\":[]}}},\"mx\":null}",
     0, KR_TLS_OPPORTUNISTIC, true, false, false},
    {"{\"path_config\":{},\"queue_config\":{\"protocol\":{\"smtp\":{\"mx_list\":[\"a\"]}}}}", 0,
     KR_TLS_OPPORTUNISTIC, true, false, true},
    {"{\"path_config\":{},\"queue_config\":{\"protocol\":{\"maildir_path\":\"/x\"}}}", 0,
     KR_TLS_OPPORTUNISTIC, true, false, true},
    {"{\"path_config\":{},\"queue_config\":{\"protocol\":{\"smtp\":{},\"xfer\":{}}}}", 0,
     KR_TLS_OPPORTUNISTIC, true, false, true},
    {"{\"enable_tls\":\"Required\",\"connection_limit\":3}", 0, KR_TLS_VERIFY, true, false, false},
    {"{\"connection_limit\":3}", 0, KR_TLS_OPPORTUNISTIC, true, false, false},
    {"{\"error\":\"no such thing\"}", -1, 0, 0, 0, 0},
    {"{\"path_config\":[]}", -1, 0, 0, 0, 0},
    {"[]", -1, 0, 0, 0, 0},
    {"", -1, 0, 0, 0, 0},
    {PATH("") "x", -1, 0, 0, 0, 0},
    {"{\"path_config\":{", -1, 0, 0, 0, 0},
};

static void kumo_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct kr_kumo_path p;
        struct kr_err e = {0};
        int bad = kr_kumo_path_read(answers[i].json, strlen(answers[i].json), true, &p, &e);
        if (bad != answers[i].bad)
            fail_msg("%s: %d %s", answers[i].json, bad, e.msg);
        if (bad) {
            assert_int_equal(e.exit, KR_UNKNOWN);
            continue;
        }
        if (p.path.level != answers[i].level || p.path.mta_sts != answers[i].sts ||
            p.path.dane != answers[i].dane || p.path.elsewhere != answers[i].elsewhere)
            fail_msg("%s: level %d, %d %d %d", answers[i].json, p.path.level, p.path.mta_sts,
                     p.path.dane, p.path.elsewhere);
    }
}

/* What a provider is called goes to a terminal. */
static void kumo_texts_are_printable(void **state)
{
    static const char json[] =
        PATH("\"provider_name\":\"a\\u001b[31m\",\"remember_broken_tls\":\"3 days\"");
    struct kr_kumo_path p;
    (void)state;
    assert_int_equal(kr_kumo_path_read(json, strlen(json), false, &p, NULL), 0);
    assert_string_equal(p.provider, "a?[31m");
    assert_string_equal(p.remember, "3 days");
    assert_false(p.path.sts_lookup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exim_lists),
        cmocka_unit_test(kumo_answers),
        cmocka_unit_test(kumo_texts_are_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

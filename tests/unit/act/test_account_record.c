/* The record: what was written is read as it was, and what was not is refused or unknown. */
#include "../base/cmocka_all.h"

#include <kr/account.h>
#include <kr/err.h>
#include <kr/file.h>
#include <kr/mem.h>
#include <kr/run_balance.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fill(struct kr_run *r)
{
    static const uint64_t sample[KR_RUN_COLUMN_N] = {1000000, 10, UINT64_MAX, 9, 1,  0,
                                                     3,       0,  0,          5, 10, 81000};
    *r = (struct kr_run){.seconds = 1.5,
                         .outcome = KR_RUN_BREACH,
                         .status = 143,
                         .real_names = true,
                         .domains_in_all = 12};
    snprintf(r->version, sizeof r->version, "0.1.0");
    snprintf(r->began, sizeof r->began, "2026-11-27T18:15:30.123Z");
    snprintf(r->ended, sizeof r->ended, "2026-11-27T18:15:31.623Z");
    snprintf(r->reason, sizeof r->reason, "rules: \"somebody\" <did> it");
    kr_texts_add(&r->command, "traffic-gen");
    kr_texts_add(&r->command, "--domain-suffix=");
    kr_texts_add(&r->command, "\xff\xfe no UTF-8 \xc3\xa9");
    kr_texts_add(&r->domains, "gmail.com");
    r->facts[KR_RUN_sink].known = true;
    kr_numbers_set(&r->facts[KR_RUN_sink].n, "messages", INT64_MAX);
    snprintf(r->facts[KR_RUN_queue].why, sizeof r->facts->why, "nobody asked");
    r->providers = kr_calloc(1, sizeof *r->providers);
    r->n_providers = 1;
    snprintf(r->providers->name, sizeof r->providers->name, "gmail");
    kr_numbers_set(&r->providers->n, "421", 7);
    r->latencies = kr_calloc(1, sizeof *r->latencies);
    r->n_latencies = 1;
    *r->latencies = (struct kr_run_latency){
        .who = "sink", .kind = "busy", .count = 3, .p50 = 9, .p90 = UINT64_MAX, .max = 12};
    r->samples.v = kr_calloc(1, sizeof sample);
    memcpy(r->samples.v, sample, sizeof sample);
    r->samples.n = 1;
    for (unsigned i = 0; i < KR_RUN_EVENTS + 5; i++)
        kr_run_event_add(r, "2026-11-27T18:15:31.000Z", "rules", i == 0, "flushed");
}

static void test_round(void **state)
{
    struct kr_run a, b;
    (void)state;
    fill(&a);
    KR_AUTO_FREE char *text = kr_run_to_text(&a), *again = NULL;
    assert_non_null(text);
    assert_int_equal(kr_run_from_text(text, strlen(text), &b, NULL), 0);
    again = kr_run_to_text(&b);
    assert_string_equal(text, again);
    assert_int_equal(b.outcome, KR_RUN_BREACH);
    assert_int_equal(b.status, 143);
    assert_int_equal(b.n_events, KR_RUN_EVENTS);
    assert_int_equal(b.events_in_all, KR_RUN_EVENTS + 5);
    assert_int_equal(b.breaches, 1);
    assert_true(b.samples.v[0][KR_RUN_AT_failed] == UINT64_MAX);
    assert_true(b.latencies[0].p90 == UINT64_MAX);
    assert_true(kr_numbers_get(&b.facts[KR_RUN_sink].n, "messages") == INT64_MAX);
    assert_false(b.facts[KR_RUN_queue].known);
    kr_run_free(&a);
    kr_run_free(&b);
}

/* A record with one thing changed: "PATH" of keys and indices, and what is put there. */
static const struct {
    const char *path, *value, *why;
} bad[] = {
    {"schema", "\"kumo-redirect/run/2\"", "its schema is"},
    {"schema", "null", "its schema is"},
    {"outcome", "\"glorious\"", "outcome"},
    {"outcome", "7", "outcome"},
    {"seconds", "-1", "seconds"},
    {"seconds", "\"long\"", "seconds"},
    {"seconds", "1e300", "seconds"},
    {"status", "-4", "status"},
    {"version", "[]", "version"},
    {"command.words", "\"all in one\"", "words"},
    {"command.words", "[1]", "words"},
    {"command.domains_in_all", "-1", "domains_in_all"},
    {"host.cpus", "\"two\"", "cpus"},
    {"facts.sink.counts", "[]", "sink"},
    {"facts.sink.counts", "{\"messages\": -5}", "sink"},
    {"facts.sink.counts", "{\"messages\": 1.5}", "sink"},
    {"facts.sink.counts", "{\"messages\": null}", "sink"},
    {"facts.sink.why", "7", "why"},
    {"providers", "[]", "providers"},
    {"providers", "{\"gmail\": 5}", "providers"},
    {"providers", "{\"a name that is longer than any provider of ours may have\": {}}",
     "providers"},
    {"latency", "{}", "latency"},
    {"latency", "[{\"who\": 5}]", "who"},
    {"samples.sent", "[1, 2, 3]", "sent"},
    {"samples.sent", "[\"x\"]", "sent"},
    {"samples.us", "[null]", "samples"},
    {"events", "[{}]", "events"},
    {"events", "[1]", "events"},
    {"events", "\"none\"", "events"},
    {"breaches", "-1", "breaches"},
};

static void put(json_t *root, const char *path, const char *value)
{
    char key[64];
    size_t n = strcspn(path, ".");
    snprintf(key, sizeof key, "%.*s", (int)n, path);
    if (path[n])
        put(json_object_get(root, key), path + n + 1, value);
    else
        json_object_set_new(root, key, json_loads(value, JSON_DECODE_ANY, NULL));
}

static void test_bad(void **state)
{
    struct kr_run a;
    (void)state;
    fill(&a);
    KR_AUTO_FREE char *text = kr_run_to_text(&a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *root = json_loads(text, 0, NULL);
        struct kr_err e = {0};
        struct kr_run r;
        put(root, bad[i].path, bad[i].value);
        KR_AUTO_FREE char *other = json_dumps(root, 0);
        int got = kr_run_from_text(other, strlen(other), &r, &e);
        if (got == 0 || e.exit != KR_UNKNOWN || !strstr(e.msg, bad[i].why))
            fail_msg("%s = %s: %d %s", bad[i].path, bad[i].value, got, e.msg);
        json_decref(root);
    }
    kr_run_free(&a);
}

/* Cut off anywhere, it is no record. */
static void test_cut(void **state)
{
    struct kr_run a, b;
    (void)state;
    fill(&a);
    a.n_events = 1;
    KR_AUTO_FREE char *text = kr_run_to_text(&a);
    for (size_t n = 0; n < strlen(text); n += 1 + n / 50)
        assert_int_equal(kr_run_from_text(text, n, &b, NULL), -1);
    a.n_events = KR_RUN_EVENTS;
    kr_run_free(&a);
}

/* What says nothing but its head is read, and everything in it is unknown. */
static void test_little(void **state)
{
    static const char text[] =
        "{\"schema\":\"kumo-redirect/run/1\",\"outcome\":\"held\",\"seconds\":3}";
    struct kr_balance b;
    struct kr_run r;
    (void)state;
    assert_int_equal(kr_run_from_text(text, strlen(text), &r, NULL), 0);
    kr_run_balance(&r, &b);
    assert_int_equal(kr_run_exit(&r, &b), KR_UNKNOWN);
    for (size_t i = 0; i < b.n; i++)
        if (strcmp(b.v[i].id, "gate") != 0)
            assert_int_equal(b.v[i].is, KR_BAL_UNKNOWN);
    kr_run_free(&r);
}

/* Records from before a column was added lack it: it is unknown, the others count. */
static void test_old(void **state)
{
    static const char text[] =
        "{\"schema\":\"kumo-redirect/run/1\",\"outcome\":\"held\",\"seconds\":3,"
        "\"samples\":{\"us\":[10,20],\"accepted\":[3,4]}}";
    static const char uneven[] =
        "{\"schema\":\"kumo-redirect/run/1\",\"outcome\":\"held\",\"seconds\":3,"
        "\"samples\":{\"us\":[10,20],\"accepted\":[3]}}";
    struct kr_run r;
    (void)state;
    assert_int_equal(kr_run_from_text(text, strlen(text), &r, NULL), 0);
    assert_int_equal(r.samples.n, 2);
    assert_int_equal(r.samples.v[1][KR_RUN_AT_accepted], 4);
    assert_true(r.samples.v[1][KR_RUN_AT_transactions] == UINT64_MAX);
    kr_run_free(&r);
    assert_int_equal(kr_run_from_text(uneven, strlen(uneven), &r, NULL), -1);
}

static void test_calm(void **state)
{
    static const char text[] = "{\"schema\":\"kumo-redirect/run/"
                               "1\",\"outcome\":\"held\",\"seconds\":3,\"reason\":\"\\u001b[2J\","
                               "\"providers\":{\"\\u001b]0;x\\u0007\":{\"\\n\":1}}}";
    struct kr_run r;
    (void)state;
    assert_int_equal(kr_run_from_text(text, strlen(text), &r, NULL), 0);
    assert_string_equal(r.reason, "?[2J");
    assert_string_equal(r.providers[0].name, "?]0;x?");
    assert_string_equal(r.providers[0].n.v[0].name, "?");
    kr_run_free(&r);
}

static void test_span(void **state)
{
    static const char *const odd[] = {"", "today", "2026-11-27T18:15:30Z",
                                      "2026-11-27T18:15:30.123Zx"};
    struct kr_run r = {0};
    int64_t from, to;
    (void)state;
    snprintf(r.began, sizeof r.began, "1970-01-02T00:00:00.500Z");
    snprintf(r.ended, sizeof r.ended, "1970-01-02T00:00:01.000Z");
    assert_int_equal(kr_run_span(&r, &from, &to, NULL), 0);
    assert_int_equal(from, 86400500000);
    assert_int_equal(to, 86401000000);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        snprintf(r.ended, sizeof r.ended, "%s", odd[i]);
        assert_int_equal(kr_run_span(&r, &from, &to, NULL), -1);
    }
}

/* The balance is in it, for those who read JSON. */
static void test_balance(void **state)
{
    struct kr_balance b;
    struct kr_run r;
    (void)state;
    fill(&r);
    kr_run_balance(&r, &b);
    KR_AUTO_FREE char *text = kr_run_to_text(&r);
    json_t *root = json_loads(text, 0, NULL);
    const json_t *rows = json_object_get(json_object_get(root, "balance"), "rows");
    assert_int_equal(json_array_size(rows), b.n);
    for (size_t i = 0; i < b.n; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, i), "text")),
                            b.v[i].text);
    json_decref(root);
    kr_run_free(&r);
}

static void test_files(void **state)
{
    char folder[] = "/tmp/kr-record.XXXXXX", path[64], far[4200];
    struct kr_err e = {0};
    struct kr_run r;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/r.json", folder);
    assert_int_equal(kr_run_read(path, &r, &e), -1);
    assert_int_equal(e.exit, KR_USAGE);
    assert_int_equal(kr_file_replace(path, "{", KR_FILE_ON_DISK, &e), 0);
    assert_int_equal(kr_run_read(path, &r, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    assert_non_null(strstr(e.msg, path));
    assert_int_equal(kr_run_read(folder, &r, &e), -1);
    memset(far, 'x', sizeof far);
    far[sizeof far - 1] = '\0';
    assert_int_equal(kr_file_replace(far, "{", KR_FILE_ON_DISK, &e), -1);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing half written is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round),  cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_cut),    cmocka_unit_test(test_little),
                                       cmocka_unit_test(test_old),    cmocka_unit_test(test_calm),
                                       cmocka_unit_test(test_span),   cmocka_unit_test(test_files),
                                       cmocka_unit_test(test_balance)};
    return cmocka_run_group_tests_name("account_record", tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <kr/buf.h>
#include <kr/sink_stats.h>
#include <kr/sink_sums.h>

#include <jansson.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kr_sink_about about = {"abc", 7, 2, 3, NULL, 0};

static json_t *json_of(struct kr_sink_stats *all, unsigned n)
{
    struct kr_buf b = {0};
    assert_int_equal(kr_sink_stats_json(all, n, &about, &b, NULL), 0);
    assert_ptr_equal(strchr(b.s, '\n'), b.s + b.len - 1);
    json_t *j = json_loads(b.s, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    kr_buf_free(&b);
    return j;
}

static json_int_t num(const json_t *o, const char *a, const char *b, const char *c)
{
    const json_t *v = json_object_get(o, a);
    v = b ? json_object_get(v, b) : v;
    v = c ? json_object_get(v, c) : v;
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

static struct kr_addr addr4(uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    return kr_addr_make(AF_INET, b);
}

static void test_sums(void **state)
{
    struct kr_sink_stats *all = kr_sink_stats_make(2, NULL), *one = kr_sink_stats_of(all, 1);
    struct kr_addr a, b;
    (void)state;
    assert_int_equal(kr_addr_parse("203.0.113.5", &a, NULL), 0);
    assert_int_equal(kr_addr_parse("2001:db8::5", &b, NULL), 0);
    kr_sink_add(all, KR_SINK_messages, 5);
    kr_sink_add(one, KR_SINK_messages, 6);
    kr_sink_add(one, KR_SINK_open, 6);
    kr_sink_add(one, KR_SINK_open, -2);
    kr_sink_dest_message(all, kr_sink_dest_connection(all, &a), KR_ACCEPTED);
    kr_sink_dest_message(one, kr_sink_dest_connection(one, &a), KR_ACCEPTED);
    kr_sink_dest_connection(one, &b);
    kr_sink_dest_message(one, KR_SINK_NOWHERE, KR_ACCEPTED);
    json_t *j = json_of(all, 2);
    assert_string_equal(json_string_value(json_object_get(j, "schema")), "kumo-sink/stats/1");
    assert_string_equal(json_string_value(json_object_get(j, "nonce")), "abc");
    assert_int_equal(num(j, "messages", NULL, NULL), 11);
    assert_int_equal(num(j, "open", NULL, NULL), 4);
    assert_int_equal(num(j, "bytes", NULL, NULL), 0);
    assert_int_equal(num(j, "destinations", "203.0.113.5", "connections"), 2);
    assert_int_equal(num(j, "destinations", "203.0.113.5", "messages"), 2);
    assert_int_equal(num(j, "destinations", "2001:db8::5", "connections"), 1);
    assert_int_equal(num(j, "destinations", "2001:db8::5", "messages"), 0);
    assert_int_equal(json_object_size(json_object_get(j, "destinations")), 2);
    json_decref(j);
    kr_sink_stats_free(all, 2);
}

/* The table takes exactly what it says; the rest is counted apart, and nothing is lost. */
static void test_full(void **state)
{
    struct kr_sink_stats *s = kr_sink_stats_make(1, NULL);
    (void)state;
    for (uint32_t i = 0; i < KR_SINK_DESTINATIONS + 10; i++) {
        struct kr_addr a = addr4(0x0a000000 + i);
        uint32_t slot = kr_sink_dest_connection(s, &a);
        assert_int_equal(slot == KR_SINK_OTHER, i >= KR_SINK_DESTINATIONS);
        kr_sink_dest_message(s, slot, KR_ACCEPTED);
    }
    for (uint32_t i = 0; i < 10; i++) {
        struct kr_addr a = addr4(0x0a000000 + i);
        assert_true(kr_sink_dest_connection(s, &a) != KR_SINK_OTHER);
    }
    json_t *j = json_of(s, 1);
    assert_int_equal(json_object_size(json_object_get(j, "destinations")), KR_SINK_DESTINATIONS);
    assert_int_equal(num(j, "destinations_other", "connections", NULL), 10);
    assert_int_equal(num(j, "destinations_other", "messages", NULL), 10);
    assert_int_equal(num(j, "destinations", "10.0.0.3", "connections"), 2);
    assert_int_equal(num(j, "destinations", "10.0.255.255", "messages"), 1);
    json_decref(j);
    kr_sink_stats_free(s, 1);
}

/* What a child counted stays when it dies, and its successor goes on from there. */
static void test_survives(void **state)
{
    struct kr_sink_stats *s = kr_sink_stats_make(1, NULL);
    struct kr_addr a = addr4(0xcb007105);
    (void)state;
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            kr_sink_add(s, KR_SINK_messages, 1);
            kr_sink_dest_connection(s, &a);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    assert_int_equal(kr_sink_count(s, KR_SINK_messages), 3);
    json_t *j = json_of(s, 1);
    assert_int_equal(num(j, "destinations", "203.0.113.5", "connections"), 3);
    json_decref(j);
    kr_sink_stats_free(s, 1);
}

/* Only the busiest are listed; what the others had is not lost. */
static void test_listed(void **state)
{
    struct kr_sink_stats *all = kr_sink_stats_make(2, NULL);
    struct kr_sink_about few = about;
    struct kr_buf b = {0};
    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        for (uint32_t k = 0; k <= i; k++) {
            struct kr_addr a = addr4(0xcb007100 + i);
            struct kr_sink_stats *s = kr_sink_stats_of(all, k % 2);
            kr_sink_dest_message(s, kr_sink_dest_connection(s, &a), KR_ACCEPTED);
        }
    few.listed = 2;
    assert_int_equal(kr_sink_stats_json(all, 2, &few, &b, NULL), 0);
    json_t *j = json_loads(b.s, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    assert_int_equal(json_object_size(json_object_get(j, "destinations")), 2);
    assert_int_equal(num(j, "destinations", "203.0.113.4", "messages"), 5);
    assert_int_equal(num(j, "destinations", "203.0.113.3", "messages"), 4);
    assert_int_equal(num(j, "destinations_other", "messages", NULL), 6);
    assert_int_equal(num(j, "destinations_other", "connections", NULL), 6);
    json_decref(j);
    kr_buf_free(&b);
    kr_sink_stats_free(all, 2);
}

/* A reset leaves who is connected, and the places of destinations that are still in use. */
static void test_reset(void **state)
{
    struct kr_sink_stats *s = kr_sink_stats_make(1, NULL);
    struct kr_addr a = addr4(0x0a000001), b = addr4(0x0a000002);
    (void)state;
    uint32_t slot = kr_sink_dest_connection(s, &a);
    kr_sink_dest_message(s, slot, KR_REFUSED);
    kr_sink_add(s, KR_SINK_open, 1);
    kr_sink_add(s, KR_SINK_connections, 1);
    kr_sink_reply_code(s, 250);
    kr_sink_reply_code(s, 999);
    json_t *j = json_of(s, 1);
    assert_int_equal(num(j, "destinations", "10.0.0.1", "messages_refused"), 1);
    assert_int_equal(num(j, "replies", "250", NULL), 1);
    json_decref(j);
    kr_sink_stats_reset(s);
    j = json_of(s, 1);
    assert_int_equal(num(j, "open", NULL, NULL), 1);
    assert_int_equal(num(j, "connections", NULL, NULL), 0);
    assert_int_equal(json_object_size(json_object_get(j, "replies")), 0);
    assert_int_equal(json_object_size(json_object_get(j, "destinations")), 0);
    json_decref(j);
    assert_int_not_equal(kr_sink_dest_connection(s, &b), slot);
    kr_sink_dest_message(s, slot, KR_ACCEPTED);
    j = json_of(s, 1);
    assert_int_equal(num(j, "destinations", "10.0.0.1", "messages"), 1);
    assert_int_equal(num(j, "destinations", "10.0.0.1", "connections"), 0);
    json_decref(j);
    kr_sink_stats_free(s, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),   cmocka_unit_test(test_full),
        cmocka_unit_test(test_reset),  cmocka_unit_test(test_survives),
        cmocka_unit_test(test_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which sockets and conntrack entries are said to be open to somebody. */
#include "../../../src/facts/checks_exempt_internal.h"
#include "networks.h"

#include <kr/flowscan.h>
#include <kr/mem.h>

#include <netinet/tcp.h>

static struct view world;
static struct kr_exempt near;
static struct kr_lan lan = {.v = &near, .n = 1};
static struct kr_endpoint sink;
static struct kr_scene scene;
static struct kr_result result;
static const uint16_t ports[] = {25};
static struct kr_sock socks[8];
static struct kr_ct entries[8];

int kr_socks_read(const uint16_t *want, size_t n, struct kr_socks *out, struct kr_err *e)
{
    (void)e;
    assert_true(n == 1 && want[0] == 25);
    size_t have = 0;
    while (have < 8 && socks[have].peer_port)
        have++;
    out->v = kr_calloc(8, sizeof *out->v);
    memcpy(out->v, socks, sizeof socks);
    out->n = have;
    return 0;
}

void kr_socks_free(struct kr_socks *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

static int entries_fail;

int kr_cts_read(const uint16_t *want, size_t n, struct kr_cts *out, struct kr_err *e)
{
    (void)want, (void)n;
    if (entries_fail)
        return kr_fail(e, KR_UNKNOWN, 0, "torn");
    size_t have = 0;
    while (have < 8 && entries[have].orig.dport)
        have++;
    out->v = kr_calloc(8, sizeof *out->v);
    memcpy(out->v, entries, sizeof entries);
    out->n = have;
    return 0;
}

void kr_cts_free(struct kr_cts *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

int kr_tuple_cmp(const struct kr_tuple *a, const struct kr_tuple *b)
{
    return memcmp(a, b, sizeof *a);
}

static struct kr_addr addr(const char *text)
{
    struct kr_addr a;
    assert_int_equal(kr_addr_parse(text, &a, NULL), 0);
    return a;
}

static struct kr_tuple tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct kr_tuple t;
    memset(&t, 0, sizeof t);
    t.src = addr(src);
    t.dst = addr(dst);
    t.sport = sport;
    t.dport = dport;
    return t;
}

static int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    memset(socks, 0, sizeof socks);
    memset(entries, 0, sizeof entries);
    entries_fail = 0;
    loopback(&world);
    link_add(&world, "eth0", "");
    address(&world, "eth0", "10.0.0.1/24");
    assert_int_equal(kr_prefix_parse("192.168.1.0/24", &near.prefix, NULL), 0);
    assert_int_equal(kr_endpoint_parse("198.18.25.1-198.18.25.254:2026", &sink, NULL), 0);
    scene = (struct kr_scene){.view = &world.v,
                              .lan = &lan,
                              .ports = ports,
                              .n_ports = 1,
                              .sink4 = &sink,
                              .standing = true,
                              .builtin = true};
    return 0;
}

static void forget_flows(void)
{
    if (scene.flows)
        kr_flowscan_free(scene.flows);
    free(scene.flows);
    scene.flows = NULL;
}

static int end(void **state)
{
    (void)state;
    forget_flows();
    kr_result_free(&result);
    return 0;
}

static enum kr_verdict run(kr_check_run check)
{
    struct kr_err e = {0};
    kr_result_free(&result);
    if (check(&scene, &result, &e))
        kr_result_add(&result, KR_IN_DOUBT, "check", "%s", e.msg);
    return result.verdict;
}

static void sockets(void **state)
{
    static const struct {
        const char *peer;
        uint8_t state;
        bool time_wait, orphan;
        enum kr_verdict verdict;
        size_t rows;
    } rows[] = {
        {"203.0.113.5", TCP_ESTABLISHED, false, false, KR_BROKEN, 1},
        {"2001:db8::5", TCP_CLOSE_WAIT, false, false, KR_BROKEN, 1},
        {"203.0.113.5", TCP_SYN_SENT, false, false, KR_HOLDS, 1},
        {"203.0.113.5", TCP_TIME_WAIT, true, false, KR_HOLDS, 1},
        {"203.0.113.5", TCP_FIN_WAIT1, false, true, KR_HOLDS, 1},
        {"203.0.113.5", TCP_FIN_WAIT1, false, false, KR_BROKEN, 1},
        {"203.0.113.5", TCP_ESTABLISHED, false, true, KR_BROKEN, 1}, /* not yet accepted */
        {"192.168.1.9", TCP_ESTABLISHED, false, false, KR_HOLDS, 0},
        {"127.0.0.1", TCP_ESTABLISHED, false, false, KR_HOLDS, 0},
        {"10.0.0.1", TCP_ESTABLISHED, false, false, KR_HOLDS, 0},
        {"198.18.25.9", TCP_ESTABLISHED, false, false, KR_HOLDS, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        socks[0] = (struct kr_sock){.local = addr("10.0.0.1"),
                                    .peer = addr(rows[i].peer),
                                    .local_port = 1000,
                                    .peer_port = 25,
                                    .state = rows[i].state,
                                    .time_wait = rows[i].time_wait,
                                    .orphan = rows[i].orphan};
        forget_flows();
        if (run(kr_check_open_sockets) != rows[i].verdict || result.n != rows[i].rows)
            fail_msg("row %zu: %s, %zu rows", i, kr_verdict_name(result.verdict), result.n);
    }
}

static void redirected_ones_are_fine(void **state)
{
    (void)state;
    socks[0] = (struct kr_sock){.local = addr("10.0.0.1"),
                                .peer = addr("203.0.113.5"),
                                .local_port = 1000,
                                .peer_port = 25,
                                .state = TCP_ESTABLISHED};
    entries[0].orig = tuple("10.0.0.1", 1000, "203.0.113.5", 25);
    entries[0].reply = tuple("198.18.25.7", 2026, "10.0.0.1", 1000);
    assert_int_equal(run(kr_check_open_sockets), KR_HOLDS);
    assert_int_equal(run(kr_check_entries), KR_HOLDS);
    forget_flows();
    entries[0].reply = tuple("203.0.113.5", 25, "10.0.0.1", 1000);
    assert_int_equal(run(kr_check_open_sockets), KR_BROKEN);
    assert_int_equal(run(kr_check_entries), KR_BROKEN);
    assert_int_equal(run(kr_check_reversed_entries), KR_HOLDS);
    forget_flows();
    entries[0].attempt = true;
    assert_int_equal(run(kr_check_entries), KR_HOLDS);
    assert_int_equal(result.n, 1);
}

static void reversed_ones_have_a_check_of_their_own(void **state)
{
    (void)state;
    entries[0].orig = tuple("203.0.113.5", 25, "10.0.0.1", 1000);
    entries[0].reply = tuple("10.0.0.1", 1000, "203.0.113.5", 25);
    entries[1].orig = tuple("192.168.1.9", 25, "10.0.0.1", 1001);
    entries[1].reply = tuple("10.0.0.1", 1001, "192.168.1.9", 25);
    assert_int_equal(run(kr_check_reversed_entries), KR_BROKEN);
    assert_int_equal(result.n, 1);
    assert_int_equal(run(kr_check_entries), KR_HOLDS);
    assert_int_equal(run(kr_check_open_sockets), KR_HOLDS);
}

static void a_torn_listing_is_unknown(void **state)
{
    (void)state;
    entries_fail = 1;
    assert_int_equal(run(kr_check_open_sockets), KR_IN_DOUBT);
    assert_int_equal(run(kr_check_entries), KR_IN_DOUBT);
    assert_int_equal(run(kr_check_reversed_entries), KR_IN_DOUBT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(sockets),
        TEST(redirected_ones_are_fine),
        TEST(reversed_ones_have_a_check_of_their_own),
        TEST(a_torn_listing_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

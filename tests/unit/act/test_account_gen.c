/* What generators say of themselves: whole, in single octets, cut off, and made up. */
#include "../base/cmocka_all.h"

#include <kr/mem.h>
#include <kr/run_gen.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY UINT64_MAX

struct want {
    const char *text;
    uint64_t sent, failed, us;
    bool known;
};
#define TRAFFIC_GEN                                                                             \
    "\r\033[Kcurrent rate: 1,000 msgs/s, 60,000 msgs/minute, 3,600,000 msgs/hour (sent=1,000, " \
    "clients=20)\r\033[Kcurrent rate: 900 msgs/s, 54,000 msgs/minute, 3,240,000 msgs/hour "     \
    "(sent=1,900, clients=20)\nDeadline reached, stopping\n"
#define FINAL                                                                          \
    "sent 2,000 messages, failed 3 over 2.000512s.\ntransaction latency: avg=1.5ms "   \
    "min=200µs max=1.25s p50=1.25ms p75=1.5ms p90=3ms p95=4ms p99=12.5ms p99.9=1s \n" \
    "overall rate: 1,000 msgs/s, 60,000 msgs/minute, 3,600,000 msgs/hour\n"
static const struct want wants[] = {
    {TRAFFIC_GEN FINAL, 2000, 3, 2000512, true},
    {TRAFFIC_GEN, 1900, NOBODY, 0, false}, /* killed: what it said last */
    {TRAFFIC_GEN FINAL TRAFFIC_GEN FINAL, 4000, 6, 4001024, true},
    {FINAL TRAFFIC_GEN, 3900, 3, 2000512, false}, /* the second of two was killed */
    {"\r\033[K1,234 messages/s  sent 5,000  failed 7  clients 3  p50 1.0 ms  p99 2.0 ms", 5000, 7,
     0, false},
    {"sent 10 messages, failed 0 over 1.500 s\n  messages    10 offered, 10 accepted\n", 10, 0,
     1500000, true},
    {"12:00:01 load: sent 10 messages, failed 1 over 950ms.\n", 10, 1, 950000, true},
    {"sent 10 messages, failed 1 over 950ms.", 10, 1, 950000, true}, /* no line break at the end */
    {"sent 0 messages, failed 0 over 12.5µs.\n", 0, 0, 13, true},
    {"{\"schema\":\"kumo-gen/result/"
     "1\",\"seconds\":2.5,\"messages\":{\"offered\":12,\"accepted\":10,"
     "\"refused\":1,\"deferred\":0,\"unanswered\":1,\"unfinished\":0,\"unsent\":0},\"recipients\":"
     "{\"accepted\":20},\"latency_us\":{\"count\":10,\"p50\":5}}\n",
     10, 2, 2500000, true},
    /* what is none of it */
    {"", NOBODY, NOBODY, 0, false},
    {"hello\nsent many messages, failed 3 over 2s\n", NOBODY, NOBODY, 0, false},
    {"sent 10 messages, failed 1 over a while\n", NOBODY, NOBODY, 0, false},
    {"sent 10 messages\n", NOBODY, NOBODY, 0, false},
    {"sent 99999999999999999999 messages, failed 1 over 1s\n", NOBODY, NOBODY, 0, false},
    {"sent 1 messages, failed 1 over 99999999999999999999s\n", NOBODY, NOBODY, 0, false},
    {"{\"schema\":\"kumo-gen/result/1\"\n", NOBODY, NOBODY, 0, false},
    {"{\"schema\":\"kumo-gen/result/1\",\"messages\":[],\"seconds\":1}\n", NOBODY, NOBODY, 0,
     false},
    {"{\"schema\":\"kumo-gen/result/1\",\"messages\":{},\"seconds\":-1}\n", NOBODY, NOBODY, 0,
     false},
};

static void look(const struct kr_run_gen *g, const struct want *w)
{
    struct kr_run r = {0};
    kr_run_gen_tell(g, &r);
    const struct kr_run_facts *f = &r.facts[KR_RUN_generator];
    if (kr_run_gen_sent(g) != w->sent || kr_run_gen_failed(g) != w->failed || g->us != w->us ||
        f->known != w->known || (*f->why != '\0') != !w->known)
        fail_msg("'%s': sent %ju failed %ju us %ju known %d (%s)", w->text,
                 (uintmax_t)kr_run_gen_sent(g), (uintmax_t)kr_run_gen_failed(g), (uintmax_t)g->us,
                 f->known, f->why);
    kr_run_free(&r);
}

static void feed(const struct want *w, size_t piece)
{
    struct kr_run_gen g;
    size_t n = strlen(w->text);
    kr_run_gen_init(&g);
    for (size_t i = 0; i < n; i += piece)
        kr_run_gen_feed(&g, 1, w->text + i, n - i < piece ? n - i : piece);
    kr_run_gen_end(&g);
    look(&g, w);
    kr_run_gen_free(&g);
}

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        for (size_t piece = 1; piece < 70; piece = piece * 3 / 2 + 1)
            feed(&wants[i], piece);
}

/* Two streams are two texts: what one says does not break the other's line. */
static void test_streams(void **state)
{
    struct kr_run_gen g;
    (void)state;
    kr_run_gen_init(&g);
    kr_run_gen_feed(&g, 1, "sent 5 messages, ", 17);
    kr_run_gen_feed(&g, 2, "a warning\n", 10);
    kr_run_gen_feed(&g, 1, "failed 0 over 1s\n", 17);
    kr_run_gen_feed(&g, 3, "sent 7 messages, failed 0 over 1s\n", 34);
    assert_int_equal(kr_run_gen_sent(&g), 5);
    kr_run_gen_free(&g);
}

/* A line without end is not kept, and what follows it is understood again. */
static void test_endless(void **state)
{
    struct kr_run_gen g;
    static char chunk[64 << 10];
    (void)state;
    memset(chunk, 'x', sizeof chunk);
    kr_run_gen_init(&g);
    for (int i = 0; i < 100; i++)
        kr_run_gen_feed(&g, 1, chunk, sizeof chunk);
    assert_true(g.stream[0].line.cap < 1 << 20);
    kr_run_gen_feed(&g, 1, "sent 1 messages, failed 0 over 1s\nsent 5 messages, failed 0 over 1s\n",
                    68);
    assert_int_equal(kr_run_gen_sent(&g), 5);
    kr_run_gen_free(&g);
}

static void test_latency(void **state)
{
    struct kr_run_gen g;
    (void)state;
    kr_run_gen_init(&g);
    kr_run_gen_feed(&g, 1, FINAL, strlen(FINAL));
    assert_int_equal(g.n_latency, 1);
    const struct kr_run_latency *l = &g.latency[0];
    assert_int_equal(l->mean, 1500);
    assert_int_equal(l->p50, 1250);
    assert_int_equal(l->p90, 3000);
    assert_int_equal(l->p99, 12500);
    assert_int_equal(l->p999, 1000000);
    assert_int_equal(l->max, 1250000);
    assert_true(l->count == NOBODY);
    kr_run_gen_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_streams),
                                       cmocka_unit_test(test_endless),
                                       cmocka_unit_test(test_latency)};
    return cmocka_run_group_tests_name("account_gen", tests, NULL, NULL);
}

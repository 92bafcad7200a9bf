/* What the kernel's answers lead to for exempt prefixes, their hosts and the sink. The readers are
 * defined here, so that those of the library are not linked. */
#include "../../../src/facts/checks_exempt_internal.h"
#include "networks.h"

#include <kr/greet.h>
#include <kr/lookup.h>
#include <kr/mem.h>
#include <kr/neigh.h>
#include <kr/rt.h>

#include <errno.h>

/* The answer to each question: the exemption's own device, unless a row says otherwise. */
static struct {
    struct kr_prefix to;
    struct kr_lookup way;
} ways[8];
static size_t n_ways, asked, asked_with_port;
static struct kr_lookup last_asked;

int kr_lookup_run(struct kr_lookup *v, size_t n, struct kr_err *e)
{
    (void)e;
    asked = n;
    asked_with_port = 0;
    for (size_t i = 0; i < n; i++) {
        asked_with_port += v[i].dport != 0;
        last_asked = v[i];
        v[i].type = RTN_UNICAST;
        v[i].out = 2;
        for (size_t k = 0; k < n_ways; k++)
            if (kr_prefix_has(&ways[k].to, &v[i].to)) {
                v[i].error = ways[k].way.error;
                v[i].type = ways[k].way.type;
                v[i].out = ways[k].way.out;
                v[i].has_gateway = ways[k].way.has_gateway;
                v[i].gateway = ways[k].way.gateway;
            }
    }
    return 0;
}

static struct kr_greet answers[4];
static struct kr_neigh near[600];
static size_t n_answers, n_near, greeted;

int kr_greet_all(struct kr_greet *v, size_t n, unsigned ms, struct kr_err *e)
{
    (void)e;
    assert_true(ms <= 2000);
    greeted = n;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_answers; k++)
            if (kr_addr_cmp(&v[i].to, &answers[k].to) == 0) {
                v[i].accepted = true;
                memcpy(v[i].line, answers[k].line, sizeof v[i].line);
            }
    return 0;
}

int kr_neighs_read(struct kr_neighs *out, struct kr_err *e)
{
    (void)e;
    *out = (struct kr_neighs){.v = kr_calloc(n_near + 1, sizeof *near), .n = n_near};
    memcpy(out->v, near, n_near * sizeof *near);
    return 0;
}

void kr_neighs_free(struct kr_neighs *s)
{
    free(s->v);
}

static struct view world;
static struct kr_exempt exempt[16];
static struct kr_lan lan;
static struct kr_endpoint sink;
static struct kr_scene scene;
static struct kr_result result;
static const uint16_t ports[] = {25};

static struct kr_prefix prefix(const char *text)
{
    struct kr_prefix p;
    assert_int_equal(kr_prefix_parse(text, &p, NULL), 0);
    return p;
}

static struct kr_addr addr(const char *text)
{
    struct kr_addr a;
    assert_int_equal(kr_addr_parse(text, &a, NULL), 0);
    return a;
}

static struct kr_exempt *exempt_add(const char *text, const char *device)
{
    struct kr_exempt *x = &exempt[lan.n++];
    *x = (struct kr_exempt){.prefix = prefix(text), .index = index_of(&world, device)};
    snprintf(x->ifname, sizeof x->ifname, "%s", device);
    return x;
}

static struct kr_lookup *way(const char *to)
{
    ways[n_ways].to = prefix(to);
    ways[n_ways].way = (struct kr_lookup){.type = RTN_UNICAST, .out = 2};
    return &ways[n_ways++].way;
}

static int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    n_ways = n_answers = n_near = greeted = 0;
    loopback(&world);
    link_add(&world, "lan0", "");
    link_add(&world, "up0", "");
    link_add(&world, KR_HOLE_NAME, "dummy");
    address(&world, "lan0", "192.168.1.1/24");
    address(&world, "up0", "203.0.113.2/24");
    route(&world, "default", "203.0.113.1", "up0");
    lan = (struct kr_lan){.v = exempt};
    exempt_add("192.168.1.0/24", "lan0");
    scene = (struct kr_scene){
        .view = &world.v, .lan = &lan, .ports = ports, .n_ports = 1, .standing = true};
    return 0;
}

static int end(void **state)
{
    (void)state;
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

static void on_link_holds(void **state)
{
    (void)state;
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    assert_int_equal(asked, 6);
    assert_int_equal(asked_with_port, 3);
    scene.standing = false;
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    assert_int_equal(asked, 3);
    assert_true(kr_prefix_has(&exempt[0].prefix, &last_asked.to));
}

static void another_way_is_a_leak(void **state)
{
    (void)state;
    struct kr_lookup *w = way("192.168.1.255/32");
    w->out = 3;
    assert_int_equal(run(kr_check_onlink), KR_BROKEN);
    assert_string_equal(result.v[0].object, "192.168.1.0/24 on lan0");
    w->out = 2;
    w->has_gateway = true;
    w->gateway = addr("192.168.1.9");
    assert_int_equal(run(kr_check_onlink), KR_BROKEN);
    exempt[0].has_gateway = true; /* as the waiver lan-gateway planned it */
    exempt[0].gateway = addr("192.168.1.9");
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    exempt[0].gateway = addr("192.168.1.8");
    assert_int_equal(run(kr_check_onlink), KR_BROKEN);
}

static void nowhere_here_and_the_hole_are_no_leaks(void **state)
{
    (void)state;
    struct kr_lookup *w = way("192.168.1.0/24");
    w->error = ENETUNREACH;
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    *w = (struct kr_lookup){.type = RTN_LOCAL, .out = 1};
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    *w = (struct kr_lookup){.type = RTN_UNICAST, .out = 4};
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    *w = (struct kr_lookup){.error = EOPNOTSUPP};
    assert_int_equal(run(kr_check_onlink), KR_IN_DOUBT);
}

static void routes_inside_are_asked_for(void **state)
{
    (void)state;
    struct kr_route *r = route(&world, "192.168.1.77/32", "203.0.113.1", "up0");
    struct kr_lookup *w = way("192.168.1.77/32");
    w->out = 3;
    assert_int_equal(run(kr_check_onlink), KR_BROKEN);
    r->table = KR_RT_TABLE; /* ours */
    r->protocol = KR_RT_PROTOCOL;
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
}

static void two_devices_with_one_prefix(void **state)
{
    (void)state;
    exempt_add("192.168.1.0/24", "up0");
    way("192.168.1.0/24")->out = 3;
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
}

static void many_prefixes_are_sampled(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    struct kr_exempt *many = kr_calloc(MANY, sizeof *many);
    for (uint32_t i = 0; i < MANY; i++) {
        uint8_t b[4] = {10, (uint8_t)(i >> 8), (uint8_t)i, 0};
        const struct kr_addr a = kr_addr_make(AF_INET, b);
        many[i] = (struct kr_exempt){.prefix = kr_prefix_make(&a, 120), .index = 2};
    }
    const struct kr_lan all = {.v = many, .n = MANY};
    scene.lan = &all;
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    assert_int_equal(result.n, 1);
    assert_true(asked > 1400 && asked <= 6 * 256);
    free(many);
}

static void link_local_is_asked_for_on_its_device(void **state)
{
    (void)state;
    lan.n = 0;
    exempt_add("fe80::/64", "lan0");
    assert_int_equal(run(kr_check_onlink), KR_HOLDS);
    assert_int_equal(last_asked.bound, 2);
}

static void public_space(void **state)
{
    (void)state;
    exempt_add("fd00::/8", "lan0");
    assert_int_equal(run(kr_check_public), KR_HOLDS);
    exempt_add("100.64.0.0/10", "lan0");
    exempt_add("2a00::/32", "lan0");
    assert_int_equal(run(kr_check_public), KR_BROKEN);
    assert_int_equal(result.n, 2);
}

static void gateways(void **state)
{
    (void)state;
    assert_int_equal(run(kr_check_gateway), KR_HOLDS);
    route(&world, "10.0.0.0/8", "192.168.1.9", "lan0");
    route(&world, "10.0.0.0/16", "192.168.1.9", "lan0");
    assert_int_equal(run(kr_check_gateway), KR_BROKEN);
    assert_int_equal(result.n, 1);
    world.routes[world.v.n_routes - 1].oif = world.routes[world.v.n_routes - 2].oif = 3;
    assert_int_equal(run(kr_check_gateway), KR_HOLDS); /* exempt on lan0 only */
}

static void neighbour(const char *text, unsigned index)
{
    near[n_near++] = (struct kr_neigh){.addr = addr(text), .index = index};
}

static void who_answers_may_relay(void **state)
{
    (void)state;
    neighbour("192.168.1.10", 2);
    neighbour("192.168.1.11", 2);
    neighbour("192.168.1.1", 2);  /* ourselves */
    neighbour("192.168.1.12", 3); /* not exempt there */
    neighbour("203.0.113.1", 3);  /* not exempt */
    assert_int_equal(run(kr_check_relay), KR_HOLDS);
    assert_int_equal(greeted, 2);
    answers[n_answers].to = addr("192.168.1.11");
    strcpy(answers[n_answers++].line, "220 relay ESMTP");
    assert_int_equal(run(kr_check_relay), KR_BROKEN);
    assert_string_equal(result.v[0].object, "192.168.1.11 port 25");
    answers[0].line[0] = '\0';
    assert_int_equal(run(kr_check_relay), KR_BROKEN);
}

static void never_more_than_some_and_gateways_first(void **state)
{
    (void)state;
    route(&world, "10.0.0.0/8", "192.168.1.9", "lan0");
    lan.n = 0;
    exempt_add("192.168.0.0/16", "lan0");
    for (unsigned i = 0; i < 600; i++) {
        const uint8_t b[4] = {192, 168, (uint8_t)(2 + i / 250), (uint8_t)(i % 250 + 1)};
        near[n_near++] = (struct kr_neigh){.addr = kr_addr_make(AF_INET, b), .index = 2};
    }
    answers[n_answers].to = addr("192.168.1.9");
    strcpy(answers[n_answers++].line, "220 router");
    assert_int_equal(run(kr_check_relay), KR_BROKEN);
    assert_int_equal(greeted, 256);
    n_answers = 0;
    assert_int_equal(run(kr_check_relay), KR_IN_DOUBT);
}

static void a_sink_that_is_a_mail_server(void **state)
{
    static const struct {
        const char *greeting;
        enum kr_verdict verdict;
    } rows[] = {{"220 mail ESMTP Postfix (Debian/GNU)", KR_IN_DOUBT},
                {"220 sink KumoMTA", KR_IN_DOUBT},
                {"220 smtp-sink ESMTP", KR_HOLDS},
                {"", KR_IN_DOUBT}};
    (void)state;
    assert_int_equal(kr_endpoint_parse("192.168.1.10:2525", &sink, NULL), 0);
    scene.sink4 = &sink;
    answers[0].to = sink.first;
    n_answers = 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        strcpy(answers[0].line, rows[i].greeting);
        if (run(kr_check_sink_greeting) != rows[i].verdict)
            fail_msg("%s", rows[i].greeting);
    }
    scene.builtin = true;
    assert_int_equal(run(kr_check_sink_greeting), KR_HOLDS);
    assert_int_equal(greeted, 0);
}

static void the_way_to_a_neighbour_sink(void **state)
{
    (void)state;
    assert_int_equal(kr_endpoint_parse("192.168.1.10:2525", &sink, NULL), 0);
    scene.sink4 = &sink;
    assert_int_equal(run(kr_check_sink_path), KR_HOLDS);
    struct kr_lookup *w = way("192.168.1.10/32");
    w->out = 3;
    assert_int_equal(run(kr_check_sink_path), KR_BROKEN);
    w->out = 2;
    w->has_gateway = true;
    assert_int_equal(run(kr_check_sink_path), KR_BROKEN);
    *w = (struct kr_lookup){.type = RTN_LOCAL, .out = 1};
    assert_int_equal(run(kr_check_sink_path), KR_BROKEN);
    *w = (struct kr_lookup){.error = EHOSTUNREACH};
    assert_int_equal(run(kr_check_sink_path), KR_HOLDS);
}

static void the_builtin_sink_is_local_and_alone(void **state)
{
    (void)state;
    assert_int_equal(kr_endpoint_parse("198.18.25.1-198.18.25.254:2026", &sink, NULL), 0);
    scene.sink4 = &sink;
    scene.builtin = true;
    struct kr_lookup *w = way("198.18.25.0/24");
    *w = (struct kr_lookup){.type = RTN_LOCAL, .out = 1};
    assert_int_equal(run(kr_check_sink_path), KR_HOLDS);
    route(&world, "198.18.25.128/25", "203.0.113.1", "up0");
    struct kr_lookup *stolen = way("198.18.25.128/25");
    stolen->out = 3;
    assert_int_equal(run(kr_check_sink_path), KR_BROKEN);
    n_ways = 1;
    address(&world, "up0", "198.18.25.7/32");
    assert_int_equal(run(kr_check_sink_path), KR_BROKEN);
    assert_string_equal(result.v[0].object, "198.18.25.7");
    world.v.n_addrs--;
    exempt_add("198.18.25.0/24", "lan0");
    assert_int_equal(run(kr_check_sink_path), KR_BROKEN);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(on_link_holds),
        TEST(another_way_is_a_leak),
        TEST(nowhere_here_and_the_hole_are_no_leaks),
        TEST(routes_inside_are_asked_for),
        TEST(two_devices_with_one_prefix),
        TEST(many_prefixes_are_sampled),
        TEST(link_local_is_asked_for_on_its_device),
        TEST(public_space),
        TEST(gateways),
        TEST(who_answers_may_relay),
        TEST(never_more_than_some_and_gateways_first),
        TEST(a_sink_that_is_a_mail_server),
        TEST(the_way_to_a_neighbour_sink),
        TEST(the_builtin_sink_is_local_and_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

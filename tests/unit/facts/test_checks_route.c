/* What policy rules, the kernel's answers and sysctls lead to. The readers are defined here, so
 * that those of the library are not linked: the kernel is made by hand. */
#include "../../../src/facts/checks_route_internal.h"
#include "networks.h"

#include <kr/lookup.h>
#include <kr/policy.h>
#include <kr/rt.h>
#include <kr/sysctl.h>

#include <errno.h>
#include <linux/fib_rules.h>

#define HOLE 77u

static struct {
    const char *name; /* "ipv4/conf/eth0/route_localnet" */
    long value;       /* -1: unreadable */
} sysctls[16];
/* What the kernel answers to questions with a port, and to those without. */
static struct kr_lookup with_port, without;
static size_t asked;
static int lookup_fails;

int kr_lookup_run(struct kr_lookup *v, size_t n, struct kr_err *e)
{
    asked = n;
    for (size_t i = 0; i < n; i++) {
        const struct kr_lookup *a = v[i].dport ? &with_port : &without;
        v[i].error = a->error;
        v[i].type = a->type;
        v[i].out = a->out;
    }
    return lookup_fails ? kr_fail(e, KR_UNKNOWN, 0, "lost") : 0;
}

int kr_sysctl_read(const char *name, long *out, struct kr_err *e)
{
    for (size_t i = 0; i < 16 && sysctls[i].name; i++)
        if (strcmp(sysctls[i].name, name) == 0) {
            *out = sysctls[i].value;
            return *out < 0 ? kr_fail(e, KR_UNKNOWN, EACCES, "%s", name) : 1;
        }
    return 0;
}

int kr_sysctl_each(const char *family, const char *name, kr_sysctl_row row, void *arg,
                   struct kr_err *e)
{
    static const char *const devices[] = {"all", "default", "eth0", "lo"};
    int found = 0;
    for (size_t i = 0; i < 4; i++) {
        char path[96];
        long value = 0;
        snprintf(path, sizeof path, "%s/conf/%s/%s", family, devices[i], name);
        int got = kr_sysctl_read(path, &value, e);
        if (got < 0)
            return -1;
        if (got)
            row(devices[i], value, arg);
        found |= got;
    }
    return found;
}

static struct view world;
static struct kr_fibrule rules[8];
static const uint16_t ports[] = {25};
static struct kr_scene scene;
static struct kr_result result;

static struct kr_fibrule *rule(int family, uint32_t priority, uint32_t table)
{
    struct kr_fibrule *r = &rules[world.v.n_rules++];
    *r = (struct kr_fibrule){
        .family = family, .priority = priority, .table = table, .action = FR_ACT_TO_TBL};
    return r;
}

static void our_rule(int family)
{
    struct kr_fibrule *r = rule(family, KR_RULE_PRIORITY, KR_RT_TABLE);
    r->protocol = KR_RT_PROTOCOL;
    r->ipproto = IPPROTO_TCP;
    r->dport_first = r->dport_last = 25;
}

static int begin(void **state)
{
    (void)state;
    memset(&world, 0, sizeof world);
    memset(rules, 0, sizeof rules);
    memset(sysctls, 0, sizeof sysctls);
    loopback(&world);
    link_add(&world, "eth0", "");
    link_add(&world, KR_HOLE_NAME, "dummy")->index = HOLE;
    address(&world, "eth0", "10.0.0.1/24");
    world.v.rules = rules;
    rule(AF_INET, 0, RT_TABLE_LOCAL);
    scene = (struct kr_scene){.view = &world.v, .ports = ports, .n_ports = 1, .standing = true};
    with_port = (struct kr_lookup){.type = RTN_UNICAST, .out = HOLE};
    without = (struct kr_lookup){.type = RTN_UNICAST, .out = 2};
    lookup_fails = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    kr_result_free(&result);
    return 0;
}

static enum kr_verdict run(int (*check)(struct kr_scene *, struct kr_result *, struct kr_err *))
{
    struct kr_err e = {0};
    kr_result_free(&result);
    if (check(&scene, &result, &e))
        kr_result_add(&result, KR_IN_DOUBT, "check", "%s", e.msg);
    return result.verdict;
}

static void each_selector_is_judged(void **state)
{
    static const struct {
        struct kr_fibrule r;
        enum kr_policy_reach here, forwarding;
    } rows[] = {
        {{.table = 100, .action = FR_ACT_TO_TBL}, KR_POLICY_TAKES, KR_POLICY_TAKES},
        {{.table = 100, .action = FR_ACT_TO_TBL, .ipproto = IPPROTO_UDP}, 0, 0},
        {{.table = 100, .action = FR_ACT_TO_TBL, .dport_first = 26, .dport_last = 99}, 0, 0},
        {{.table = 100, .action = FR_ACT_TO_TBL, .dport_first = 1, .dport_last = 99}, 2, 2},
        {{.table = 100, .action = FR_ACT_TO_TBL, .invert = true, .ipproto = 17}, 2, 2},
        {{.table = 100, .action = FR_ACT_TO_TBL, .iif = "eth0", .other_selectors = true}, 0, 2},
        {{.table = 100, .action = FR_ACT_TO_TBL, .iif = "lo", .other_selectors = true}, 2, 2},
        {{.table = 100, .action = FR_ACT_TO_TBL, .iif = "eth0", .invert = true}, 2, 2},
        {{.table = 100, .action = FR_ACT_TO_TBL, .detached = true}, 0, 0},
        {{.action = FR_ACT_TO_TBL, .l3mdev = true, .other_selectors = true}, 0, 0},
        {{.table = 100, .action = FR_ACT_TO_TBL, .mark = 5, .other_selectors = true}, 2, 2},
        {{.table = RT_TABLE_LOCAL, .action = FR_ACT_TO_TBL}, 0, 0},
        {{.table = KR_RT_TABLE, .action = FR_ACT_TO_TBL}, 0, 0},
        {{.action = FR_ACT_GOTO}, 2, 2},
        {{.action = FR_ACT_NOP}, 0, 0},
        {{.action = FR_ACT_BLACKHOLE}, KR_POLICY_REFUSES, KR_POLICY_REFUSES},
        {{.action = FR_ACT_PROHIBIT, .mark = 1}, KR_POLICY_REFUSES, KR_POLICY_REFUSES},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = NULL;
        if (kr_policy_reach(&rows[i].r, &world.v, ports, 1, false, &why) != rows[i].here ||
            kr_policy_reach(&rows[i].r, &world.v, ports, 1, true, &why) != rows[i].forwarding)
            fail_msg("row %zu", i);
        assert_non_null(why);
    }
    link_add(&world, "red", "vrf");
    const char *why;
    const struct kr_fibrule vrf = {.action = FR_ACT_TO_TBL, .l3mdev = true};
    assert_int_equal(kr_policy_reach(&vrf, &world.v, ports, 1, false, &why), KR_POLICY_TAKES);
}

static void only_rules_ahead_of_ours_count(void **state)
{
    (void)state;
    our_rule(AF_INET);
    rule(AF_INET, 26, 100);
    rule(AF_INET6, 0, RT_TABLE_LOCAL);
    our_rule(AF_INET6);
    assert_int_equal(run(kr_check_policy_rules), KR_HOLDS);
    assert_int_equal(result.n, 0);
    rules[1].priority = 27; /* ours, moved: who stands at 26 is ahead */
    struct kr_fibrule moved = rules[1];
    rules[1] = rules[2];
    rules[2] = moved;
    assert_int_equal(run(kr_check_policy_rules), KR_BROKEN);
    assert_int_equal(result.n, 1);
    assert_int_equal(result.v[0].handle, 26);
}

static void without_our_rule_its_place_counts(void **state)
{
    (void)state;
    rule(AF_INET, 26, 100);
    rule(AF_INET6, 25, 100);
    assert_int_equal(run(kr_check_policy_rules), KR_BROKEN);
    assert_int_equal(result.n, 1);
    assert_string_equal(result.v[0].object, "IPv6 rule 25");
}

static void unreadable_forwarding_is_unknown_at_best(void **state)
{
    (void)state;
    our_rule(AF_INET);
    sysctls[0].name = "ipv4/conf/all/forwarding";
    sysctls[0].value = -1;
    assert_int_equal(run(kr_check_policy_rules), KR_IN_DOUBT);
    struct kr_fibrule ours = rules[1];
    rules[1] = (struct kr_fibrule){
        .family = AF_INET, .priority = 9, .table = 100, .action = FR_ACT_TO_TBL, .iif = "eth0"};
    rules[world.v.n_rules++] = ours;
    assert_int_equal(run(kr_check_policy_rules), KR_BROKEN);
}

static void the_hole_and_refusals_hold(void **state)
{
    (void)state;
    our_rule(AF_INET);
    assert_int_equal(run(kr_check_kernel_route), KR_HOLDS);
    assert_true(asked > 6);
    static const int refusals[] = {ENETUNREACH, EHOSTUNREACH, EACCES};
    for (size_t i = 0; i < 3; i++) {
        with_port = (struct kr_lookup){.error = refusals[i]};
        assert_int_equal(run(kr_check_kernel_route), KR_HOLDS);
    }
    with_port = (struct kr_lookup){.type = RTN_UNREACHABLE, .out = 1};
    assert_int_equal(run(kr_check_kernel_route), KR_HOLDS);
}

static void any_other_way_is_a_leak(void **state)
{
    (void)state;
    our_rule(AF_INET);
    with_port.out = 2;
    assert_int_equal(run(kr_check_kernel_route), KR_BROKEN);
    assert_string_equal(result.v[0].ifname, "eth0");
    assert_non_null(strstr(result.v[0].detail, "leads to eth0"));
    with_port.out = 12345;
    assert_int_equal(run(kr_check_kernel_route), KR_BROKEN);
}

static void doubts_about_the_lookup(void **state)
{
    (void)state;
    our_rule(AF_INET);
    with_port = (struct kr_lookup){.error = EINVAL};
    assert_int_equal(run(kr_check_kernel_route), KR_IN_DOUBT);
    with_port = without = (struct kr_lookup){.type = RTN_UNICAST, .out = HOLE};
    assert_int_equal(run(kr_check_kernel_route), KR_IN_DOUBT);
    without.out = 2;
    lookup_fails = 1;
    assert_int_equal(run(kr_check_kernel_route), KR_IN_DOUBT);
    lookup_fails = 0;
    scene.standing = false;
    with_port.out = 2;
    assert_int_equal(run(kr_check_kernel_route), KR_HOLDS);
}

static void marks_sources_and_networks_are_asked_for(void **state)
{
    (void)state;
    our_rule(AF_INET);
    run(kr_check_kernel_route);
    size_t plain_n = asked;
    rule(AF_INET, 100, 7)->mark = 5;
    run(kr_check_kernel_route);
    assert_int_equal(asked, plain_n + 1);
    address(&world, "eth0", "10.0.0.2/24");
    run(kr_check_kernel_route);
    assert_int_equal(asked, plain_n + 2);
    sysctls[0].name = "ipv4/conf/eth0/forwarding";
    sysctls[0].value = 1;
    run(kr_check_kernel_route);
    assert_int_equal(asked, plain_n + 4);
    link_add(&world, "red", "vrf");
    run(kr_check_kernel_route);
    assert_int_equal(asked, plain_n + 5);
}

static void sysctls_as_they_take_effect(void **state)
{
    static const struct {
        const char *name;
        long value;
        enum kr_verdict verdict;
        size_t rows;
    } rows[] = {
        {"ipv4/conf/eth0/route_localnet", 1, KR_BROKEN, 1},
        {"ipv4/conf/all/route_localnet", 1, KR_BROKEN, 1},
        {"ipv4/conf/eth0/route_localnet", 0, KR_HOLDS, 0},
        {"ipv4/conf/eth0/route_localnet", -1, KR_IN_DOUBT, 1},
        {"ipv4/conf/eth0/accept_source_route", 1, KR_HOLDS, 0}, /* all is 0 */
        {"netfilter/nf_conntrack_tcp_loose", 0, KR_BROKEN, 1},
        {"netfilter/nf_conntrack_tcp_loose", 1, KR_HOLDS, 0},
        {"netfilter/nf_conntrack_tcp_be_liberal", 1, KR_HOLDS, 1},
        {"netfilter/nf_conntrack_tcp_be_liberal", -1, KR_IN_DOUBT, 1},
        {"mptcp/enabled", 1, KR_HOLDS, 1},
        {"ipv4/conf/all/forwarding", 1, KR_HOLDS, 1},
        {"ipv6/conf/all/forwarding", -1, KR_IN_DOUBT, 1},
        {"bridge/bridge-nf-call-iptables", 0, KR_HOLDS, 0}, /* no uplink is on a bridge */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sysctls[0].name = rows[i].name;
        sysctls[0].value = rows[i].value;
        if (run(kr_check_sysctls) != rows[i].verdict || result.n != rows[i].rows)
            fail_msg("%s = %ld: %s, %zu rows", rows[i].name, rows[i].value,
                     kr_verdict_name(result.verdict), result.n);
    }
}

static void source_routes_matter_where_packets_are_forwarded(void **state)
{
    (void)state;
    sysctls[0].name = "ipv4/conf/all/accept_source_route";
    sysctls[1].name = "ipv4/conf/eth0/accept_source_route";
    sysctls[0].value = sysctls[1].value = 1;
    assert_int_equal(run(kr_check_sysctls), KR_HOLDS);
    assert_int_equal(result.n, 1);
    sysctls[2].name = "ipv4/conf/eth0/forwarding";
    sysctls[2].value = 1;
    assert_int_equal(run(kr_check_sysctls), KR_BROKEN);
}

static void a_bridge_with_an_uplink_wants_netfilter(void **state)
{
    (void)state;
    struct kr_uplink up = {.index = 2};
    const struct kr_uplinks uplinks = {.v = &up, .n = 1};
    struct kr_link *br = link_add(&world, "br0", "bridge");
    world.links[1].master = br->index;
    scene.uplinks = &uplinks;
    assert_int_equal(run(kr_check_sysctls), KR_BROKEN);
    assert_int_equal(result.n, 2);
    sysctls[0].name = "bridge/bridge-nf-call-iptables";
    sysctls[1].name = "bridge/bridge-nf-call-ip6tables";
    sysctls[0].value = sysctls[1].value = 1;
    assert_int_equal(run(kr_check_sysctls), KR_HOLDS);
    sysctls[1].value = 0;
    assert_int_equal(run(kr_check_sysctls), KR_BROKEN);
    assert_string_equal(result.v[0].object, "net.bridge.bridge-nf-call-ip6tables");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(each_selector_is_judged),
        TEST(only_rules_ahead_of_ours_count),
        TEST(without_our_rule_its_place_counts),
        TEST(unreadable_forwarding_is_unknown_at_best),
        TEST(the_hole_and_refusals_hold),
        TEST(any_other_way_is_a_leak),
        TEST(doubts_about_the_lookup),
        TEST(marks_sources_and_networks_are_asked_for),
        TEST(sysctls_as_they_take_effect),
        TEST(source_routes_matter_where_packets_are_forwarded),
        TEST(a_bridge_with_an_uplink_wants_netfilter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

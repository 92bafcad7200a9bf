/* Checks of other rules where this kernel may have nothing to look at: IPVS, flowtables,
 * expressions of newer kernels, over what would have been read. The rest is tried by
 * net/checks-nft. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/facts/checks_nft.h"

#include <kr/err.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static const uint16_t ports[] = {25, 587};
static char table[] = "t", chain[] = "c", flows[] = "f", dev[] = "eth0 veth*";
static struct kr_scan_table tables[] = {{.family = NFPROTO_INET, .name = table}};
static struct kr_scan_chain chains[1];
static struct kr_scan_act acts[1];
static struct kr_scan_flowtable flowtables[1];
static struct kr_uplink up[] = {{.name = "veth7"}};
static struct kr_uplinks uplinks = {.v = up, .n = 1};
static struct kr_nftscan scan;
static struct kr_result result;

/* One chain on `on` that all packets reach, with one act. */
static struct kr_scene scene(uint32_t on, enum kr_nft_does does, uint32_t may)
{
    chains[0] = (struct kr_scan_chain){
        .name = chain, .type = "filter", .base = true, .on = on, .may = KR_MAY_ALL};
    acts[0] = (struct kr_scan_act){.does = does, .handle = 5, .may = may, .what = "thing"};
    scan = (struct kr_nftscan){.tables = tables,
                               .chains = chains,
                               .acts = acts,
                               .n_tables = 1,
                               .n_chains = 1,
                               .n_acts = 1};
    return (struct kr_scene){.table = "x",
                             .ports = ports,
                             .n_ports = 2,
                             .n_redirected = 1,
                             .uplinks = &uplinks,
                             .nft = &scan};
}

static enum kr_verdict run(kr_nft_check_fn *check, struct kr_scene s)
{
    struct kr_err e = {0};
    kr_result_free(&result);
    assert_int_equal(check(&s, &result, &e), 0);
    return result.verdict;
}

static void unknown(void **state)
{
    const uint32_t output = 1u << NF_INET_LOCAL_OUT, input = 1u << NF_INET_LOCAL_IN;
    (void)state;
    assert_int_equal(run(kr_check_unknown, scene(output, KR_DOES_UNKNOWN, KR_MAY_ALL)),
                     KR_IN_DOUBT);
    assert_non_null(strstr(result.v[0].detail, "nft delete rule inet t c handle 5"));
    assert_string_equal(result.v[0].object, "inet t/c");
    assert_int_equal(result.v[0].handle, 5);
    assert_int_equal(run(kr_check_unknown, scene(input, KR_DOES_UNKNOWN, KR_MAY_ALL)), KR_HOLDS);
    assert_int_equal(run(kr_check_unknown, scene(0, KR_DOES_UNKNOWN, KR_MAY_ALL)), KR_HOLDS);
    assert_int_equal(
        run(kr_check_unknown, scene(output, KR_DOES_UNKNOWN, KR_MAY_ALL & ~KR_MAY_TCP)), KR_HOLDS);
    assert_int_equal(run(kr_check_late, scene(output, KR_DOES_UNKNOWN, KR_MAY_ALL)), KR_HOLDS);
    assert_int_equal(run(kr_check_late, scene(output | KR_ON_LATE, KR_DOES_UNKNOWN, KR_MAY_ALL)),
                     KR_IN_DOUBT);
    assert_int_equal(run(kr_check_late, scene(output | KR_ON_LATE, KR_DOES_WRITE, KR_MAY_ALL)),
                     KR_BROKEN);
}

static void ports_count(void **state)
{
    const uint32_t output = 1u << NF_INET_LOCAL_OUT, others = KR_MAY_ALL & ~KR_MAY_PORTS;
    (void)state;
    assert_int_equal(run(kr_check_queue, scene(output, KR_DOES_QUEUE, KR_MAY_ALL)), KR_BROKEN);
    assert_int_equal(run(kr_check_queue, scene(output, KR_DOES_QUEUE, others)), KR_HOLDS);
    assert_int_equal(run(kr_check_queue, scene(output, KR_DOES_QUEUE, others | KR_MAY_PORT(1))),
                     KR_BROKEN);
    assert_int_equal(run(kr_check_queue, scene(output, KR_DOES_QUEUE, others | KR_MAY_PORT(2))),
                     KR_HOLDS); /* nobody asked about a third */
    assert_int_equal(run(kr_check_write, scene(output, KR_DOES_WRITE, others)), KR_BROKEN);
}

/* Redirected: the first port, in output, for the families that have a sink. */
static void order(void **state)
{
    static const struct kr_endpoint sink;
    const uint32_t out = 1u << NF_INET_LOCAL_OUT, pre = 1u << NF_INET_PRE_ROUTING;
    const uint32_t one = KR_MAY_ALL & ~KR_MAY_PORTS & ~KR_MAY_OTHER_PORT;
    const struct {
        uint32_t on, may;
        bool v4, v6, forward;
        enum kr_verdict want;
    } rows[] = {
        {out, one | KR_MAY_PORT(0), true, true, false, KR_HOLDS},
        {out, one | KR_MAY_PORT(1), true, true, false, KR_BROKEN}, /* guarded only */
        {out, one | KR_MAY_PORT(0), true, false, false, KR_BROKEN},
        {out, (one | KR_MAY_PORT(0)) & ~KR_MAY_V6, true, false, false, KR_HOLDS},
        {out, (one | KR_MAY_PORT(0)) & ~KR_MAY_V4, true, false, false, KR_BROKEN},
        {out, KR_MAY_ALL & ~KR_MAY_PORTS, true, true, false, KR_HOLDS},
        {pre, one | KR_MAY_PORT(0), true, true, false, KR_BROKEN},
        {pre, one | KR_MAY_PORT(0), true, true, true, KR_HOLDS},
        {pre, (one | KR_MAY_PORT(0)) & ~KR_MAY_TO_ELSEWHERE, true, true, false, KR_HOLDS},
        {1u << NF_INET_POST_ROUTING, KR_MAY_ALL, false, false, false, KR_HOLDS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_scene s = scene(rows[i].on, KR_DOES_MAP, rows[i].may);
        s.sink4 = rows[i].v4 ? &sink : NULL;
        s.sink6 = rows[i].v6 ? &sink : NULL;
        s.forward = rows[i].forward;
        strcpy(chains[0].type, "nat");
        chains[0].priority = -100;
        if (run(kr_check_nat_order, s) != rows[i].want)
            fail_msg("row %zu", i);
    }
}

static void flowtable(void **state)
{
    (void)state;
    struct kr_scene s = scene(0, KR_DOES_OFFLOAD, KR_MAY_ALL);
    flowtables[0] = (struct kr_scan_flowtable){.name = flows, .flags = NFT_FLOWTABLE_HW_OFFLOAD};
    scan.flowtables = flowtables;
    scan.n_flowtables = 1;
    assert_int_equal(run(kr_check_flowtable, s), KR_HOLDS);
    flowtables[0].devices = dev;
    assert_int_equal(run(kr_check_flowtable, s), KR_BROKEN);
    assert_string_equal(result.v[0].ifname, "veth7");
    assert_string_equal(result.v[0].object, "inet t/f");
    assert_non_null(strstr(result.v[0].detail, "hardware"));
}

static void legacy(void **state)
{
    static const struct {
        const char *file, *text;
        enum kr_verdict want;
    } rows[] = {
        {"ip_tables_names", "", KR_HOLDS},
        {"ip_tables_names", "filter\n", KR_HOLDS},
        {"ip_tables_names", "security\nfilter\n", KR_HOLDS},
        {"ip_tables_names", "filter\nnat\n", KR_BROKEN},
        {"ip6_tables_names", "raw\n", KR_BROKEN},
        {"ip6_tables_names", "mangle", KR_BROKEN},
        {"ip6_tables_names", "somenew\n", KR_IN_DOUBT},
        {"arp_tables_names", "filter\n", KR_HOLDS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kr_result_free(&result);
        kr_legacy_judge(&result, rows[i].file, rows[i].text);
        if (result.verdict != rows[i].want)
            fail_msg("row %zu", i);
    }
}

#define HEAD                                        \
    "IP Virtual Server version 1.2.1 (size=4096)\n" \
    "Prot LocalAddress:Port Scheduler Flags\n"      \
    "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"

static void ipvs(void **state)
{
    static const struct {
        const char *text;
        int bad;
        enum kr_verdict want;
    } rows[] = {
        {HEAD, 0, KR_HOLDS},
        {HEAD
         "TCP  CB007105:0019 rr \n  -> 0A000001:0019      Masq    1      0          0         \n",
         0, KR_BROKEN},
        {HEAD "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:024B wlc persistent 300 FFFFFFFF\n",
         0, KR_BROKEN},
        {HEAD "TCP  CB007105:0050 rr \n  -> 0A000001:0019      Masq    1      0          0\n", 0,
         KR_HOLDS},
        {HEAD "UDP  CB007105:0019 rr\n", 0, KR_HOLDS},
        {HEAD "TCP  CB007105:0000 rr persistent 300\n", 0, KR_BROKEN},
        {HEAD "FWM  00000001 rr \n", 0, KR_IN_DOUBT},
        {HEAD "TCP\n", -1, KR_HOLDS},
        {HEAD "TCP  CB007105:zz rr\n", -1, KR_HOLDS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kr_err e = {0};
        kr_result_free(&result);
        int bad = kr_ipvs_judge(&result, rows[i].text, ports, 2, &e);
        if (bad != rows[i].bad || result.verdict != rows[i].want || (bad && e.exit != KR_UNKNOWN))
            fail_msg("row %zu", i);
    }
}

static void listeners(void **state)
{
    (void)state;
    kr_result_free(&result);
    assert_int_equal(kr_queue_judge(&result, "", KR_IN_DOUBT, "x"), 0);
    assert_int_equal(result.verdict, KR_HOLDS);
    const char *line = "    7  12345     0 2 65531     0     0        0  1\n";
    assert_int_equal(kr_queue_judge(&result, line, KR_HOLDS, "x"), 1);
    assert_int_equal(result.v[0].handle, 7);
    assert_non_null(strstr(result.v[0].detail, "12345"));
    assert_int_equal(result.verdict, KR_HOLDS);
    assert_int_equal(kr_queue_judge(&result, "what?\n", KR_HOLDS, "x"), 0);
    assert_int_equal(result.verdict, KR_IN_DOUBT);
    kr_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown),   cmocka_unit_test(ports_count), cmocka_unit_test(order),
        cmocka_unit_test(flowtable), cmocka_unit_test(legacy),      cmocka_unit_test(ipvs),
        cmocka_unit_test(listeners),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

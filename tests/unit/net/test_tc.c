/* Traffic control as kernels say it, also those parts that this one does not have. */
#include "../base/cmocka_all.h"
#include "netlink.h"

#include <kr/err.h>
#include <kr/tc.h>

#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>

static struct kr_tc tc;
static struct a_message m;

static int begin(void **state)
{
    (void)state;
    memset(&tc, 0, sizeof tc);
    return 0;
}

static int end(void **state)
{
    (void)state;
    kr_tc_free(&tc);
    return 0;
}

static void qdisc(const char *kind)
{
    const struct tcmsg t = {.tcm_ifindex = 3, .tcm_handle = 0x10000, .tcm_parent = TC_H_ROOT};
    a_begin(&m, RTM_NEWQDISC, &t, sizeof t);
    a_text(&m, TCA_KIND, kind);
}

static struct rtattr *filter(const char *kind)
{
    const struct tcmsg t = {.tcm_ifindex = (int)TCM_IFINDEX_MAGIC_BLOCK, /* a shared block */
                            .tcm_handle = 0x801,
                            .tcm_parent = 22,
                            .tcm_info = 49152u << 16};
    a_begin(&m, RTM_NEWTFILTER, &t, sizeof t);
    a_text(&m, TCA_KIND, kind);
    return an_attr(&m, TCA_OPTIONS, NULL, 0);
}

static void action(uint16_t nth, const char *kind, unsigned target)
{
    const struct tc_mirred parms = {.eaction = TCA_EGRESS_REDIR, .ifindex = target};
    struct rtattr *one = an_attr(&m, nth, NULL, 0);
    a_text(&m, TCA_ACT_KIND, kind);
    struct rtattr *options = an_attr(&m, TCA_ACT_OPTIONS | NLA_F_NESTED, NULL, 0);
    if (target)
        an_attr(&m, TCA_MIRRED_PARMS, &parms, sizeof parms);
    an_end(&m, options);
    an_end(&m, one);
}

static const struct kr_tc_filter *read_filter(void)
{
    struct kr_err e = {0};
    if (kr_tc_filter_row(&m.h, 3, &tc, &e))
        fail_msg("%s", e.msg);
    return tc.n_filters ? &tc.filters[tc.n_filters - 1] : NULL;
}

static void unreadable(void)
{
    struct kr_err e = {0};
    assert_int_equal(kr_tc_filter_row(&m.h, 3, &tc, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
}

static void qdiscs(void **state)
{
    struct kr_err e = {0};
    (void)state;
    qdisc("fq_codel");
    assert_int_equal(kr_tc_qdisc_row(&m.h, &tc, &e), 0);
    qdisc("red");
    struct rtattr *options = an_attr(&m, TCA_OPTIONS, NULL, 0);
    a_u32(&m, TCA_RED_MARK_BLOCK, 7);
    an_end(&m, options);
    assert_int_equal(kr_tc_qdisc_row(&m.h, &tc, &e), 0);
    assert_int_equal(tc.n_qdiscs, 2);
    assert_string_equal(tc.qdiscs[0].kind, "fq_codel");
    assert_int_equal(tc.qdiscs[0].handle, 0x10000);
    assert_false(tc.qdiscs[0].qevents);
    assert_true(tc.qdiscs[1].qevents);
}

static void a_qdisc_without_a_kind(void **state)
{
    const struct tcmsg t = {.tcm_ifindex = 3};
    struct kr_err e = {0};
    (void)state;
    a_begin(&m, RTM_NEWQDISC, &t, sizeof t);
    assert_int_equal(kr_tc_qdisc_row(&m.h, &tc, &e), -1);
    an_attr(&m, TCA_KIND, "xx", 2); /* no end */
    assert_int_equal(kr_tc_qdisc_row(&m.h, &tc, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
}

static void actions(void **state)
{
    (void)state;
    struct rtattr *options = filter("flower"), *list = an_attr(&m, TCA_FLOWER_ACT, NULL, 0);
    action(1, "pedit", 0);
    action(2, "mirred", 9);
    an_end(&m, list);
    a_u32(&m, TCA_FLOWER_FLAGS, TCA_CLS_FLAGS_IN_HW);
    an_end(&m, options);
    const struct kr_tc_filter *f = read_filter();
    assert_int_equal(f->ifindex, 3);
    assert_int_equal(f->pref, 49152);
    assert_int_equal(f->block, 22);
    assert_int_equal(f->flags, TCA_CLS_FLAGS_IN_HW);
    assert_int_equal(f->n_actions, 2);
    assert_string_equal(tc.actions[0].kind, "pedit");
    assert_string_equal(tc.actions[1].kind, "mirred");
    assert_int_equal(tc.actions[1].target, 9);
    assert_false(f->unknown_kind || f->program);
}

static void every_kind_keeps_its_actions_somewhere(void **state)
{
    static const struct {
        const char *kind;
        int act;
    } kinds[] = {{"u32", TCA_U32_ACT},       {"matchall", TCA_MATCHALL_ACT},
                 {"basic", TCA_BASIC_ACT},   {"fw", TCA_FW_ACT},
                 {"route", TCA_ROUTE4_ACT},  {"flow", TCA_FLOW_ACT},
                 {"cgroup", TCA_CGROUP_ACT}, {"bpf", TCA_BPF_ACT}};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct rtattr *options = filter(kinds[i].kind);
        struct rtattr *list = an_attr(&m, kinds[i].act, NULL, 0);
        action(1, "mirred", 5);
        an_end(&m, list);
        an_end(&m, options);
        const struct kr_tc_filter *f = read_filter();
        assert_int_equal(f->n_actions, 1);
        assert_int_equal(tc.actions[f->first_action].target, 5);
    }
}

static void programs(void **state)
{
    static const char code[8] = {6};
    (void)state;
    struct rtattr *options = filter("bpf");
    a_u32(&m, TCA_BPF_ID, 77);
    an_end(&m, options);
    assert_true(read_filter()->program);
    assert_int_equal(tc.filters[0].prog, 77);
    options = filter("bpf"); /* a classic one */
    an_attr(&m, TCA_BPF_OPS, code, sizeof code);
    an_end(&m, options);
    assert_false(read_filter()->program);
    options = filter("bpf"); /* neither says what it is */
    an_end(&m, options);
    assert_true(read_filter()->program);
}

static void of_newer_kernels(void **state)
{
    (void)state;
    struct rtattr *options = filter("oracle");
    an_end(&m, options);
    assert_true(read_filter()->unknown_kind);
    options = filter("matchall"); /* a mirred to a block has no device */
    struct rtattr *list = an_attr(&m, TCA_MATCHALL_ACT, NULL, 0);
    struct rtattr *one = an_attr(&m, 1, NULL, 0);
    const struct tc_mirred parms = {.eaction = TCA_EGRESS_MIRROR};
    a_text(&m, TCA_ACT_KIND, "mirred");
    struct rtattr *inner = an_attr(&m, TCA_ACT_OPTIONS, NULL, 0);
    an_attr(&m, TCA_MIRRED_PARMS, &parms, sizeof parms);
    a_u32(&m, 4, 11); /* TCA_MIRRED_BLOCKID */
    an_end(&m, inner);
    an_end(&m, one);
    an_end(&m, list);
    an_end(&m, options);
    assert_int_equal(read_filter()->n_actions, 1);
    assert_int_equal(tc.actions[0].target, 0);
}

static void a_head_is_no_filter(void **state)
{
    const struct tcmsg t = {.tcm_ifindex = 3};
    (void)state;
    a_begin(&m, RTM_NEWTFILTER, &t, sizeof t);
    a_text(&m, TCA_KIND, "u32");
    assert_null(read_filter());
    struct rtattr *options = filter("u32"); /* a hash table */
    a_u32(&m, TCA_U32_DIVISOR, 1);
    an_end(&m, options);
    assert_null(read_filter());
}

static void torn(void **state)
{
    (void)state;
    struct rtattr *options = filter("u32"), *list = an_attr(&m, TCA_U32_ACT, NULL, 0);
    action(1, "mirred", 0); /* without its parameters */
    an_end(&m, list);
    an_end(&m, options);
    unreadable();
    options = filter("u32");
    list = an_attr(&m, TCA_U32_ACT, NULL, 0);
    struct rtattr *one = an_attr(&m, 1, NULL, 0); /* without a kind */
    an_end(&m, one);
    an_end(&m, list);
    an_end(&m, options);
    unreadable();
    options = filter("u32");
    an_attr(&m, TCA_U32_ACT, "\377\377", 2); /* less than an attribute */
    an_end(&m, options);
    unreadable();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(qdiscs),
        TEST(a_qdisc_without_a_kind),
        TEST(actions),
        TEST(every_kind_keeps_its_actions_somewhere),
        TEST(programs),
        TEST(of_newer_kernels),
        TEST(a_head_is_no_filter),
        TEST(torn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

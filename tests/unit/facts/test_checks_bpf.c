/* How programs, filters and routes are judged, also those that this kernel does not have. */
#include "../base/cmocka_all.h"
#include "view.h"

#include <kr/bpf.h>
#include <kr/err.h>
#include <kr/netns.h>
#include <kr/scene.h>
#include <kr/tc.h>

#include <errno.h>
#include <linux/lwtunnel.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stdio.h>

#define N(a) (sizeof(a) / sizeof *(a))
#define INGRESS 0xfffffff2

static struct world net;
static struct kr_scene scene;
static struct kr_result result;
static struct kr_bpf bpf;
static struct kr_bpf_prog progs[8];
static struct kr_bpf_link links[8];
static struct kr_tc tc;
static struct kr_tc_filter filters[8];
static struct kr_tc_action actions[8];
static struct kr_tc_qdisc qdiscs[8];

static int begin(void **state)
{
    (void)state;
    memset(&bpf, 0, sizeof bpf);
    memset(&tc, 0, sizeof tc);
    memset(filters, 0, sizeof filters);
    memset(actions, 0, sizeof actions);
    memset(qdiscs, 0, sizeof qdiscs);
    memset(progs, 0, sizeof progs);
    memset(links, 0, sizeof links);
    plain_host(&net);
    a_link(&net, "ifb0", "ifb", 1);
    a_link(&net, "nk0", "netkit", 1);
    bpf.progs = progs;
    bpf.links = links;
    tc.filters = filters;
    tc.actions = actions;
    tc.qdiscs = qdiscs;
    scene = (struct kr_scene){.view = &net.v, .bpf = &bpf, .tc = &tc};
    return 0;
}

static int end(void **state)
{
    (void)state;
    kr_result_free(&result);
    free_world(&net);
    return 0;
}

static int run(const char *id)
{
    struct kr_err e = {0};
    kr_result_free(&result);
    for (size_t i = 0; i < kr_checks_bpf.n; i++)
        if (strcmp(kr_checks_bpf.v[i].id, id) == 0)
            return kr_checks_bpf.v[i].run(&scene, &result, &e);
    fail_msg("no check %s", id);
    return -1;
}

static enum kr_verdict verdict_of(const char *id)
{
    assert_int_equal(run(id), 0);
    return result.verdict;
}

static bool said(const char *text)
{
    for (size_t i = 0; i < result.n; i++)
        if (strstr(result.v[i].object, text) || strstr(result.v[i].detail, text))
            return true;
    return false;
}

static struct kr_tc_filter *a_filter(const char *dev, const char *kind)
{
    struct kr_tc_filter *f = &filters[tc.n_filters++];
    *f = (struct kr_tc_filter){
        .ifindex = index_of(&net, dev), .parent = INGRESS, .pref = 7, .first_action = tc.n_actions};
    strcpy(f->kind, kind);
    return f;
}

static void an_action(struct kr_tc_filter *f, const char *kind, const char *target)
{
    struct kr_tc_action *a = &actions[tc.n_actions++];
    strcpy(a->kind, kind);
    a->target = target ? index_of(&net, target) : 0;
    f->n_actions++;
}

static struct kr_bpf_prog *a_prog(uint32_t id, uint32_t type, const char *name)
{
    struct kr_bpf_prog *p = &progs[bpf.n_progs++];
    *p = (struct kr_bpf_prog){.id = id, .type = type};
    strcpy(p->name, name);
    return p;
}

static void a_bpf_link(uint32_t prog, uint32_t type, uint32_t where, uint32_t attach)
{
    links[bpf.n_links++] = (struct kr_bpf_link){
        .id = 50, .type = type, .prog = prog, .where = where, .attach = attach};
}

/* ---- every row ----------------------------------------------------------------------------------
 */

static void each_check_says_all(void **state)
{
    (void)state;
    assert_int_equal(kr_checks_bpf.n, 10);
    for (size_t i = 0; i < kr_checks_bpf.n; i++) {
        const struct kr_check *c = &kr_checks_bpf.v[i];
        assert_true(*c->id && *c->title && *c->why && *c->how && *c->remedy && c->run);
        assert_true(c->waivable && !c->advice && c->phase == KR_STATIC);
    }
}

static void nothing_there(void **state)
{
    static const char *const ids[] = {"tc-filters",         "tc-qdisc", "tc-offload",
                                      "cgroup-bpf",         "sockmap",  "lwt-programs",
                                      "bpf-netfilter-links"};
    (void)state;
    for (size_t i = 0; i < N(ids); i++) {
        assert_int_equal(verdict_of(ids[i]), KR_HOLDS);
        assert_int_equal(result.n, 1); /* and says how it knows */
    }
}

static void no_bpf_in_the_kernel(void **state)
{
    static const char *const ids[] = {"tcx-netkit", "cgroup-bpf", "sockmap", "bpf-netfilter-links"};
    (void)state;
    bpf.absent = true;
    for (size_t i = 0; i < N(ids); i++) {
        assert_int_equal(verdict_of(ids[i]), KR_HOLDS);
        assert_true(said("ENOSYS"));
    }
}

/* ---- traffic control ----------------------------------------------------------------------------
 */

static void filters_that_only_classify(void **state)
{
    static const char *const good[] = {"gact", "police", "skbedit", "csum", "sample"};
    (void)state;
    a_filter("eth0", "u32");
    for (size_t i = 0; i < N(good); i++)
        an_action(a_filter("eth0", "flower"), good[i], NULL);
    assert_int_equal(verdict_of("tc-filters"), KR_HOLDS);
    assert_true(said("6 of 6"));
}

static void each_action_that_does_more(void **state)
{
    static const char *const bad[] = {"pedit", "skbmod", "nat",        "ct",  "bpf",
                                      "vlan",  "mpls",   "tunnel_key", "ife", "ipt"};
    (void)state;
    for (size_t i = 0; i < N(bad); i++) {
        tc.n_filters = tc.n_actions = 0;
        memset(actions, 0, sizeof actions);
        an_action(a_filter("eth0", "u32"), "gact", NULL);
        an_action(&filters[0], bad[i], NULL);
        assert_int_equal(verdict_of("tc-filters"), KR_BROKEN);
        assert_string_equal(result.v[0].ifname, "eth0");
        assert_string_equal(result.v[0].object, "dev eth0 ingress pref 7 u32");
        assert_true(said(bad[i]));
    }
}

static void an_action_of_a_newer_kernel(void **state)
{
    (void)state;
    an_action(a_filter("eth0", "u32"), "teleport", NULL);
    assert_int_equal(verdict_of("tc-filters"), KR_IN_DOUBT);
    tc.n_filters = 0;
    a_filter("eth0", "oracle")->unknown_kind = true;
    assert_int_equal(verdict_of("tc-filters"), KR_IN_DOUBT);
}

static void where_a_mirred_leads(void **state)
{
    (void)state;
    an_action(a_filter("lo", "matchall"), "mirred", "eth0");
    assert_int_equal(verdict_of("tc-filters"), KR_BROKEN);
    assert_true(said("sends packets to eth0"));
    actions[0].target = index_of(&net, "ifb0");
    assert_int_equal(verdict_of("tc-filters"), KR_HOLDS);
    assert_true(said("ifb0, which gives them back"));
    actions[0].target = 0;
    assert_int_equal(verdict_of("tc-filters"), KR_BROKEN);
    assert_true(said("devices of a block"));
    actions[0].target = 4711; /* a device that came since */
    assert_int_equal(verdict_of("tc-filters"), KR_BROKEN);
    assert_true(said("#4711"));
}

static void a_program_as_filter(void **state)
{
    (void)state;
    struct kr_tc_filter *f = a_filter("eth0", "bpf");
    assert_int_equal(verdict_of("tc-filters"), KR_HOLDS); /* a classic one */
    f->program = true;
    f->prog = 77;
    a_prog(77, BPF_PROG_TYPE_SCHED_CLS, "cil_from_netdev");
    assert_int_equal(verdict_of("tc-filters"), KR_BROKEN);
    assert_true(said("77 (cil_from_netdev)"));
    assert_int_equal(result.v[0].handle, 77);
}

static void in_hardware(void **state)
{
    (void)state;
    struct kr_tc_filter *f = a_filter("eth0", "flower");
    an_action(f, "gact", NULL);
    f->flags = TCA_CLS_FLAGS_NOT_IN_HW;
    assert_int_equal(verdict_of("tc-offload"), KR_HOLDS);
    f->flags = TCA_CLS_FLAGS_IN_HW;
    assert_int_equal(verdict_of("tc-offload"), KR_HOLDS);
    assert_true(said("in_hw"));
    strcpy(actions[0].kind, "mirred");
    assert_int_equal(verdict_of("tc-offload"), KR_BROKEN);
    f->flags = TCA_CLS_FLAGS_SKIP_SW;
    assert_int_equal(verdict_of("tc-offload"), KR_BROKEN);
    assert_true(said("skip_sw"));
}

static void kinds_of_qdisc(void **state)
{
    static const struct {
        const char *kind;
        enum kr_verdict verdict;
    } kinds[] = {{"noqueue", KR_HOLDS}, {"fq_codel", KR_HOLDS}, {"netem", KR_HOLDS},
                 {"clsact", KR_HOLDS},  {"plug", KR_IN_DOUBT},  {"teql0", KR_IN_DOUBT},
                 {"atm", KR_IN_DOUBT},  {"bpf_fq", KR_IN_DOUBT}};
    (void)state;
    for (size_t i = 0; i < N(kinds); i++) {
        tc.n_qdiscs = 1;
        qdiscs[0] = (struct kr_tc_qdisc){.ifindex = index_of(&net, "eth0"), .handle = 0x10000};
        strcpy(qdiscs[0].kind, kinds[i].kind);
        assert_int_equal(verdict_of("tc-qdisc"), kinds[i].verdict);
    }
    strcpy(qdiscs[0].kind, "red");
    assert_int_equal(verdict_of("tc-qdisc"), KR_HOLDS);
    qdiscs[0].qevents = true;
    assert_int_equal(verdict_of("tc-qdisc"), KR_IN_DOUBT);
}

/* ---- sockets and netfilter ----------------------------------------------------------------------
 */

static void sockmaps(void **state)
{
    (void)state;
    struct kr_bpf_prog *p = a_prog(3, BPF_PROG_TYPE_SK_MSG, "istio");
    assert_int_equal(verdict_of("sockmap"), KR_IN_DOUBT);
    p->sockmap = 9;
    assert_int_equal(verdict_of("sockmap"), KR_BROKEN);
    assert_true(said("sockmap 9"));
    p->type = BPF_PROG_TYPE_SK_SKB;
    p->sockmap = 0;
    a_bpf_link(3, KR_BPF_LINK_SOCKMAP, 11, BPF_SK_SKB_VERDICT);
    assert_int_equal(verdict_of("sockmap"), KR_BROKEN);
    assert_true(said("sockmap 11"));
    assert_true(said("held by link 50"));
}

static void lookups(void **state)
{
    ino_t own;
    (void)state;
    assert_int_equal(kr_netns_inode(&own, NULL), 0);
    a_prog(3, BPF_PROG_TYPE_SK_LOOKUP, "");
    assert_int_equal(verdict_of("sockmap"), KR_IN_DOUBT);
    a_bpf_link(3, BPF_LINK_TYPE_NETNS, 1, BPF_SK_LOOKUP);
    assert_int_equal(verdict_of("sockmap"), KR_HOLDS);
    a_bpf_link(3, BPF_LINK_TYPE_NETNS, (uint32_t)own, BPF_SK_LOOKUP);
    assert_int_equal(verdict_of("sockmap"), KR_BROKEN);
    bpf.n_links = 0;
}

static void harmless_programs(void **state)
{
    (void)state;
    a_prog(1, BPF_PROG_TYPE_CGROUP_DEVICE, "sd_devices");
    a_prog(2, BPF_PROG_TYPE_CGROUP_SKB, "sd_fw_egress");
    a_prog(3, BPF_PROG_TYPE_CGROUP_SYSCTL, "sysctl_monitor");
    a_prog(4, BPF_PROG_TYPE_TRACING, "fentry");
    a_prog(5, BPF_PROG_TYPE_SK_REUSEPORT, "group");
    assert_int_equal(verdict_of("sockmap"), KR_HOLDS);
    assert_int_equal(verdict_of("cgroup-bpf"), KR_HOLDS);
    assert_true(said("1 programs (IPAddressDeny="));
    assert_int_equal(verdict_of("bpf-netfilter-links"), KR_HOLDS);
}

static void netfilter(void **state)
{
    (void)state;
    bpf.n_links = 0;
    a_prog(3, KR_BPF_PROG_NETFILTER, "nf");
    assert_int_equal(verdict_of("bpf-netfilter-links"), KR_HOLDS);
    a_bpf_link(3, KR_BPF_LINK_NETFILTER, 10, 4);
    links[0].priority = -150;
    assert_int_equal(verdict_of("bpf-netfilter-links"), KR_IN_DOUBT);
    assert_true(said("postrouting of ip6, priority -150"));
    links[0].attach = 99;
    assert_int_equal(verdict_of("bpf-netfilter-links"), KR_IN_DOUBT);
    bpf.n_links = 0;
}

/* ---- what is asked of the kernel ----------------------------------------------------------------
 */

static int answer[64]; /* by attach type: programs attached, or a negative errno value */

static long asked(int cmd, union bpf_attr *a, unsigned size)
{
    (void)size;
    assert_int_equal(cmd, BPF_PROG_QUERY);
    int got = answer[a->query.attach_type];
    if (got < 0) {
        errno = -got;
        return -1;
    }
    a->query.prog_cnt = (uint32_t)got;
    for (int i = 0; i < got; i++)
        ((uint32_t *)(uintptr_t)a->query.prog_ids)[i] = 70 + (uint32_t)i;
    return 0;
}

static void answers(int tcx, int netkit)
{
    kr_bpf_call = asked;
    answer[KR_BPF_TCX_INGRESS] = answer[KR_BPF_TCX_EGRESS] = tcx;
    answer[KR_BPF_NETKIT_PRIMARY] = answer[KR_BPF_NETKIT_PEER] = netkit;
}

static void devices(void **state)
{
    (void)state;
    answers(-EINVAL, -EINVAL); /* a kernel without either */
    assert_int_equal(verdict_of("tcx-netkit"), KR_HOLDS);
    assert_true(said("EINVAL"));
    answers(0, -EINVAL);
    assert_int_equal(verdict_of("tcx-netkit"), KR_HOLDS);
    answers(0, 2);
    assert_int_equal(verdict_of("tcx-netkit"), KR_BROKEN);
    assert_true(said("71 at netkit_peer"));
    assert_string_equal(result.v[0].ifname, "nk0");
    answers(0, -EACCES);
    assert_int_equal(verdict_of("tcx-netkit"), KR_IN_DOUBT);
    assert_true(said("primary end"));
    answers(1, 0);
    assert_int_equal(verdict_of("tcx-netkit"), KR_BROKEN);
    answers(-EPERM, 0);
    assert_int_equal(verdict_of("tcx-netkit"), KR_IN_DOUBT);
    answers(-ENODEV, -ENODEV);
    assert_int_equal(verdict_of("tcx-netkit"), KR_HOLDS);
}

static long refused(int cmd, union bpf_attr *a, unsigned size)
{
    (void)cmd;
    (void)a;
    (void)size;
    errno = EPERM;
    return -1;
}

static void a_list_refused(void **state)
{
    static const char *const ids[] = {"tcx-netkit", "cgroup-bpf", "sockmap", "bpf-netfilter-links",
                                      "xdp-programs"};
    (void)state;
    kr_bpf_call = refused;
    scene.bpf = NULL;
    for (size_t i = 0; i < N(ids); i++)
        assert_int_equal(run(ids[i]), -1);
}

/* ---- routes -------------------------------------------------------------------------------------
 */

static void encapsulations(void **state)
{
    static const struct {
        uint16_t encap;
        enum kr_verdict verdict;
    } kinds[] = {{LWTUNNEL_ENCAP_MPLS, KR_HOLDS},
                 {LWTUNNEL_ENCAP_IP, KR_HOLDS},
                 {LWTUNNEL_ENCAP_SEG6, KR_HOLDS},
                 {LWTUNNEL_ENCAP_BPF, KR_BROKEN},
                 {LWTUNNEL_ENCAP_SEG6_LOCAL, KR_IN_DOUBT},
                 {LWTUNNEL_ENCAP_ILA, KR_IN_DOUBT},
                 {LWTUNNEL_ENCAP_IOAM6, KR_IN_DOUBT},
                 {0, KR_IN_DOUBT},
                 {200, KR_IN_DOUBT}};
    (void)state;
    struct kr_route *r = a_route(&net, "198.51.100.0/24", "eth0", NULL);
    for (size_t i = 0; i < N(kinds); i++) {
        r->has_encap = true;
        r->encap = kinds[i].encap;
        assert_int_equal(verdict_of("lwt-programs"), kinds[i].verdict);
        assert_string_equal(result.v[0].object, "route 198.51.100.0/24 table 254");
        assert_string_equal(result.v[0].ifname, "eth0");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_check_says_all),
        TEST(nothing_there),
        TEST(no_bpf_in_the_kernel),
        TEST(filters_that_only_classify),
        TEST(each_action_that_does_more),
        TEST(an_action_of_a_newer_kernel),
        TEST(where_a_mirred_leads),
        TEST(a_program_as_filter),
        TEST(in_hardware),
        TEST(kinds_of_qdisc),
        TEST(sockmaps),
        TEST(lookups),
        TEST(harmless_programs),
        TEST(netfilter),
        TEST(devices),
        TEST(a_list_refused),
        TEST(encapsulations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

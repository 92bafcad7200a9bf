/* The kernel's list of hooks, from answers made up here: many kernels are built without it. */
#include "scan_kernel.h"

#include <kr/nft_hooks.h>
#include <linux/netfilter/nfnetlink_hook.h>

static void say_hook(int priority, const char *function, const char *module, uint32_t kind)
{
    struct nlmsghdr *m = message(0, NFPROTO_IPV4);
    m->nlmsg_type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET;
    mnl_attr_put_u32(m, NFNLA_HOOK_PRIORITY, htonl((uint32_t)priority));
    mnl_attr_put_strz(m, NFNLA_HOOK_FUNCTION_NAME, function);
    if (module)
        mnl_attr_put_strz(m, NFNLA_HOOK_MODULE_NAME, module);
    if (kind) {
        struct nlattr *info = mnl_attr_nest_start(m, NFNLA_HOOK_CHAIN_INFO);
        mnl_attr_put_u32(m, NFNLA_HOOK_INFO_TYPE, htonl(kind));
        struct nlattr *desc = mnl_attr_nest_start(m, NFNLA_HOOK_INFO_DESC);
        mnl_attr_put_strz(m, NFTA_CHAIN_TABLE, "t");
        mnl_attr_put_strz(m, NFTA_CHAIN_NAME, "c");
        mnl_attr_nest_end(m, desc);
        mnl_attr_nest_end(m, info);
    }
    say_message(m);
}

static int ask_hooks(struct kr_hook **v, size_t *n, struct kr_err *e)
{
    return kr_nft_hooks(NFPROTO_IPV4, NF_INET_LOCAL_OUT, NULL, v, n, e);
}

static void listed(void **state)
{
    struct kr_hook *v = NULL;
    size_t n = 0;
    struct kr_err e = {0};
    (void)state;
    say_hook(-100, "nf_nat_ipv4_local_fn", "nf_nat", 0);
    say_hook(INT_MAX, "nft_do_chain_inet", "nf_tables", NFNL_HOOK_TYPE_NFTABLES);
    say_hook(5, "bpf_prog", NULL, 2);
    again = 2; /* interrupted twice: nothing is listed twice */
    assert_int_equal(ask_hooks(&v, &n, &e), 1);
    assert_int_equal(n, 3);
    assert_int_equal(v[0].priority, -100);
    assert_string_equal(v[0].function, "nf_nat_ipv4_local_fn");
    assert_string_equal(v[0].module, "nf_nat");
    assert_string_equal(v[1].chain, "t/c");
    assert_int_equal(v[1].priority, INT_MAX);
    assert_int_equal(v[2].kind, 2);
    assert_string_equal(v[2].chain, "");
    free(v);
}

static void not_told(void **state)
{
    static const int none[] = {EINVAL, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT};
    struct kr_hook *v = NULL;
    size_t n = 0;
    struct kr_err e = {0};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        refusal = none[i];
        assert_int_equal(ask_hooks(&v, &n, &e), 0);
        assert_null(v);
    }
    refusal = ENOMEM;
    assert_int_equal(ask_hooks(&v, &n, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
    refusal = KR_NL_AGAIN;
    assert_int_equal(ask_hooks(&v, &n, &e), -1);
}

static void malformed(void **state)
{
    struct kr_hook *v = NULL;
    size_t n = 0;
    struct kr_err e = {0};
    (void)state;
    struct nlmsghdr *m = message(0, NFPROTO_IPV4);
    m->nlmsg_type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET;
    say_message(m); /* without a priority */
    assert_int_equal(ask_hooks(&v, &n, &e), -1);
    assert_int_equal(e.exit, KR_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(listed), TEST(not_told), TEST(malformed)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* IPsec policies and states, as NETLINK_XFRM tells of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../src/net/xfrm.c"

static struct nlmsghdr *policy(char *buf, uint8_t dir, uint8_t proto)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = XFRM_MSG_NEWPOLICY;
    struct xfrm_userpolicy_info *p = mnl_nlmsg_put_extra_header(nlh, sizeof *p);
    p->dir = dir;
    p->sel.proto = proto;
    return nlh;
}

static void offload(struct nlmsghdr *nlh, uint8_t flags)
{
    const struct xfrm_user_offload o = {.ifindex = 3, .flags = flags};
    mnl_attr_put(nlh, XFRMA_OFFLOAD_DEV, sizeof o, &o);
}

static void policies(void **state)
{
    struct kr_xfrm x = {0};
    char buf[1024];
    (void)state;
    assert_int_equal(on_policy(policy(buf, XFRM_POLICY_IN, IPPROTO_TCP), &x), 0);
    assert_int_equal(x.out, 0);
    assert_int_equal(on_policy(policy(buf, XFRM_POLICY_OUT, IPPROTO_UDP), &x), 0);
    assert_int_equal(on_policy(policy(buf, XFRM_POLICY_OUT, 0), &x), 0);
    assert_int_equal(x.out, 2);
    assert_int_equal(x.out_tcp, 1);
    struct nlmsghdr *nlh = policy(buf, XFRM_POLICY_OUT, IPPROTO_TCP);
    offload(nlh, 0); /* crypto only: the packet is made by the host */
    assert_int_equal(on_policy(nlh, &x), 0);
    assert_int_equal(x.offloaded, 0);
    nlh = policy(buf, XFRM_POLICY_OUT, IPPROTO_TCP);
    offload(nlh, OFFLOAD_PACKET);
    assert_int_equal(on_policy(nlh, &x), 0);
    assert_int_equal(x.offloaded, 1);
    assert_int_equal(x.device, 3);
    nlh->nlmsg_len = NLMSG_HDRLEN + 8;
    assert_int_equal(on_policy(nlh, &x), -1);
}

static void states(void **state)
{
    struct kr_xfrm x = {0};
    char buf[1024];
    (void)state;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = XFRM_MSG_NEWSA;
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct xfrm_usersa_info));
    offload(nlh, OFFLOAD_PACKET);
    assert_int_equal(on_state(nlh, &x), 0);
    assert_int_equal(x.states, 1);
    assert_int_equal(x.offloaded, 1);
    nlh->nlmsg_len = NLMSG_HDRLEN + 8;
    assert_int_equal(on_state(nlh, &x), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies),
        cmocka_unit_test(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

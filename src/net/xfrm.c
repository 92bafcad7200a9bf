#include <kr/xfrm.h>

#include <kr/err.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define TRIES 8
#define OFFLOAD_PACKET 4 /* XFRM_OFFLOAD_PACKET, Linux 6.2 */

static int read_offload(const struct nlmsghdr *nlh, size_t skip, struct kr_xfrm *x)
{
    struct nlattr *a[XFRMA_MAX + 1];
    if (nlmsg_parse((void *)(uintptr_t)nlh, (int)skip, a, XFRMA_MAX, NULL))
        return -1;
    if (!a[XFRMA_OFFLOAD_DEV] ||
        nla_len(a[XFRMA_OFFLOAD_DEV]) < (int)sizeof(struct xfrm_user_offload))
        return 0;
    const struct xfrm_user_offload *o = nla_data(a[XFRMA_OFFLOAD_DEV]);
    if (o->flags & OFFLOAD_PACKET) {
        x->offloaded++;
        x->device = (unsigned)o->ifindex;
    }
    return 0;
}

static int on_policy(const struct nlmsghdr *nlh, void *arg)
{
    const struct xfrm_userpolicy_info *p = mnl_nlmsg_get_payload(nlh);
    struct kr_xfrm *x = arg;
    if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY)
        return 0;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *p)
        return -1;
    if (p->dir != XFRM_POLICY_OUT)
        return 0;
    x->out++;
    x->out_tcp += p->sel.proto == 0 || p->sel.proto == IPPROTO_TCP;
    return read_offload(nlh, sizeof *p, x);
}

static int on_state(const struct nlmsghdr *nlh, void *arg)
{
    struct kr_xfrm *x = arg;
    if (nlh->nlmsg_type != XFRM_MSG_NEWSA)
        return 0;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct xfrm_usersa_info))
        return -1;
    x->states++;
    return read_offload(nlh, sizeof(struct xfrm_usersa_info), x);
}

static int dump(struct kr_nl *nl, int type, kr_nl_cb cb, struct kr_xfrm *x, struct kr_err *e)
{
    char buf[64];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = (uint16_t)type;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    return kr_nl_ask(nl, nlh, cb, x, e);
}

static int read_both(struct kr_nl *nl, struct kr_xfrm *x, struct kr_err *e)
{
    memset(x, 0, sizeof *x);
    int got = dump(nl, XFRM_MSG_GETPOLICY, on_policy, x, e);
    return got ? got : dump(nl, XFRM_MSG_GETSA, on_state, x, e);
}

int kr_xfrm_read(struct kr_xfrm *out, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct kr_err why = {0};
    int got = KR_NL_AGAIN;
    memset(out, 0, sizeof *out);
    if (kr_nl_open(&nl, NETLINK_XFRM, &why)) {
        out->absent = why.sys == EPROTONOSUPPORT;
        if (!out->absent && e)
            *e = why;
        return out->absent ? 0 : -1;
    }
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++)
        got = read_both(&nl, out, e);
    if (got > 0)
        return kr_fail(e, KR_UNKNOWN, got == KR_NL_AGAIN ? EINTR : got,
                       "reading IPsec policies and states");
    return got;
}

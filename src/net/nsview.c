#include <kr/nsview.h>

#include "netview_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define TRIES 8
#define LOWER_UP (1u << 16) /* IFF_LOWER_UP of <linux/if.h>, which <net/if.h> does not go with */

struct reading {
    struct kr_nsview *out;
    struct kr_netview one; /* what kr_nv_link makes of a message, a row at a time */
    struct kr_nv nv;
    struct kr_err *e;
};

static int ipvlan_mode(const struct kr_link *l, struct nlattr *info)
{
    struct nlattr *a[IFLA_INFO_MAX + 1], *data[IFLA_IPVLAN_MAX + 1];
    if (strcmp(l->kind, "ipvlan") != 0 && strcmp(l->kind, "ipvtap") != 0)
        return -1;
    if (!info || nla_parse_nested(a, IFLA_INFO_MAX, info, NULL) || !a[IFLA_INFO_DATA] ||
        nla_parse_nested(data, IFLA_IPVLAN_MAX, a[IFLA_INFO_DATA], NULL) ||
        !data[IFLA_IPVLAN_MODE] || nla_len(data[IFLA_IPVLAN_MODE]) < 2)
        return -1;
    return nla_get_u16(data[IFLA_IPVLAN_MODE]);
}

static uint32_t u32_of(const struct nlattr *a)
{
    return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

static int read_rest(const struct nlmsghdr *nlh, struct kr_far_link *l, struct kr_err *e)
{
    struct nlattr *a[IFLA_MAX + 1];
    if (nlmsg_parse((void *)(uintptr_t)nlh, sizeof(struct ifinfomsg), a, IFLA_MAX, NULL))
        return kr_nv_unreadable("a link", e);
    l->beyond = u32_of(a[IFLA_LINK]);
    l->nsid = a[IFLA_LINK_NETNSID] ? (int)u32_of(a[IFLA_LINK_NETNSID]) : KR_NSID_NONE;
    l->vfs = u32_of(a[IFLA_NUM_VF]);
    l->ipvlan_mode = ipvlan_mode(&l->link, a[IFLA_LINKINFO]);
    l->carrier = (l->link.flags & LOWER_UP) != 0;
    if (l->nsid == KR_NSID_NONE && l->beyond == l->link.index)
        l->beyond = 0;
    return 0;
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *r = arg;
    struct kr_nsview *out = r->out;
    if (nlh->nlmsg_type != RTM_NEWLINK)
        return 0;
    r->one.n_links = 0;
    if (kr_nv_link(nlh, &r->nv, r->e))
        return -1;
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    struct kr_far_link *l = &out->v[out->n++];
    *l = (struct kr_far_link){.link = r->one.links[0]};
    return read_rest(nlh, l, r->e);
}

static int dump_links(struct kr_nl *nl, struct reading *r)
{
    char buf[256];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = RTM_GETLINK;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
    /* The number of virtual functions comes with RTEXT_FILTER_VF only. */
    mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS);
    return kr_nl_ask(nl, nlh, on_link, r, r->e);
}

int kr_nsview_read(struct kr_nl *nl, struct kr_nsview *out, struct kr_err *e)
{
    struct reading r = {.out = out, .e = e};
    int got = KR_NL_AGAIN;
    r.nv.v = &r.one;
    memset(out, 0, sizeof *out);
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++) {
        out->n = 0;
        got = dump_links(nl, &r);
    }
    kr_netview_free(&r.one);
    if (got)
        kr_nsview_free(out);
    if (got == KR_NL_AGAIN)
        return kr_fail(e, KR_UNKNOWN, EINTR, "reading links: they changed each of %d times", TRIES);
    return got > 0 ? kr_fail(e, KR_UNKNOWN, got, "reading links") : got;
}

void kr_nsview_free(struct kr_nsview *v)
{
    free(v->v);
    memset(v, 0, sizeof *v);
}

struct ids {
    int *v;
    size_t n, cap;
};

static int on_nsid(const struct nlmsghdr *nlh, void *arg)
{
    struct ids *ids = arg;
    struct nlattr *a[NETNSA_MAX + 1];
    if (nlh->nlmsg_type != RTM_NEWNSID)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)nlh, sizeof(struct rtgenmsg), a, NETNSA_MAX, NULL) ||
        !a[NETNSA_NSID])
        return -1;
    ids->v = kr_grow(ids->v, &ids->cap, ids->n + 1, sizeof *ids->v);
    ids->v[ids->n++] = (int)u32_of(a[NETNSA_NSID]);
    return 0;
}

/* What was asked for, by an attribute or (0) all of them. 0, an errno value, or -1. */
static int ask(struct kr_nl *nl, uint16_t by, int value, struct ids *ids, struct kr_err *e)
{
    char buf[128];
    int got = KR_NL_AGAIN;
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++) {
        struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
        nlh->nlmsg_type = RTM_GETNSID;
        nlh->nlmsg_flags = by ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_DUMP;
        mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtgenmsg));
        if (by)
            mnl_attr_put_u32(nlh, by, (uint32_t)value);
        ids->n = 0;
        got = kr_nl_ask(nl, nlh, on_nsid, ids, e);
    }
    return got == KR_NL_AGAIN ? EINTR : got;
}

static int refused(int got, struct kr_err *e)
{
    return got > 0 ? kr_fail(e, KR_UNKNOWN, got, "asking for the ids of network namespaces") : got;
}

int kr_nsid_of(struct kr_nl *nl, int fd, int *out, struct kr_err *e)
{
    struct ids ids = {0};
    int got = refused(ask(nl, NETNSA_FD, fd, &ids, e), e);
    *out = !got && ids.n ? ids.v[0] : KR_NSID_NONE;
    if (!got && !ids.n)
        got = kr_fail(e, KR_UNKNOWN, 0, "the kernel gives no id for a network namespace");
    free(ids.v);
    return got;
}

int kr_nsid_alive(struct kr_nl *nl, int nsid, bool *out, struct kr_err *e)
{
    struct ids ids = {0};
    int got = ask(nl, NETNSA_NSID, nsid, &ids, e);
    free(ids.v);
    *out = got != ENOENT;
    return got == ENOENT || got == EINVAL ? 0 : refused(got, e);
}

int kr_nsid_list(struct kr_nl *nl, int **out, size_t *n, struct kr_err *e)
{
    struct ids ids = {0};
    int got = refused(ask(nl, 0, 0, &ids, e), e);
    if (got)
        free(ids.v);
    *out = got ? NULL : ids.v;
    *n = got ? 0 : ids.n;
    return got;
}

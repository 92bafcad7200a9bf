#include <kr/ct.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <unistd.h>

#define TRIES 10

struct reading {
    bool (*keep)(const struct kr_ct *c, void *arg);
    void *arg;
    struct kr_cts *out;
};

static bool addr(const struct nf_conntrack *ct, int l3, enum nf_conntrack_attr v4,
                 enum nf_conntrack_attr v6, struct kr_addr *out)
{
    const void *p = nfct_get_attr(ct, l3 == AF_INET ? v4 : v6);
    if (p)
        *out = kr_addr_make(l3, p);
    return p != NULL;
}

static bool understand(const struct nf_conntrack *ct, struct kr_ct *c)
{
    int l3 = nfct_get_attr_u8(ct, ATTR_ORIG_L3PROTO);
    if (l3 != AF_INET && l3 != AF_INET6)
        return false;
    c->sport = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_SRC));
    c->dport = ntohs(nfct_get_attr_u16(ct, ATTR_ORIG_PORT_DST));
    c->reply_sport = ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_SRC));
    c->reply_dport = ntohs(nfct_get_attr_u16(ct, ATTR_REPL_PORT_DST));
    return addr(ct, l3, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, &c->src) &&
           addr(ct, l3, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, &c->dst) &&
           addr(ct, l3, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, &c->reply_src) &&
           addr(ct, l3, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, &c->reply_dst);
}

static int on_entry(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *r = arg;
    struct kr_ct c = {0};
    struct nf_conntrack *ct = nfct_new();
    bool kept = false;
    int bad = !ct || nfct_nlmsg_parse(nlh, ct) < 0 ? -1 : 0;
    if (!bad && nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO) == IPPROTO_TCP && understand(ct, &c))
        kept = r->keep(&c, r->arg);
    if (kept) {
        c.entry = ct;
        r->out->v = kr_grow(r->out->v, &r->out->cap, r->out->n + 1, sizeof c);
        r->out->v[r->out->n++] = c;
    } else if (ct) {
        nfct_destroy(ct);
    }
    return bad;
}

static struct nlmsghdr *header(char *buf, uint16_t type, uint16_t flags, uint8_t family)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
    nlh->nlmsg_flags = NLM_F_REQUEST | flags;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(nlh, sizeof *g);
    g->nfgen_family = family;
    return nlh;
}

/* False only when this namespace is known to have no entry: then there is nothing to walk, and no
 * need for ctnetlink. */
static bool any_entries(void)
{
    char text[32] = "";
    KR_AUTO_FD int fd = open("/proc/sys/net/netfilter/nf_conntrack_count", O_RDONLY | O_CLOEXEC);
    return fd < 0 || read(fd, text, sizeof text - 1) <= 0 || strcmp(text, "0\n") != 0;
}

static int read_once(struct kr_nl *nl, struct reading *r, struct kr_err *e)
{
    char buf[256] = "";
    int got = kr_nl_ask(nl, header(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC), on_entry, r, e);
    if (got == EINVAL || got == EOPNOTSUPP)
        return kr_fail(e, KR_CANNOT, got, "listing connections (CONFIG_NF_CT_NETLINK)");
    return got > 0 && got != KR_NL_AGAIN ? kr_fail(e, KR_UNKNOWN, got, "listing connections") : got;
}

int kr_cts_read(bool (*keep)(const struct kr_ct *c, void *arg), void *arg, struct kr_cts *out,
                struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct reading r = {keep, arg, out};
    kr_cts_free(out);
    if (!any_entries())
        return 0;
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (int tries = 0; tries < TRIES; tries++) {
        kr_cts_free(out);
        int got = read_once(&nl, &r, e);
        if (got != KR_NL_AGAIN)
            return got;
    }
    return kr_fail(e, KR_UNKNOWN, 0, "the list of connections kept changing");
}

void kr_cts_free(struct kr_cts *c)
{
    for (size_t i = 0; i < c->n; i++)
        nfct_destroy(c->v[i].entry);
    free(c->v);
    memset(c, 0, sizeof *c);
}

int kr_cts_delete(const struct kr_cts *c, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    if (c->n && kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (size_t i = 0; i < c->n; i++) {
        char buf[1024] = "";
        uint8_t family = nfct_get_attr_u8(c->v[i].entry, ATTR_ORIG_L3PROTO);
        struct nlmsghdr *nlh = header(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family);
        if (nfct_nlmsg_build(nlh, c->v[i].entry) < 0)
            return kr_fail(e, KR_INTERNAL, 0, "a conntrack entry can't be put into a message");
        int got = kr_nl_ask(&nl, nlh, NULL, NULL, e);
        if (got && got != ENOENT)
            return got > 0 ? kr_fail(e, KR_UNKNOWN, got, "deleting a conntrack entry") : got;
    }
    return 0;
}

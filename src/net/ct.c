#include "ct_lib.h"

#include <kr/ct.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRIES 8
#define COUNT "/proc/sys/net/netfilter/nf_conntrack_count"

int kr_tuple_cmp(const struct kr_tuple *a, const struct kr_tuple *b)
{
    int c = kr_addr_cmp(&a->src, &b->src);
    if (!c)
        c = kr_addr_cmp(&a->dst, &b->dst);
    if (!c)
        c = (int)a->sport - (int)b->sport;
    return c ? c : (int)a->dport - (int)b->dport;
}

static void free_ct(struct nf_conntrack **ct)
{
    if (*ct)
        kr_nfct.destroy(*ct);
}
#define AUTO_NFCT __attribute__((cleanup(free_ct)))

/* The attributes of one direction. */
struct attrs {
    enum nf_conntrack_attr l3, l4, src4, dst4, src6, dst6, sport, dport;
};
static const struct attrs original = {ATTR_ORIG_L3PROTO,  ATTR_ORIG_L4PROTO,  ATTR_ORIG_IPV4_SRC,
                                      ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_IPV6_DST,
                                      ATTR_ORIG_PORT_SRC, ATTR_ORIG_PORT_DST};
static const struct attrs answers = {ATTR_REPL_L3PROTO,  ATTR_REPL_L4PROTO,  ATTR_REPL_IPV4_SRC,
                                     ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_SRC, ATTR_REPL_IPV6_DST,
                                     ATTR_REPL_PORT_SRC, ATTR_REPL_PORT_DST};

/* False when something of it is missing. */
static bool get_tuple(const struct nf_conntrack *ct, const struct attrs *a, struct kr_tuple *t)
{
    int family = kr_nfct.get_u8(ct, a->l3);
    const void *src = kr_nfct.get(ct, family == AF_INET ? a->src4 : a->src6);
    const void *dst = kr_nfct.get(ct, family == AF_INET ? a->dst4 : a->dst6);
    if (!src || !dst || !kr_nfct.is_set(ct, a->sport) || !kr_nfct.is_set(ct, a->dport))
        return false;
    t->src = kr_addr_make(family, src);
    t->dst = kr_addr_make(family, dst);
    t->sport = ntohs(kr_nfct.get_u16(ct, a->sport));
    t->dport = ntohs(kr_nfct.get_u16(ct, a->dport));
    return true;
}

static void set_tuple(struct nf_conntrack *ct, const struct attrs *a, const struct kr_tuple *t)
{
    uint8_t src[16], dst[16];
    int family = kr_addr_family(&t->src);
    kr_addr_bytes(&t->src, src);
    kr_addr_bytes(&t->dst, dst);
    kr_nfct.set_u8(ct, a->l3, (uint8_t)family);
    kr_nfct.set_u8(ct, a->l4, IPPROTO_TCP);
    kr_nfct.set(ct, family == AF_INET ? a->src4 : a->src6, src);
    kr_nfct.set(ct, family == AF_INET ? a->dst4 : a->dst6, dst);
    kr_nfct.set_u16(ct, a->sport, htons(t->sport));
    kr_nfct.set_u16(ct, a->dport, htons(t->dport));
}

/* 1: a TCP entry; 0: of another protocol; -1: it can't be read. */
static int parse(const struct nlmsghdr *nlh, struct kr_ct *out)
{
    AUTO_NFCT struct nf_conntrack *ct = kr_nfct.make();
    if (!ct || kr_nfct.parse(nlh, ct) < 0)
        return -1;
    if (kr_nfct.get_u8(ct, ATTR_ORIG_L4PROTO) != IPPROTO_TCP)
        return 0;
    if (!get_tuple(ct, &original, &out->orig) || !get_tuple(ct, &answers, &out->reply))
        return -1;
    out->id = kr_nfct.get_u32(ct, ATTR_ID);
    out->zone = kr_nfct.get_u16(ct, ATTR_ZONE);
    out->zone_orig = kr_nfct.get_u16(ct, ATTR_ORIG_ZONE);
    out->zone_reply = kr_nfct.get_u16(ct, ATTR_REPL_ZONE);
    out->attempt = kr_nfct.is_set(ct, ATTR_STATUS) && kr_nfct.is_set(ct, ATTR_TCP_STATE) &&
                   !(kr_nfct.get_u32(ct, ATTR_STATUS) & IPS_SEEN_REPLY) &&
                   kr_nfct.get_u8(ct, ATTR_TCP_STATE) == TCP_CONNTRACK_SYN_SENT;
    return 1;
}

struct reading {
    const uint16_t *ports;
    size_t n_ports;
    struct kr_cts *out;
};

static bool wanted(const struct reading *r, const struct nlattr *port)
{
    for (size_t i = 0; i < r->n_ports; i++)
        if (ntohs(mnl_attr_get_u16(port)) == r->ports[i])
            return true;
    return false;
}

/* Does `a` lie whole before `end`? */
static bool ok(const struct nlattr *a, const void *end)
{
    return mnl_attr_ok(a, (int)((const char *)end - (const char *)a));
}

static bool tuple_has_port(const struct reading *r, const struct nlattr *tuple)
{
    const void *end = mnl_attr_next(tuple);
    const struct nlattr *part = mnl_attr_get_payload(tuple);
    while (ok(part, end) && mnl_attr_get_type(part) != CTA_TUPLE_PROTO)
        part = mnl_attr_next(part);
    if (!ok(part, end))
        return false;
    end = mnl_attr_next(part);
    for (const struct nlattr *a = mnl_attr_get_payload(part); ok(a, end); a = mnl_attr_next(a)) {
        unsigned type = mnl_attr_get_type(a);
        if ((type == CTA_PROTO_SRC_PORT || type == CTA_PROTO_DST_PORT) &&
            mnl_attr_get_payload_len(a) == sizeof(uint16_t) && wanted(r, a))
            return true;
    }
    return false;
}

/* A look at the ports before the whole is parsed, since nearly all entries are of no interest. */
static bool has_port(const struct reading *r, const struct nlmsghdr *nlh)
{
    const void *end = mnl_nlmsg_get_payload_tail(nlh);
    const struct nlattr *a = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct nfgenmsg));
    for (; ok(a, end); a = mnl_attr_next(a)) {
        unsigned type = mnl_attr_get_type(a);
        if ((type == CTA_TUPLE_ORIG || type == CTA_TUPLE_REPLY) && tuple_has_port(r, a))
            return true;
    }
    return false;
}

static int on_entry(const struct nlmsghdr *nlh, void *arg)
{
    const struct reading *r = arg;
    struct kr_ct ct;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
        return -1;
    if (!has_port(r, nlh))
        return 0;
    int got = parse(nlh, &ct);
    if (got <= 0)
        return got;
    r->out->v = kr_grow(r->out->v, &r->out->cap, r->out->n + 1, sizeof *r->out->v);
    r->out->v[r->out->n++] = ct;
    return 0;
}

static struct nlmsghdr *request(void *buf, int family, int type, unsigned flags)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
    nfg->nfgen_family = (uint8_t)family;
    nfg->version = NFNETLINK_V0;
    return nlh;
}

static int dump(struct reading *r, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    char buf[256] = "";
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    return kr_nl_ask(&nl, request(buf, AF_UNSPEC, IPCTNL_MSG_CT_GET, NLM_F_DUMP), on_entry, r, e);
}

/* Is it certain that conntrack holds nothing in this namespace? Its sysctls appear with it. */
static bool conntrack_empty(void)
{
    unsigned long count = 1;
    FILE *f = fopen(COUNT, "re");
    if (!f)
        return errno == ENOENT && access("/proc/sys/net/core", F_OK) == 0;
    bool zero = fscanf(f, "%lu", &count) == 1 && count == 0;
    fclose(f);
    return zero;
}

/* nfnetlink answers EINVAL for a subsystem that is not there (nfnetlink_rcv_msg()). */
static int judge(int got, const char *what, struct kr_err *e)
{
    if (got < 0)
        return -1;
    if (got == KR_NL_AGAIN)
        return kr_fail(e, KR_UNKNOWN, 0, "%s was interrupted", what);
    if (got == EINVAL || got == EOPNOTSUPP)
        return kr_fail(e, KR_CANNOT, got,
                       "%s: this kernel has no ctnetlink (CONFIG_NF_CT_NETLINK, module "
                       "nf_conntrack_netlink)",
                       what);
    return kr_fail(e, got == EPERM || got == EACCES ? KR_CANNOT : KR_UNKNOWN, got, "%s", what);
}

int kr_cts_read(const uint16_t *ports, size_t n_ports, struct kr_cts *out, struct kr_err *e)
{
    struct reading r = {ports, n_ports, out};
    size_t before = out->n;
    int got = KR_NL_AGAIN;
    /* The table is one for all namespaces: walking it costs as much as all of them hold. */
    if (conntrack_empty())
        return 0;
    if (ct_lib_load(e))
        return -1;
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++) {
        out->n = before;
        got = dump(&r, e);
    }
    if (!got || (got == EINVAL && conntrack_empty()))
        return 0;
    kr_cts_free(out);
    return judge(got, "listing conntrack entries", e);
}

void kr_cts_free(struct kr_cts *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

/* The key must be whole: a deletion without a tuple empties the table. */
static int put_key(struct nlmsghdr *nlh, const struct kr_ct *key, struct kr_err *e)
{
    AUTO_NFCT struct nf_conntrack *ct = kr_nfct.make();
    if (!ct)
        return kr_fail(e, KR_INTERNAL, ENOMEM, "a conntrack request");
    set_tuple(ct, &original, &key->orig);
    if (key->zone)
        kr_nfct.set_u16(ct, ATTR_ZONE, key->zone);
    if (key->zone_orig)
        kr_nfct.set_u16(ct, ATTR_ORIG_ZONE, key->zone_orig);
    if (kr_nfct.build(nlh, ct) < 0)
        return kr_fail(e, KR_INTERNAL, 0, "a conntrack request could not be built");
    return 0;
}

int kr_ct_delete(struct kr_nl *nl, const struct kr_ct *ct, struct kr_err *e)
{
    char buf[512] = "";
    struct nlmsghdr *nlh =
        request(buf, kr_addr_family(&ct->orig.src), IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
    if (ct_lib_load(e) || put_key(nlh, ct, e))
        return -1;
    mnl_attr_put_u32(nlh, CTA_ID, htonl(ct->id));
    int got = kr_nl_ask(nl, nlh, NULL, NULL, e);
    if (got == 0 || got == ENOENT)
        return got == 0;
    return judge(got, "deleting a conntrack entry", e);
}

struct lookup {
    struct kr_tuple asked, reply;
    bool found;
};

static int on_answer(const struct nlmsghdr *nlh, void *arg)
{
    struct lookup *l = arg;
    struct kr_ct ct;
    int got = parse(nlh, &ct);
    if (got < 0)
        return -1;
    l->found = got == 1 && kr_tuple_cmp(&ct.orig, &l->asked) == 0;
    if (l->found)
        l->reply = ct.reply;
    return 0;
}

int kr_ct_reply_source(const struct kr_addr *from, uint16_t sport, const struct kr_addr *to,
                       uint16_t dport, struct kr_addr *source, uint16_t *port, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct lookup l = {.asked = {*from, *to, sport, dport}};
    struct kr_ct key = {.orig = l.asked};
    char buf[512] = "";
    struct nlmsghdr *nlh = request(buf, kr_addr_family(from), IPCTNL_MSG_CT_GET, 0);
    if (ct_lib_load(e) || put_key(nlh, &key, e) || kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    int got = kr_nl_ask(&nl, nlh, on_answer, &l, e);
    if (got == ENOENT || (got == 0 && !l.found))
        return 0;
    if (got)
        return judge(got, "looking a conntrack entry up", e);
    *source = l.reply.src;
    *port = l.reply.sport;
    return 1;
}

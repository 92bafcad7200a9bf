/* A ruleset goes into the kernel as one batch. nfnetlink reports errors message by message and
 * acknowledges what asked for it only after the commit (nfnetlink_rcv_batch: commit, then
 * nfnl_err_deliver), so one NLM_F_ACK on the last message, read with no error before it, proves
 * that all of it is in force; asking for an ack of each message would prove no more and cost more.
 */
#include "nft_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM                                                                            \
    (1u << 17) /* more than the largest single message: 64 KiB of elements and a header \
                */

struct batch {
    char *buf;
    size_t len, cap;
    uint32_t seq;
    size_t last;         /* where the last message begins */
    struct kr_buf *what; /* what each message is, by order */
    size_t n, cap_what;
};

static size_t aligned(uint32_t len)
{
    return (len + 3u) & ~3u;
}

/* Zeroed once, since attributes are padded by leaving bytes out. */
static void reserve(struct batch *b)
{
    size_t had = b->cap;
    b->buf = kr_grow(b->buf, &b->cap, b->len + ROOM, 1);
    memset(b->buf + had, 0, b->cap - had);
}

static struct nlmsghdr *begin(struct batch *b, uint16_t type, int family, uint16_t flags)
{
    reserve(b);
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(b->buf + b->len, type, (uint16_t)family, flags, b->seq++);
    return nlh;
}

static void __attribute__((format(printf, 3, 4)))
end(struct batch *b, struct nlmsghdr *nlh, const char *fmt, ...)
{
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    b->what = kr_grow(b->what, &b->cap_what, b->n + 1, sizeof *b->what);
    b->what[b->n] = (struct kr_buf){0};
    kr_buf_printf(&b->what[b->n++], "%s", text);
    b->last = b->len;
    b->len += aligned(nlh->nlmsg_len);
}

static void add_table(struct batch *b, int family, const char *name, uint16_t type)
{
    struct nftnl_table *t = nftnl_table_alloc();
    nftnl_table_set_str(t, NFTNL_TABLE_NAME, name);
    if (type == NFT_MSG_NEWTABLE)
        nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, 0);
    struct nlmsghdr *nlh = begin(b, type, family, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
    nftnl_table_nlmsg_build_payload(nlh, t);
    end(b, nlh, "table %s %s", family == NFPROTO_NETDEV ? "netdev" : "inet", name);
    nftnl_table_free(t);
}

static void add_counter(struct batch *b, const struct kr_nft_table *t, const char *name)
{
    struct nftnl_obj *o = nftnl_obj_alloc();
    nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, t->name);
    nftnl_obj_set_str(o, NFTNL_OBJ_NAME, name);
    struct nlmsghdr *nlh = begin(b, NFT_MSG_NEWOBJ, t->family, NLM_F_CREATE);
    nftnl_obj_nlmsg_build_payload(nlh, o);
    end(b, nlh, "counter %s", name);
    nftnl_obj_free(o);
}

static void add_set(struct batch *b, const struct kr_nft_set *s)
{
    struct nlmsghdr *nlh = begin(b, NFT_MSG_NEWSET, s->table->family, NLM_F_CREATE | NLM_F_EXCL);
    nftnl_set_nlmsg_build_payload(nlh, s->nl);
    end(b, nlh, "set %s", s->name);
    if (!s->n)
        return;
    struct nftnl_set_elems_iter *i = nftnl_set_elems_iter_create(s->nl);
    int more;
    do {
        nlh = begin(b, NFT_MSG_NEWSETELEM, s->table->family, NLM_F_CREATE | NLM_F_EXCL);
        more = nftnl_set_elems_nlmsg_build_payload_iter(nlh, i);
        end(b, nlh, "elements of set %s", s->name);
    } while (more > 0);
    nftnl_set_elems_iter_destroy(i);
}

static void add_chain(struct batch *b, const struct kr_nft_chain *c)
{
    struct nftnl_chain *x = nftnl_chain_alloc();
    nftnl_chain_set_str(x, NFTNL_CHAIN_TABLE, c->table->name);
    nftnl_chain_set_str(x, NFTNL_CHAIN_NAME, c->name);
    if (c->base) {
        nftnl_chain_set_str(x, NFTNL_CHAIN_TYPE, c->hook.type);
        nftnl_chain_set_u32(x, NFTNL_CHAIN_HOOKNUM, c->hook.hook);
        nftnl_chain_set_s32(x, NFTNL_CHAIN_PRIO, c->hook.priority);
        nftnl_chain_set_u32(x, NFTNL_CHAIN_POLICY, c->hook.drop ? NF_DROP : NF_ACCEPT);
        if (c->hook.device)
            nftnl_chain_set_str(x, NFTNL_CHAIN_DEV, c->device);
    }
    struct nlmsghdr *nlh = begin(b, NFT_MSG_NEWCHAIN, c->table->family, NLM_F_CREATE);
    nftnl_chain_nlmsg_build_payload(nlh, x);
    end(b, nlh, "chain %s%s%s", c->name, c->hook.device ? " on " : "",
        c->hook.device ? c->device : "");
    nftnl_chain_free(x);
}

static void comment(struct nftnl_rule *x, const char *text)
{
    struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
    if (!u)
        return;
    nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, text);
    nftnl_rule_set_data(x, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(u), nftnl_udata_buf_len(u));
    nftnl_udata_buf_free(u);
}

/* The message takes its expressions from a libnftnl rule, which would free them: they are lent. */
static void add_rule(struct batch *b, const struct kr_nft_rule *r)
{
    struct nftnl_rule *x = nftnl_rule_alloc();
    nftnl_rule_set_str(x, NFTNL_RULE_TABLE, r->chain->table->name);
    nftnl_rule_set_str(x, NFTNL_RULE_CHAIN, r->chain->name);
    comment(x, r->comment);
    struct nlmsghdr *nlh =
        begin(b, NFT_MSG_NEWRULE, r->chain->table->family, NLM_F_CREATE | NLM_F_APPEND);
    nftnl_rule_nlmsg_build_payload(nlh, x);
    struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
    for (size_t i = 0; i < r->n; i++) {
        struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
        nftnl_expr_build_payload(nlh, r->v[i]);
        mnl_attr_nest_end(nlh, elem);
    }
    mnl_attr_nest_end(nlh, list);
    end(b, nlh, "rule '%s' of chain %s", r->comment, r->chain->name);
    nftnl_rule_free(x);
}

static void add_all(struct batch *b, const struct kr_nft_table *t)
{
    add_table(b, t->family, t->name, NFT_MSG_NEWTABLE);
    for (size_t i = 0; i < t->n_counters; i++)
        add_counter(b, t, t->counters[i]);
    for (size_t i = 0; i < t->n_sets; i++)
        if (!t->sets[i]->anonymous)
            add_set(b, t->sets[i]);
    for (size_t i = 0; i < t->n_chains; i++)
        add_chain(b, t->chains[i]);
    for (size_t i = 0; i < t->n_chains; i++)
        for (size_t k = 0; k < t->chains[i]->n; k++) {
            if (t->chains[i]->v[k]->map)
                add_set(b, t->chains[i]->v[k]->map);
            add_rule(b, t->chains[i]->v[k]);
        }
}

static void frame(struct batch *b, bool first)
{
    reserve(b);
    struct nlmsghdr *nlh = first ? nftnl_batch_begin(b->buf + b->len, b->seq++)
                                 : nftnl_batch_end(b->buf + b->len, b->seq++);
    b->len += aligned(nlh->nlmsg_len);
}

static int send_batch(struct batch *b, uint32_t first_seq, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    uint32_t bad_seq = 0;
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    int err = kr_nl_batch(&nl, b->buf, b->len, b->seq - 2, &bad_seq, e);
    if (err <= 0)
        return err;
    size_t i = bad_seq - first_seq - 1;
    return kr_fail(e, KR_CANNOT, err, "the kernel refuses %s",
                   i < b->n ? kr_buf_str(&b->what[i]) : "the ruleset");
}

static void free_batch(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        kr_buf_free(&b->what[i]);
    free(b->what);
    free(b->buf);
}

static int load(struct batch *b, const struct kr_nft *r, const struct kr_nft_name *old,
                size_t n_old, struct kr_err *e)
{
    uint32_t first_seq = b->seq = 1;
    frame(b, true);
    for (size_t i = 0; i < n_old; i++) {
        bool exists;
        if (kr_nft_exists(&old[i], &exists, e))
            return -1;
        if (exists)
            add_table(b, old[i].family, old[i].name, NFT_MSG_DELTABLE);
    }
    for (size_t i = 0; r && i < r->n; i++)
        add_all(b, r->v[i]);
    if (!b->n)
        return 0;
    ((struct nlmsghdr *)(void *)(b->buf + b->last))->nlmsg_flags |= NLM_F_ACK;
    frame(b, false);
    return send_batch(b, first_seq, e);
}

int kr_nft_load(const struct kr_nft *r, const struct kr_nft_name *old, size_t n_old,
                struct kr_err *e)
{
    struct batch b = {0};
    int bad = load(&b, r, old, n_old, e);
    free_batch(&b);
    return bad;
}

/* A ruleset goes into the kernel as one batch. nfnetlink reports errors message by message and
 * acknowledges what asked for it only after the commit (nfnetlink_rcv_batch: commit, then
 * nfnl_err_deliver), so one NLM_F_ACK on the last message, read with no error before it, proves
 * that all of it is in force; asking for an ack of each message would prove no more and cost more.
 */
#include "nft_compare.h"
#include "nft_internal.h"
#include "nft_read.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM (1u << 17) /* more than a message can have: 64 KiB of elements, or one rule */
#define NEEDS_EGRESS " (netdev egress needs Linux 5.16, CONFIG_NETFILTER_EGRESS)"
#define MAPPED (1u << 20) /* bytes mapped at first: only what is written takes memory */

struct batch {
    char *buf;
    size_t len, cap;
    uint32_t first_seq, seq;
    size_t last;  /* where the last message begins */
    struct said { /* what each message is, by order: words to be put together */
        const char *v[5];
    } * what;
    size_t n, cap_what;
};

static size_t aligned(uint32_t len)
{
    return (len + 3u) & ~3u;
}

/* Of the last batch, for the next: pages that were given once are not asked for again. */
static struct {
    char *buf;
    size_t cap;
} spare;

static void take_spare(struct batch *b)
{
    b->buf = spare.buf;
    b->cap = spare.cap;
    spare.cap = 0;
}

static void leave_spare(struct batch *b)
{
    if (spare.cap)
        munmap(spare.buf, spare.cap);
    memset(b->buf, 0, b->len);
    spare.buf = b->buf;
    spare.cap = b->cap;
}

/* Attributes are padded by leaving bytes out, so it must be zero: as mapped memory is. */
static void reserve(struct batch *b)
{
    if (b->len + ROOM <= b->cap)
        return;
    if (!b->cap && spare.cap) {
        take_spare(b);
        return;
    }
    size_t cap = b->cap ? 2 * b->cap : MAPPED;
    void *p = b->cap ? mremap(b->buf, b->cap, cap, MREMAP_MAYMOVE)
                     : mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort();
    b->buf = p;
    b->cap = cap;
}

static struct nlmsghdr *begin(struct batch *b, uint16_t type, int family, uint16_t flags)
{
    reserve(b);
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(b->buf + b->len, type, (uint16_t)family, flags, b->seq++);
    return nlh;
}

static void end(struct batch *b, struct nlmsghdr *nlh, struct said what)
{
    b->what = kr_grow(b->what, &b->cap_what, b->n + 1, sizeof *b->what);
    b->what[b->n++] = what;
    b->last = b->len;
    b->len += aligned(nlh->nlmsg_len);
}

static void add_table(struct batch *b, int family, const char *name, uint16_t type, unsigned flags,
                      bool owned)
{
    struct nlmsghdr *nlh = begin(b, type, family, (uint16_t)flags);
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
    if (owned)
        mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(KR_NFT_F_OWNER | KR_NFT_F_PERSIST));
    end(b, nlh, (struct said){{family == NFPROTO_NETDEV ? "table netdev " : "table inet ", name}});
}

/* Making a table that may be there already and then deleting it removes it whether or not it was:
 * there is no moment between asking and deleting. Without NFTA_TABLE_FLAGS the first message
 * changes nothing of a table that exists, a dormant one included (nf_tables_updtable). */
static void remove_table(struct batch *b, int family, const char *name)
{
    add_table(b, family, name, NFT_MSG_NEWTABLE, NLM_F_CREATE, false);
    add_table(b, family, name, NFT_MSG_DELTABLE, 0, false);
}

static void add_counter(struct batch *b, const struct kr_nft_table *t,
                        const struct kr_nft_counter *c)
{
    struct nftnl_obj *o = nftnl_obj_alloc();
    nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
    nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, t->name);
    nftnl_obj_set_str(o, NFTNL_OBJ_NAME, c->name);
    nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_BYTES, c->bytes);
    nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_PKTS, c->packets);
    struct nlmsghdr *nlh = begin(b, NFT_MSG_NEWOBJ, t->family, NLM_F_CREATE);
    nftnl_obj_nlmsg_build_payload(nlh, o);
    end(b, nlh, (struct said){{"counter ", c->name}});
    nftnl_obj_free(o);
}

static void add_set(struct batch *b, const struct kr_nft_set *s)
{
    struct nlmsghdr *nlh = begin(b, NFT_MSG_NEWSET, s->table->family, NLM_F_CREATE | NLM_F_EXCL);
    nftnl_set_nlmsg_build_payload(nlh, s->nl);
    end(b, nlh, (struct said){{"set ", s->name}});
    for (size_t i = 0; i < s->elems.n;) {
        nlh = begin(b, NFT_MSG_NEWSETELEM, s->table->family, NLM_F_CREATE | NLM_F_EXCL);
        mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, s->table->name);
        mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
        mnl_attr_put_u32(nlh, NFTA_SET_ELEM_LIST_SET_ID, htonl(s->id));
        i = kr_nft_elems_put(nlh, &s->elems, i);
        end(b, nlh, (struct said){{"elements of set ", s->name}});
    }
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
    if (c->hook.device)
        end(b, nlh, (struct said){{"chain ", c->name, " on ", c->device, NEEDS_EGRESS}});
    else
        end(b, nlh, (struct said){{"chain ", c->name}});
    nftnl_chain_free(x);
}

static void add_rule(struct batch *b, const struct kr_nft_rule *r)
{
    struct nlmsghdr *nlh =
        begin(b, NFT_MSG_NEWRULE, r->chain->table->family, NLM_F_CREATE | NLM_F_APPEND);
    kr_nft_rule_put(nlh, r);
    const char *name = r->comment ? r->comment : kr_buf_str(&r->text);
    end(b, nlh, (struct said){{"rule '", name, "' of chain ", r->chain->name}});
}

static void add_rules(struct batch *b, const struct kr_nft_chain *c)
{
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < c->v[i]->n_sets; k++)
            add_set(b, c->v[i]->sets[k]);
        add_rule(b, c->v[i]);
    }
}

enum part { ALL, FIRST, REST };

static bool takes(enum part part, const struct kr_nft_chain *c)
{
    return part == ALL || c->put_off == (part == REST);
}

static void add_chains(struct batch *b, const struct kr_nft_table *t, enum part part)
{
    for (size_t i = 0; i < t->n_chains; i++)
        if (takes(part, t->chains[i]))
            add_chain(b, t->chains[i]);
}

/* In the order of nft(8): listings show things in the order they were made. */
static void add_table_part(struct batch *b, const struct kr_nft_table *t, enum part part,
                           bool alone)
{
    add_table(b, t->family, t->name, NFT_MSG_NEWTABLE, NLM_F_CREATE | (alone ? NLM_F_EXCL : 0),
              t->ruleset->owner != 0);
    add_chains(b, t, part);
    for (size_t i = 0; part != REST && i < t->n_counters; i++)
        add_counter(b, t, &t->counters[i]);
    for (size_t i = 0; part != REST && i < t->n_sets; i++)
        if (!t->sets[i]->anonymous)
            add_set(b, t->sets[i]);
    for (size_t i = 0; i < t->n_chains; i++)
        if (takes(part, t->chains[i]))
            add_rules(b, t->chains[i]);
}

static void frame(struct batch *b, bool first)
{
    reserve(b);
    struct nlmsghdr *nlh = first ? nftnl_batch_begin(b->buf + b->len, b->seq++)
                                 : nftnl_batch_end(b->buf + b->len, b->seq++);
    b->len += aligned(nlh->nlmsg_len);
}

/* The name of the expression the kernel points at: a list element that begins at `offset`. */
static const char *expression_at(const struct nlmsghdr *nlh, uint32_t offset)
{
    const struct nlattr *a = (const void *)((const char *)nlh + offset), *in;
    if (nlh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) || offset % 4 ||
        !mnl_attr_ok(a, (int)nlh->nlmsg_len - (int)offset))
        return NULL;
    in = mnl_attr_get_payload(a); /* its first is the name (nftnl_expr_build_payload) */
    return mnl_attr_get_payload_len(a) > sizeof *in &&
                   mnl_attr_ok(in, mnl_attr_get_payload_len(a)) &&
                   mnl_attr_get_type(in) == NFTA_EXPR_NAME
               ? mnl_attr_get_str(in)
               : NULL;
}

static int refused(const struct batch *b, const struct kr_nl_refusal *why, int err,
                   struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf what = {0};
    const char *x = NULL;
    size_t at = 0, i = why->seq - b->first_seq - 1;
    if (i >= b->n)
        return kr_fail(e, KR_CANNOT, err, "the kernel refuses the ruleset");
    for (size_t k = 0; k <= i; k++)
        at += aligned(((const struct nlmsghdr *)(const void *)(b->buf + at))->nlmsg_len);
    if (why->offset)
        x = expression_at((const void *)(b->buf + at), why->offset);
    for (size_t k = 0; k < 5 && b->what[i].v[k]; k++)
        kr_buf_printf(&what, "%s", b->what[i].v[k]);
    return kr_fail(e, KR_CANNOT, err, "the kernel refuses %s%s%s%s%s%s", kr_buf_str(&what),
                   x ? " (expression " : "", x ? x : "", x ? ")" : "", *why->reason ? ": " : "",
                   why->reason);
}

static int send_batch(struct batch *b, struct kr_nl *nl, struct kr_err *e)
{
    struct kr_nl_refusal why;
    int err = kr_nl_batch(nl, b->buf, b->len, b->seq - 2, &why, e);
    return err > 0 ? refused(b, &why, err, e) : err;
}

static void free_batch(struct batch *b)
{
    free(b->what);
    if (b->cap)
        leave_spare(b);
}

/* Kernels from 6.16 take a chain on a device that is not there, and it sees nothing. */
static int check_devices(const struct kr_nft *r, struct kr_err *e)
{
    for (size_t i = 0; r && i < r->n; i++)
        for (size_t k = 0; k < r->v[i]->n_chains; k++) {
            const struct kr_nft_chain *c = r->v[i]->chains[k];
            if (c->hook.device && !if_nametoindex(c->device))
                return kr_fail(e, KR_CANNOT, ENODEV, "chain %s: device %s", c->name, c->device);
        }
    return 0;
}

struct load {
    const struct kr_nft *r;
    enum part part;
    const struct kr_nft_name *old;
    size_t n_old;
    struct kr_nl *by; /* NULL: one of its own */
};

/* Whether a table of r takes the place of an old one, and so must not be there by then. */
static bool replaces(const struct load *l, const struct kr_nft_table *t)
{
    for (size_t i = 0; i < l->n_old; i++)
        if (l->old[i].family == t->family && strcmp(l->old[i].name, t->name) == 0)
            return true;
    return false;
}

static bool has_rest(const struct kr_nft_table *t)
{
    for (size_t i = 0; i < t->n_chains; i++)
        if (t->chains[i]->put_off)
            return true;
    return false;
}

/* Removing what was never there takes the kernel ten times as long as all the rest, so tables are
 * looked up first. `sure`: remove them all the same. */
static int fill_and_send(struct batch *b, const struct load *l, bool sure, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl own = {0};
    struct kr_nl *nl = l->by ? l->by : &own;
    if (!l->by && kr_nl_open(&own, NETLINK_NETFILTER, e))
        return -1;
    b->first_seq = b->seq = 1;
    frame(b, true);
    for (size_t i = 0; i < l->n_old; i++) {
        bool exists = true;
        if (!sure && kr_nft_exists_by(nl, &l->old[i], &exists, e))
            return -1;
        if (exists)
            remove_table(b, l->old[i].family, l->old[i].name);
    }
    for (size_t i = 0; l->r && i < l->r->n; i++)
        if (l->part != REST || has_rest(l->r->v[i]))
            add_table_part(b, l->r->v[i], l->part, replaces(l, l->r->v[i]));
    if (!b->n)
        return 0;
    ((struct nlmsghdr *)(void *)(b->buf + b->last))->nlmsg_flags |= NLM_F_ACK;
    frame(b, false);
    return send_batch(b, nl, e);
}

static int try_load(const struct load *l, bool sure, struct kr_err *e)
{
    struct batch b = {0};
    int bad = fill_and_send(&b, l, sure, e);
    free_batch(&b);
    return bad;
}

static int load(const struct load *l, struct kr_err *e)
{
    struct kr_err first = {0};
    if (check_devices(l->r, e))
        return -1;
    if (try_load(l, false, &first) == 0)
        return 0;
    if (first.sys == EEXIST && l->n_old) /* a table came into being meanwhile */
        return try_load(l, true, e);
    if (e)
        *e = first;
    return -1;
}

int kr_nft_load(const struct kr_nft *r, const struct kr_nft_name *old, size_t n_old,
                struct kr_err *e)
{
    return load(&(struct load){r, ALL, old, n_old, NULL}, e);
}

int kr_nft_load_by(struct kr_nl *nl, const struct kr_nft *r, const struct kr_nft_name *old,
                   size_t n_old, struct kr_err *e)
{
    return load(&(struct load){r, ALL, old, n_old, nl}, e);
}

int kr_nft_load_first(const struct kr_nft *r, const struct kr_nft_name *old, size_t n_old,
                      struct kr_err *e)
{
    return load(&(struct load){r, FIRST, old, n_old, NULL}, e);
}

int kr_nft_load_rest(const struct kr_nft *r, struct kr_err *e)
{
    return load(&(struct load){r, REST, NULL, 0, NULL}, e);
}

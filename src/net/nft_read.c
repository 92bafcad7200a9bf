#include "nft_read.h"

#include "nft_ask.h"
#include "nft_compare.h"
#include "nft_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <stdio.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/flowtable.h>
#include <libnftnl/object.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define TRIES 20

static int genid(struct kr_nl *nl, uint32_t *out, struct kr_err *e)
{
    int got = kr_nft_gen(nl, out, e);
    return got == KR_NL_AGAIN ? kr_fail(e, KR_UNKNOWN, 0, "the generation of the ruleset: lost")
                              : got;
}

static int on_table(const struct nlmsghdr *nlh, void *arg)
{
    struct kr_nft_read *r = arg;
    struct nftnl_table *t = nftnl_table_alloc();
    int bad = nftnl_table_nlmsg_parse(nlh, t);
    r->exists = true;
    r->flags = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
    r->owner = nftnl_table_get_u32(t, NFTNL_TABLE_OWNER);
    nftnl_table_free(t);
    return bad;
}

/* 0, KR_NL_AGAIN, or -1. */
static int get_table(struct kr_nl *nl, const struct kr_nft_name *name, struct kr_nft_read *r,
                     struct kr_err *e)
{
    char buf[512] = "";
    struct nftnl_table *t = nftnl_table_alloc();
    nftnl_table_set_str(t, NFTNL_TABLE_NAME, name->name);
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETTABLE, (uint16_t)name->family, 0, 0);
    nftnl_table_nlmsg_build_payload(nlh, t);
    nftnl_table_free(t);
    int got = kr_nl_ask(nl, nlh, on_table, r, e);
    if (got == ENOENT || got == EOPNOTSUPP || got == EAFNOSUPPORT)
        return 0;
    return got > 0 && got != KR_NL_AGAIN
               ? kr_fail(e, KR_UNKNOWN, got, "reading table %s", name->name)
               : got;
}

struct reading {
    struct kr_nft_read *r;
    const char *table;
    int family;
};

static int on_chain(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *g = arg;
    struct nftnl_chain *c = nftnl_chain_alloc();
    if (nftnl_chain_nlmsg_parse(nlh, c)) {
        nftnl_chain_free(c);
        return -1;
    }
    if (strcmp(nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE), g->table) != 0) {
        nftnl_chain_free(c);
        return 0;
    }
    g->r->chains =
        kr_grow(g->r->chains, &g->r->cap_chains, g->r->n_chains + 1, sizeof *g->r->chains);
    g->r->chains[g->r->n_chains++] = c;
    return 0;
}

static int on_set(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *g = arg;
    struct nftnl_set *s = nftnl_set_alloc();
    if (nftnl_set_nlmsg_parse(nlh, s)) {
        nftnl_set_free(s);
        return -1;
    }
    if (strcmp(nftnl_set_get_str(s, NFTNL_SET_TABLE), g->table) != 0) {
        nftnl_set_free(s);
        return 0;
    }
    g->r->sets = kr_grow(g->r->sets, &g->r->cap_sets, g->r->n_sets + 1, sizeof *g->r->sets);
    g->r->sets[g->r->n_sets++] = s;
    return 0;
}

static int on_obj(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *g = arg;
    struct nftnl_obj *o = nftnl_obj_alloc();
    if (nftnl_obj_nlmsg_parse(nlh, o)) {
        nftnl_obj_free(o);
        return -1;
    }
    if (strcmp(nftnl_obj_get_str(o, NFTNL_OBJ_TABLE), g->table) != 0) {
        nftnl_obj_free(o);
        return 0;
    }
    g->r->objs = kr_grow(g->r->objs, &g->r->cap_objs, g->r->n_objs + 1, sizeof *g->r->objs);
    g->r->objs[g->r->n_objs++] = o;
    return 0;
}

static int on_rule(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *g = arg;
    const char *table = kr_nft_rule_attr_str(nlh, NFTA_RULE_TABLE);
    if (!table)
        return -1;
    if (strcmp(table, g->table) != 0)
        return 0;
    struct nlmsghdr *x = memcpy(kr_calloc(nlh->nlmsg_len, 1), nlh, nlh->nlmsg_len);
    g->r->rules = kr_grow(g->r->rules, &g->r->cap_rules, g->r->n_rules + 1, sizeof *g->r->rules);
    g->r->rules[g->r->n_rules++] = x;
    return 0;
}

static int on_flowtable(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *g = arg;
    struct nftnl_flowtable *f = nftnl_flowtable_alloc();
    int bad = nftnl_flowtable_nlmsg_parse(nlh, f);
    if (!bad && strcmp(nftnl_flowtable_get_str(f, NFTNL_FLOWTABLE_TABLE), g->table) == 0 &&
        !g->r->n_flowtables++)
        snprintf(g->r->flowtable, sizeof g->r->flowtable, "%s",
                 nftnl_flowtable_get_str(f, NFTNL_FLOWTABLE_NAME));
    nftnl_flowtable_free(f);
    return bad;
}

/* Asked by table where the kernel filters; answers of other tables are passed over all the same. */
static int dump(struct kr_nl *nl, struct reading *g, uint16_t type, uint16_t table_attr,
                kr_nl_cb cb, struct kr_err *e)
{
    char buf[512] = "";
    struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(buf, type, (uint16_t)g->family, NLM_F_DUMP, 0);
    mnl_attr_put_strz(nlh, table_attr, g->table);
    int got = kr_nl_ask(nl, nlh, cb, g, e);
    return got > 0 && got != KR_NL_AGAIN ? kr_fail(e, KR_UNKNOWN, got, "reading table %s", g->table)
                                         : got;
}

static int on_elements(const struct nlmsghdr *nlh, void *arg)
{
    return kr_nft_elems_take(arg, nlh);
}

static int get_elements(struct kr_nl *nl, int family, struct nftnl_set *s, struct kr_nft_elems *out,
                        struct kr_err *e)
{
    char buf[1024] = "";
    out->key_len = nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN);
    out->data_len = nftnl_set_get_u32(s, NFTNL_SET_DATA_LEN);
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, (uint16_t)family, NLM_F_DUMP, 0);
    mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nftnl_set_get_str(s, NFTNL_SET_TABLE));
    mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, nftnl_set_get_str(s, NFTNL_SET_NAME));
    int got = kr_nl_ask(nl, nlh, on_elements, out, e);
    if (got == ENOENT)
        return KR_NL_AGAIN;
    return got > 0 && got != KR_NL_AGAIN
               ? kr_fail(e, KR_UNKNOWN, got, "reading set %s", nftnl_set_get_str(s, NFTNL_SET_NAME))
               : got;
}

static int read_one(struct kr_nl *nl, const struct kr_nft_name *name, struct kr_nft_read *r,
                    struct kr_err *e)
{
    struct reading g = {r, name->name, name->family};
    int got = get_table(nl, name, r, e);
    if (got || !r->exists)
        return got;
    const struct {
        uint16_t type, attr;
        kr_nl_cb cb;
    } dumps[] = {{NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE, on_chain},
                 {NFT_MSG_GETSET, NFTA_SET_TABLE, on_set},
                 {NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, on_obj},
                 {NFT_MSG_GETFLOWTABLE, NFTA_FLOWTABLE_TABLE, on_flowtable},
                 {NFT_MSG_GETRULE, NFTA_RULE_TABLE, on_rule}};
    for (size_t i = 0; i < sizeof dumps / sizeof *dumps; i++)
        if ((got = dump(nl, &g, dumps[i].type, dumps[i].attr, dumps[i].cb, e)) != 0)
            return got;
    r->elems = kr_calloc(r->n_sets, sizeof *r->elems);
    for (size_t i = 0; i < r->n_sets; i++)
        if ((got = get_elements(nl, name->family, r->sets[i], &r->elems[i], e)) != 0)
            return got;
    return 0;
}

static int read_once(struct kr_nl *nl, const struct kr_nft_name *names, size_t n,
                     struct kr_nft_read *out, uint32_t *gen, struct kr_err *e)
{
    uint32_t after = 0;
    if (genid(nl, gen, e))
        return -1;
    for (size_t i = 0; i < n; i++) {
        int got = read_one(nl, &names[i], &out[i], e);
        if (got)
            return got;
    }
    if (genid(nl, &after, e))
        return -1;
    return after == *gen ? 0 : KR_NL_AGAIN;
}

int kr_nft_read_tables(const struct kr_nft_name *names, size_t n, struct kr_nft_read *out,
                       uint32_t *gen, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    int got = KR_NL_AGAIN;
    memset(out, 0, n * sizeof *out);
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (int tries = 0; tries < TRIES && got == KR_NL_AGAIN; tries++) {
        got = read_once(&nl, names, n, out, gen, e);
        for (size_t i = 0; got && i < n; i++)
            kr_nft_read_free(&out[i]);
    }
    return got == KR_NL_AGAIN
               ? kr_fail(e, KR_UNKNOWN, 0, "the ruleset kept changing while it was read")
               : got;
}

void kr_nft_read_free(struct kr_nft_read *r)
{
    for (size_t i = 0; i < r->n_chains; i++)
        nftnl_chain_free(r->chains[i]);
    for (size_t i = 0; r->elems && i < r->n_sets; i++)
        kr_nft_elems_free(&r->elems[i]);
    for (size_t i = 0; i < r->n_sets; i++)
        nftnl_set_free(r->sets[i]);
    for (size_t i = 0; i < r->n_objs; i++)
        nftnl_obj_free(r->objs[i]);
    for (size_t i = 0; i < r->n_rules; i++)
        free(r->rules[i]);
    free(r->chains);
    free(r->sets);
    free(r->elems);
    free(r->objs);
    free(r->rules);
    memset(r, 0, sizeof *r);
}

int kr_nft_generation(uint32_t *gen, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    return genid(&nl, gen, e) ? -1 : 0;
}

int kr_nft_exists_by(struct kr_nl *nl, const struct kr_nft_name *t, bool *exists, struct kr_err *e)
{
    struct kr_nft_read r = {0};
    if (get_table(nl, t, &r, e))
        return -1;
    *exists = r.exists;
    return 0;
}

int kr_nft_exists(const struct kr_nft_name *t, bool *exists, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    return kr_nl_open(&nl, NETLINK_NETFILTER, e) || kr_nft_exists_by(&nl, t, exists, e) ? -1 : 0;
}

int kr_nft_counters(const struct kr_nft_name *t, struct kr_nft_count **out, size_t *n,
                    struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct kr_nft_read r = {0};
    struct reading g = {&r, t->name, t->family};
    int got = KR_NL_AGAIN;
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (int tries = 0; tries < TRIES && got == KR_NL_AGAIN; tries++) {
        kr_nft_read_free(&r);
        got = dump(&nl, &g, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, on_obj, e);
    }
    *out = kr_calloc(r.n_objs, sizeof **out);
    *n = 0;
    for (size_t i = 0; !got && i < r.n_objs; i++) {
        struct kr_nft_count *c = &(*out)[(*n)++];
        snprintf(c->name, sizeof c->name, "%s", nftnl_obj_get_str(r.objs[i], NFTNL_OBJ_NAME));
        c->packets = nftnl_obj_get_u64(r.objs[i], NFTNL_OBJ_CTR_PKTS);
        c->bytes = nftnl_obj_get_u64(r.objs[i], NFTNL_OBJ_CTR_BYTES);
    }
    kr_nft_read_free(&r);
    return got == KR_NL_AGAIN ? kr_fail(e, KR_UNKNOWN, 0, "the counters kept changing") : got;
}

int kr_nft_owner(const struct kr_nft_name *t, uint32_t *port, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct kr_nft_read r = {0};
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e) || get_table(&nl, t, &r, e))
        return -1;
    *port = r.flags & KR_NFT_F_OWNER ? r.owner : 0;
    return 0;
}

static void keep_counter(struct kr_nft_table *t, const struct kr_nft_count *c)
{
    for (size_t i = 0; i < t->n_counters; i++)
        if (strcmp(t->counters[i].name, c->name) == 0) {
            t->counters[i].packets = c->packets;
            t->counters[i].bytes = c->bytes;
        }
}

int kr_nft_keep_counters(struct kr_nft *r, const struct kr_nft_name *t, struct kr_err *e)
{
    KR_AUTO_FREE struct kr_nft_count *found = NULL;
    size_t n = 0;
    if (kr_nft_counters(t, &found, &n, e))
        return -1;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; r->v[i]->family == t->family && k < n; k++)
            keep_counter(r->v[i], &found[k]);
    return 0;
}

#include <kr/nft_chains.h>

#include "nft_ask.h"
#include "nft_attr.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#define TRIES 20

struct table {
    int family;
    char name[256];
    uint32_t flags;
};
struct listing {
    struct table *tables;
    struct kr_nft_base *chains;
    size_t n_tables, n_chains, cap_tables, cap_chains;
};

static int on_table(const struct nlmsghdr *m, void *arg)
{
    struct listing *l = arg;
    struct kr_nft_attrs a;
    struct table t = {.family = kr_nft_family_of(m)};
    if (kr_nft_attrs(m, &a) || !kr_nft_string(a.v[NFTA_TABLE_NAME], t.name, sizeof t.name))
        return -1;
    t.flags = kr_nft_number(a.v[NFTA_TABLE_FLAGS]);
    l->tables = kr_grow(l->tables, &l->cap_tables, l->n_tables + 1, sizeof t);
    l->tables[l->n_tables++] = t;
    return 0;
}

static int on_device(const struct nlattr *a, void *arg)
{
    struct kr_nft_base *b = arg;
    if (!b->devices++ && !kr_nft_string(a, b->device, sizeof b->device))
        return MNL_CB_ERROR;
    return MNL_CB_OK;
}

static bool read_hook(const struct nlattr *hook, struct kr_nft_base *b)
{
    struct kr_nft_attrs a;
    if (kr_nft_attrs_in(hook, &a) || !a.v[NFTA_HOOK_HOOKNUM] || !a.v[NFTA_HOOK_PRIORITY])
        return false;
    b->hook = kr_nft_number(a.v[NFTA_HOOK_HOOKNUM]);
    b->priority = (int)kr_nft_number(a.v[NFTA_HOOK_PRIORITY]);
    if (a.v[NFTA_HOOK_DEVS])
        return mnl_attr_parse_nested(a.v[NFTA_HOOK_DEVS], on_device, b) >= 0;
    return !a.v[NFTA_HOOK_DEV] || on_device(a.v[NFTA_HOOK_DEV], b) == MNL_CB_OK;
}

static int on_chain(const struct nlmsghdr *m, void *arg)
{
    struct listing *l = arg;
    struct kr_nft_attrs a;
    struct kr_nft_base b = {.family = kr_nft_family_of(m)};
    if (kr_nft_attrs(m, &a) || !kr_nft_string(a.v[NFTA_CHAIN_TABLE], b.table, sizeof b.table) ||
        !kr_nft_string(a.v[NFTA_CHAIN_NAME], b.name, sizeof b.name))
        return -1;
    if (!a.v[NFTA_CHAIN_HOOK])
        return 0;
    if (!read_hook(a.v[NFTA_CHAIN_HOOK], &b) ||
        !kr_nft_string(a.v[NFTA_CHAIN_TYPE], b.type, sizeof b.type))
        return -1;
    b.drop = kr_nft_number(a.v[NFTA_CHAIN_POLICY]) == NF_DROP && a.v[NFTA_CHAIN_POLICY];
    l->chains = kr_grow(l->chains, &l->cap_chains, l->n_chains + 1, sizeof b);
    l->chains[l->n_chains++] = b;
    return 0;
}

/* 0, KR_NL_AGAIN or -1. */
static int list_once(struct kr_nl *nl, struct listing *l, uint32_t *gen, struct kr_err *e)
{
    uint32_t after = 0;
    int got = kr_nft_gen(nl, gen, e);
    if (!got)
        got = kr_nft_dump(nl, NFT_MSG_GETTABLE, on_table, l, "listing nftables' chains", e);
    if (!got)
        got = kr_nft_dump(nl, NFT_MSG_GETCHAIN, on_chain, l, "listing nftables' chains", e);
    if (!got)
        got = kr_nft_gen(nl, &after, e);
    return got || after == *gen ? got : KR_NL_AGAIN;
}

static void add_flags(const struct listing *l)
{
    for (size_t i = 0; i < l->n_chains; i++)
        for (size_t k = 0; k < l->n_tables; k++)
            if (l->tables[k].family == l->chains[i].family &&
                strcmp(l->tables[k].name, l->chains[i].table) == 0)
                l->chains[i].table_flags = l->tables[k].flags;
}

static int list(struct listing *l, uint32_t *gen, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (int i = 0; i < TRIES; i++) {
        l->n_tables = l->n_chains = 0;
        int got = list_once(&nl, l, gen, e);
        if (got != KR_NL_AGAIN)
            return got;
    }
    return kr_fail(e, KR_UNKNOWN, 0, "the ruleset kept changing while its chains were listed");
}

int kr_nft_chains(struct kr_nft_base **out, size_t *n, uint32_t *genid, struct kr_err *e)
{
    struct listing l = {0};
    uint32_t gen = 0;
    int bad = list(&l, &gen, e);
    add_flags(&l);
    free(l.tables);
    if (bad) {
        free(l.chains);
        return -1;
    }
    *out = l.chains;
    *n = l.n_chains;
    if (genid)
        *genid = gen;
    return 0;
}

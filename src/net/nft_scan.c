#include <kr/nft_scan.h>

#include "nft_ask.h"
#include "nft_attr.h"
#include "nft_scan_reach.h"
#include "nft_scan_rule.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#define TRIES 20
#define NONE ((size_t)-1)
#define TABLE_F_PERSIST 4 /* Linux 6.9; not in the headers of Debian 12 */
#define DEVICE_PREFIX 2   /* NFTA_DEVICE_PREFIX, Linux 6.17 */

struct reading {
    struct kr_nftscan *s;
    const char *own;
    const uint16_t *ports;
    size_t n_ports;
    size_t cap_tables, cap_chains, cap_acts, cap_flowtables;
    struct kr_scan_edge *edges;
    size_t n_edges, cap_edges;
    bool moved;   /* moved: something is named that was not listed */
    size_t chain; /* of the rule at hand, or that of the last one */
    uint64_t handle;
};

static bool is_own(const struct reading *g, int family, const char *table)
{
    return g->own && (family == NFPROTO_INET || family == NFPROTO_NETDEV) &&
           strcmp(g->own, table) == 0;
}

static int by_table(const void *a, const void *b)
{
    const struct kr_scan_table *x = a, *y = b;
    return x->family != y->family ? x->family - y->family : strcmp(x->name, y->name);
}

static int by_chain(const void *a, const void *b)
{
    const struct kr_scan_chain *x = a, *y = b;
    return x->table != y->table ? (x->table < y->table ? -1 : 1) : strcmp(x->name, y->name);
}

struct key {
    unsigned of; /* family; or table */
    const char *name;
};

static int table_is(const void *key, const void *of)
{
    const struct key *k = key;
    const struct kr_scan_table *t = of;
    return k->of != (unsigned)t->family ? (k->of < (unsigned)t->family ? -1 : 1)
                                        : strcmp(k->name, t->name);
}

static int chain_is(const void *key, const void *of)
{
    const struct key *k = key;
    const struct kr_scan_chain *c = of;
    return k->of != c->table ? (k->of < c->table ? -1 : 1) : strcmp(k->name, c->name);
}

static size_t find_table(const struct reading *g, int family, const char *name)
{
    const struct key key = {(unsigned)family, name};
    const struct kr_scan_table *v = g->s->tables, *t = NULL;
    if (v)
        t = bsearch(&key, v, g->s->n_tables, sizeof *v, table_is);
    return t ? (size_t)(t - v) : NONE;
}

static size_t find_chain(const struct reading *g, unsigned table, const char *name)
{
    const struct key key = {table, name};
    const struct kr_scan_chain *v = g->s->chains, *c = NULL;
    if (v)
        c = bsearch(&key, v, g->s->n_chains, sizeof *v, chain_is);
    return c ? (size_t)(c - v) : NONE;
}

static int on_table(const struct nlmsghdr *m, void *arg)
{
    struct reading *g = arg;
    struct kr_nft_attrs a;
    char name[256];
    if (kr_nft_attrs(m, &a) || !kr_nft_string(a.v[NFTA_TABLE_NAME], name, sizeof name))
        return -1;
    struct kr_scan_table t = {.family = kr_nft_family_of(m)};
    if (is_own(g, t.family, name))
        return 0;
    t.name = kr_strdup(name);
    t.flags = kr_nft_number(a.v[NFTA_TABLE_FLAGS]);
    g->s->tables = kr_grow(g->s->tables, &g->cap_tables, g->s->n_tables + 1, sizeof t);
    g->s->tables[g->s->n_tables++] = t;
    return 0;
}

/* The table a message of something in a table belongs to. 0: ours, or one that was not listed, so
 * there is nothing to take; -1: malformed; 1: *table is set. */
static int table_of(struct reading *g, const struct nlmsghdr *m, struct kr_nft_attrs *a,
                    uint16_t attr, unsigned *table)
{
    char name[256];
    if (kr_nft_attrs(m, a) || !kr_nft_string(a->v[attr], name, sizeof name))
        return -1;
    int family = kr_nft_family_of(m);
    if (is_own(g, family, name))
        return 0;
    size_t i = find_table(g, family, name);
    if (i == NONE) {
        g->moved = true;
        return 0;
    }
    *table = (unsigned)i;
    return 1;
}

/* A name without an end, or in an attribute of its own, stands for all that begin so. */
static int on_device(const struct nlattr *a, void *arg)
{
    char **list = arg, name[32], *longer = NULL;
    size_t len = mnl_attr_get_payload_len(a);
    const char *text = mnl_attr_get_payload(a);
    bool prefix = mnl_attr_get_type(a) == DEVICE_PREFIX || !memchr(text, '\0', len);
    if (!len || len >= sizeof name)
        return MNL_CB_ERROR;
    snprintf(name, sizeof name, "%.*s%s", (int)len, text, prefix ? "*" : "");
    size_t room = (*list ? strlen(*list) + 1 : 0) + strlen(name) + 1;
    longer = kr_calloc(room, 1);
    snprintf(longer, room, "%s%s%s", *list ? *list : "", *list ? " " : "", name);
    free(*list);
    *list = longer;
    return MNL_CB_OK;
}

static int read_hook(const struct nlattr *hook, unsigned *number, int *priority, char **devices)
{
    struct kr_nft_attrs a;
    if (kr_nft_attrs_in(hook, &a) || !a.v[NFTA_HOOK_HOOKNUM] || !a.v[NFTA_HOOK_PRIORITY])
        return -1;
    *number = kr_nft_number(a.v[NFTA_HOOK_HOOKNUM]);
    *priority = (int)kr_nft_number(a.v[NFTA_HOOK_PRIORITY]);
    if (a.v[NFTA_HOOK_DEVS])
        return mnl_attr_parse_nested(a.v[NFTA_HOOK_DEVS], on_device, devices) < 0;
    return a.v[NFTA_HOOK_DEV] && on_device(a.v[NFTA_HOOK_DEV], devices) != MNL_CB_OK;
}

static uint32_t family_may(const struct reading *g, int family)
{
    uint32_t all = KR_MAY_ALL & ~(KR_MAY_PORTS & ~((1u << g->n_ports) - 1));
    if (family == NFPROTO_ARP)
        return 0;
    return all & ~(family == NFPROTO_IPV4 ? KR_MAY_V6 : family == NFPROTO_IPV6 ? KR_MAY_V4 : 0);
}

static uint32_t hook_bit(const struct kr_scan_chain *c, int family)
{
    bool leaves = c->hook >= NF_INET_FORWARD && c->hook <= NF_INET_POST_ROUTING;
    uint32_t on = c->hook <= NF_INET_POST_ROUTING ? 1u << c->hook : KR_ON_INGRESS;
    if (family == NFPROTO_NETDEV) {
        leaves = c->hook == NF_NETDEV_EGRESS;
        on = leaves ? KR_ON_EGRESS : KR_ON_INGRESS;
    }
    return on | (leaves && c->priority == INT_MAX ? KR_ON_LATE : 0);
}

static int on_chain(const struct nlmsghdr *m, void *arg)
{
    struct reading *g = arg;
    struct kr_nft_attrs a;
    struct kr_scan_chain c = {.from = NONE};
    char name[256];
    int got = table_of(g, m, &a, NFTA_CHAIN_TABLE, &c.table);
    if (got <= 0)
        return got;
    if (!kr_nft_string(a.v[NFTA_CHAIN_NAME], name, sizeof name))
        return -1;
    const struct kr_scan_table *t = &g->s->tables[c.table];
    c.base = a.v[NFTA_CHAIN_HOOK] != NULL;
    if (c.base && (read_hook(a.v[NFTA_CHAIN_HOOK], &c.hook, &c.priority, &c.devices) ||
                   !kr_nft_string(a.v[NFTA_CHAIN_TYPE], c.type, sizeof c.type))) {
        free(c.devices);
        return -1;
    }
    c.drops = a.v[NFTA_CHAIN_POLICY] && kr_nft_number(a.v[NFTA_CHAIN_POLICY]) == NF_DROP;
    if (c.base && !(t->flags & NFT_TABLE_F_DORMANT)) {
        c.may = family_may(g, t->family);
        c.on = hook_bit(&c, t->family);
    }
    c.name = kr_strdup(name);
    g->s->chains = kr_grow(g->s->chains, &g->cap_chains, g->s->n_chains + 1, sizeof c);
    g->s->chains[g->s->n_chains++] = c;
    return 0;
}

static int on_set(const struct nlmsghdr *m, void *arg)
{
    struct reading *g = arg;
    struct kr_nft_attrs a;
    unsigned table;
    int got = table_of(g, m, &a, NFTA_SET_TABLE, &table);
    if (got <= 0)
        return got;
    uint32_t kind = kr_nft_number(a.v[NFTA_SET_OBJ_TYPE]);
    if (kr_nft_number(a.v[NFTA_SET_FLAGS]) & NFT_SET_OBJECT)
        g->s->tables[table].objects |= 1u << (kind < 31 ? kind : 31);
    return 0;
}

static int on_flowtable(const struct nlmsghdr *m, void *arg)
{
    struct reading *g = arg;
    struct kr_nft_attrs a;
    struct kr_scan_flowtable f = {.name = NULL};
    char name[256];
    unsigned hook;
    int priority, got = table_of(g, m, &a, NFTA_FLOWTABLE_TABLE, &f.table);
    if (got <= 0)
        return got;
    if (!kr_nft_string(a.v[NFTA_FLOWTABLE_NAME], name, sizeof name))
        return -1;
    if (a.v[NFTA_FLOWTABLE_HOOK] &&
        read_hook(a.v[NFTA_FLOWTABLE_HOOK], &hook, &priority, &f.devices)) {
        free(f.devices);
        return -1;
    }
    f.name = kr_strdup(name);
    f.flags = kr_nft_number(a.v[NFTA_FLOWTABLE_FLAGS]);
    g->s->flowtables =
        kr_grow(g->s->flowtables, &g->cap_flowtables, g->s->n_flowtables + 1, sizeof f);
    g->s->flowtables[g->s->n_flowtables++] = f;
    return 0;
}

static void add_act(void *arg, const struct kr_scan_act *a)
{
    struct reading *g = arg;
    g->s->acts = kr_grow(g->s->acts, &g->cap_acts, g->s->n_acts + 1, sizeof *a);
    struct kr_scan_act *to = &g->s->acts[g->s->n_acts++];
    *to = *a;
    to->chain = g->chain;
    to->handle = g->handle;
}

static void add_jump(void *arg, const char *chain, uint32_t may)
{
    struct reading *g = arg;
    struct kr_scan_edge e = {.from = g->chain, .to = KR_ANY_CHAIN, .may = may};
    if (chain) {
        e.to = find_chain(g, g->s->chains[g->chain].table, chain);
        g->moved |= e.to == NONE;
    }
    g->edges = kr_grow(g->edges, &g->cap_edges, g->n_edges + 1, sizeof e);
    g->edges[g->n_edges++] = e;
}

/* Rules come chain by chain, so most stand in that of the last one. */
static size_t chain_of(const struct reading *g, unsigned table, const char *name)
{
    const struct kr_scan_chain *c = g->chain == NONE ? NULL : &g->s->chains[g->chain];
    return c && c->table == table && strcmp(c->name, name) == 0 ? g->chain
                                                                : find_chain(g, table, name);
}

static int on_rule(const struct nlmsghdr *m, void *arg)
{
    struct reading *g = arg;
    struct kr_nft_attrs a;
    char name[256];
    unsigned table;
    int got = table_of(g, m, &a, NFTA_RULE_TABLE, &table);
    if (got <= 0)
        return got;
    if (!kr_nft_string(a.v[NFTA_RULE_CHAIN], name, sizeof name))
        return -1;
    g->chain = chain_of(g, table, name);
    if (g->chain == NONE) {
        g->moved = true;
        return 0;
    }
    g->s->n_rules++;
    g->handle = kr_nft_number64(a.v[NFTA_RULE_HANDLE]);
    const struct kr_scan_table *t = &g->s->tables[table];
    struct kr_rule_walk w = {.ports = g->ports,
                             .n_ports = g->n_ports,
                             .objects = t->objects,
                             .arg = g,
                             .act = add_act,
                             .jump = add_jump,
                             .may = family_may(g, t->family)};
    return t->family == NFPROTO_ARP ? 0 : kr_rule_reduce(&w, a.v[NFTA_RULE_EXPRESSIONS]);
}

/* So that tables are found while chains come, and chains while rules come. */
static void sort_after(struct kr_nftscan *s, uint16_t dump)
{
    if (dump == NFT_MSG_GETTABLE && s->n_tables)
        qsort(s->tables, s->n_tables, sizeof *s->tables, by_table);
    if (dump == NFT_MSG_GETCHAIN && s->n_chains)
        qsort(s->chains, s->n_chains, sizeof *s->chains, by_chain);
}

/* 0, KR_NL_AGAIN or -1. What is named by others comes first. */
static int read_once(struct kr_nl *nl, struct reading *g, struct kr_err *e)
{
    static const struct {
        uint16_t type;
        kr_nl_cb cb;
    } dumps[] = {{NFT_MSG_GETTABLE, on_table},
                 {NFT_MSG_GETCHAIN, on_chain},
                 {NFT_MSG_GETSET, on_set},
                 {NFT_MSG_GETFLOWTABLE, on_flowtable},
                 {NFT_MSG_GETRULE, on_rule}};
    uint32_t after = 0;
    int got = kr_nft_gen(nl, &g->s->generation, e);
    for (size_t i = 0; !got && i < sizeof dumps / sizeof *dumps; i++) {
        got = kr_nft_dump(nl, dumps[i].type, dumps[i].cb, g, "reading nftables' rules", e);
        sort_after(g->s, dumps[i].type);
    }
    if (!got)
        got = kr_nft_gen(nl, &after, e);
    return got || (after == g->s->generation && !g->moved) ? got : KR_NL_AGAIN;
}

/* What is on a hook by means we do not know can't be judged. */
static void doubt_chains(struct reading *g)
{
    static const char *const types[] = {"filter", "nat", "route"};
    const uint32_t flags = NFT_TABLE_F_DORMANT | NFT_TABLE_F_OWNER | TABLE_F_PERSIST;
    g->handle = 0;
    for (size_t i = 0; i < g->s->n_chains; i++) {
        const struct kr_scan_chain *c = &g->s->chains[i];
        struct kr_scan_act a = {.does = KR_DOES_UNKNOWN, .may = KR_MAY_ALL};
        bool known = false;
        for (size_t k = 0; k < sizeof types / sizeof *types; k++)
            known |= strcmp(types[k], c->type) == 0;
        g->chain = i;
        if (c->on && !known)
            snprintf(a.what, sizeof a.what, "chain type %.20s", c->type);
        else if (c->on && g->s->tables[c->table].flags & ~flags)
            snprintf(a.what, sizeof a.what, "table flags 0x%x", g->s->tables[c->table].flags);
        if (*a.what)
            add_act(g, &a);
    }
}

/* As read_once. */
static int read_whole(struct kr_nl *nl, struct reading *g, struct kr_err *e)
{
    int got = read_once(nl, g, e);
    if (!got) {
        doubt_chains(g);
        kr_scan_spread(g->s, g->edges, g->n_edges);
    }
    free(g->edges);
    return got;
}

int kr_nftscan_read(const char *own, const uint16_t *ports, size_t n_ports, struct kr_nftscan *out,
                    struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    memset(out, 0, sizeof *out);
    if (n_ports > 16)
        return kr_fail(e, KR_UNKNOWN, 0, "%zu ports, at most 16", n_ports);
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (int i = 0; i < TRIES; i++) {
        struct reading g = {
            .s = out, .own = own, .ports = ports, .n_ports = n_ports, .chain = NONE};
        int got = read_whole(&nl, &g, e);
        if (!got)
            return 0;
        kr_nftscan_free(out);
        if (got != KR_NL_AGAIN)
            return -1;
    }
    return kr_fail(e, KR_UNKNOWN, 0, "the ruleset kept changing while it was read");
}

void kr_nftscan_free(struct kr_nftscan *s)
{
    for (size_t i = 0; i < s->n_tables; i++)
        free(s->tables[i].name);
    for (size_t i = 0; i < s->n_chains; i++) {
        free(s->chains[i].name);
        free(s->chains[i].devices);
    }
    for (size_t i = 0; i < s->n_flowtables; i++) {
        free(s->flowtables[i].name);
        free(s->flowtables[i].devices);
    }
    free(s->tables);
    free(s->chains);
    free(s->flowtables);
    free(s->acts);
    memset(s, 0, sizeof *s);
}

uint32_t kr_nftscan_may(const struct kr_nftscan *s, const struct kr_scan_act *a)
{
    uint32_t may = s->chains[a->chain].may & a->may;
    return kr_may_none(may) ? 0 : may;
}

bool kr_nftscan_on_device(const char *devices, const char *name)
{
    for (const char *d = devices; d && *d; d += strcspn(d, " "), d += *d == ' ') {
        size_t n = strcspn(d, " ");
        if (n && d[n - 1] == '*' ? strncmp(d, name, n - 1) == 0
                                 : strlen(name) == n && strncmp(d, name, n) == 0)
            return true;
    }
    return false;
}

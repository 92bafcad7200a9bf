#include "nft_internal.h"
#include "nft_read.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Every attribute of every expression of ours. What is not in this table is a difference. */
static const struct {
    const char *name;
    uint16_t attrs[9]; /* 0 ends; NFTNL attribute numbers begin at 1 */
} known[] = {
    {"meta", {NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_DREG, NFTNL_EXPR_META_SREG}},
    {"cmp", {NFTNL_EXPR_CMP_SREG, NFTNL_EXPR_CMP_OP, NFTNL_EXPR_CMP_DATA}},
    {"payload",
     {NFTNL_EXPR_PAYLOAD_DREG, NFTNL_EXPR_PAYLOAD_BASE, NFTNL_EXPR_PAYLOAD_OFFSET,
      NFTNL_EXPR_PAYLOAD_LEN, NFTNL_EXPR_PAYLOAD_SREG}},
    {"lookup", {NFTNL_EXPR_LOOKUP_SREG, NFTNL_EXPR_LOOKUP_DREG, NFTNL_EXPR_LOOKUP_FLAGS}},
    {"objref", {NFTNL_EXPR_OBJREF_IMM_TYPE, NFTNL_EXPR_OBJREF_IMM_NAME}},
    {"immediate",
     {NFTNL_EXPR_IMM_DREG, NFTNL_EXPR_IMM_DATA, NFTNL_EXPR_IMM_VERDICT, NFTNL_EXPR_IMM_CHAIN}},
    {"reject", {NFTNL_EXPR_REJECT_TYPE, NFTNL_EXPR_REJECT_CODE}},
    {"exthdr",
     {NFTNL_EXPR_EXTHDR_DREG, NFTNL_EXPR_EXTHDR_TYPE, NFTNL_EXPR_EXTHDR_OFFSET,
      NFTNL_EXPR_EXTHDR_LEN, NFTNL_EXPR_EXTHDR_FLAGS, NFTNL_EXPR_EXTHDR_OP,
      NFTNL_EXPR_EXTHDR_SREG}},
    {"bitwise",
     {NFTNL_EXPR_BITWISE_SREG, NFTNL_EXPR_BITWISE_DREG, NFTNL_EXPR_BITWISE_LEN,
      NFTNL_EXPR_BITWISE_MASK, NFTNL_EXPR_BITWISE_XOR, NFTNL_EXPR_BITWISE_OP,
      NFTNL_EXPR_BITWISE_DATA}},
    {"byteorder",
     {NFTNL_EXPR_BYTEORDER_DREG, NFTNL_EXPR_BYTEORDER_SREG, NFTNL_EXPR_BYTEORDER_OP,
      NFTNL_EXPR_BYTEORDER_LEN, NFTNL_EXPR_BYTEORDER_SIZE}},
    {"hash",
     {NFTNL_EXPR_HASH_SREG, NFTNL_EXPR_HASH_DREG, NFTNL_EXPR_HASH_LEN, NFTNL_EXPR_HASH_MODULUS,
      NFTNL_EXPR_HASH_SEED, NFTNL_EXPR_HASH_OFFSET, NFTNL_EXPR_HASH_TYPE}},
    {"nat",
     {NFTNL_EXPR_NAT_TYPE, NFTNL_EXPR_NAT_FAMILY, NFTNL_EXPR_NAT_REG_ADDR_MIN,
      NFTNL_EXPR_NAT_REG_ADDR_MAX, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFTNL_EXPR_NAT_REG_PROTO_MAX,
      NFTNL_EXPR_NAT_FLAGS}},
    {"fib", {NFTNL_EXPR_FIB_DREG, NFTNL_EXPR_FIB_RESULT, NFTNL_EXPR_FIB_FLAGS}},
};

static bool all_zero(const uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

/* The kernel spells defaults out that were never sent: unset equals zero. */
static bool same_attr(const struct nftnl_expr *a, const struct nftnl_expr *b, uint16_t attr)
{
    uint32_t la = 0, lb = 0;
    const void *x = nftnl_expr_is_set(a, attr) ? nftnl_expr_get(a, attr, &la) : NULL;
    const void *y = nftnl_expr_is_set(b, attr) ? nftnl_expr_get(b, attr, &lb) : NULL;
    if (x && y)
        return la == lb && memcmp(x, y, la) == 0;
    return x ? all_zero(x, la) : !y || all_zero(y, lb);
}

static bool same_expr(const struct nftnl_expr *a, const struct nftnl_expr *b)
{
    const char *name = nftnl_expr_get_str(a, NFTNL_EXPR_NAME);
    const char *found = nftnl_expr_get_str(b, NFTNL_EXPR_NAME);
    if (!name || !found || strcmp(name, found) != 0)
        return false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        for (size_t k = 0; k < 9 && known[i].attrs[k]; k++)
            if (!same_attr(a, b, known[i].attrs[k]))
                return false;
        return true;
    }
    return false;
}

struct side {
    const struct kr_nft_table *want;
    const struct kr_nft_read *got;
    struct kr_buf *diff;
    bool equal;
};

static void __attribute__((format(printf, 2, 3))) differ(struct side *s, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    s->equal = false;
    kr_buf_printf(s->diff, "table %s %s: %s\n",
                  s->want->family == NFPROTO_NETDEV ? "netdev" : "inet", s->want->name, text);
}

/* Elements as sorted byte strings, since the kernel returns them in an order of its own. */
struct element {
    uint8_t b[64];
    uint32_t n;
};

static void put(struct element *x, const struct nftnl_set_elem *from, uint16_t attr)
{
    uint32_t len = 0;
    const void *p = nftnl_set_elem_get((struct nftnl_set_elem *)(uintptr_t)from, attr, &len);
    x->b[x->n++] = p ? (uint8_t)len : 0;
    if (p && x->n + len <= sizeof x->b) {
        memcpy(x->b + x->n, p, len);
        x->n += len;
    }
}

static int add_one(struct nftnl_set_elem *from, void *arg)
{
    struct {
        struct element *v;
        size_t n, cap;
    } *list = arg;
    struct element x = {.n = 0};
    memset(x.b, 0, sizeof x.b);
    put(&x, from, NFTNL_SET_ELEM_KEY);
    put(&x, from, NFTNL_SET_ELEM_KEY_END);
    put(&x, from, NFTNL_SET_ELEM_DATA);
    list->v = kr_grow(list->v, &list->cap, list->n + 1, sizeof x);
    list->v[list->n++] = x;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct element));
}

static struct element *elements(const struct nftnl_set *s, size_t *n)
{
    struct {
        struct element *v;
        size_t n, cap;
    } list = {0};
    nftnl_set_elem_foreach((struct nftnl_set *)(uintptr_t)s, add_one, &list);
    if (list.n)
        qsort(list.v, list.n, sizeof *list.v, by_bytes);
    *n = list.n;
    return list.v;
}

static bool same_set(const struct nftnl_set *a, const struct nftnl_set *b, const char **what)
{
    static const struct {
        uint16_t attr;
        const char *name;
    } attrs[] = {{NFTNL_SET_FLAGS, "flags"},          {NFTNL_SET_KEY_TYPE, "key type"},
                 {NFTNL_SET_KEY_LEN, "key length"},   {NFTNL_SET_DATA_TYPE, "data type"},
                 {NFTNL_SET_DATA_LEN, "data length"}, {NFTNL_SET_TIMEOUT, "timeout"}};
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
        *what = attrs[i].name;
        if (nftnl_set_get_u32(a, attrs[i].attr) != nftnl_set_get_u32(b, attrs[i].attr))
            return false;
    }
    size_t na, nb;
    KR_AUTO_FREE struct element *x = elements(a, &na);
    KR_AUTO_FREE struct element *y = elements(b, &nb);
    *what = "elements";
    return na == nb && (na == 0 || memcmp(x, y, na * sizeof *x) == 0);
}

static const struct nftnl_set *find_set(const struct kr_nft_read *got, const char *name)
{
    for (size_t i = 0; i < got->n_sets; i++)
        if (strcmp(nftnl_set_get_str(got->sets[i], NFTNL_SET_NAME), name) == 0)
            return got->sets[i];
    return NULL;
}

static void compare_sets(struct side *s)
{
    if (s->got->n_sets != s->want->n_sets)
        differ(s, "%zu sets instead of %zu", s->got->n_sets, s->want->n_sets);
    for (size_t i = 0; i < s->want->n_sets; i++) {
        const struct kr_nft_set *w = s->want->sets[i];
        const char *what = "";
        if (w->anonymous)
            continue;
        const struct nftnl_set *g = find_set(s->got, w->name);
        if (!g)
            differ(s, "set %s is missing", w->name);
        else if (!same_set(w->nl, g, &what))
            differ(s, "set %s: other %s", w->name, what);
    }
}

static void compare_counters(struct side *s)
{
    if (s->got->n_objs != s->want->n_counters)
        differ(s, "%zu named objects instead of %zu", s->got->n_objs, s->want->n_counters);
    for (size_t i = 0; i < s->want->n_counters; i++) {
        bool found = false;
        for (size_t k = 0; k < s->got->n_objs && !found; k++)
            found = strcmp(nftnl_obj_get_str(s->got->objs[k], NFTNL_OBJ_NAME),
                           s->want->counters[i]) == 0 &&
                    nftnl_obj_get_u32(s->got->objs[k], NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER;
        if (!found)
            differ(s, "counter %s is missing", s->want->counters[i]);
    }
}

static const struct nftnl_chain *find_chain(const struct kr_nft_read *got, const char *name)
{
    for (size_t i = 0; i < got->n_chains; i++)
        if (strcmp(nftnl_chain_get_str(got->chains[i], NFTNL_CHAIN_NAME), name) == 0)
            return got->chains[i];
    return NULL;
}

static void compare_hook(struct side *s, const struct kr_nft_chain *w, const struct nftnl_chain *g)
{
    const char *type = nftnl_chain_get_str(g, NFTNL_CHAIN_TYPE);
    const char *dev = nftnl_chain_get_str(g, NFTNL_CHAIN_DEV);
    if (!nftnl_chain_is_set(g, NFTNL_CHAIN_HOOKNUM)) {
        differ(s, "chain %s is on no hook", w->name);
        return;
    }
    if (!type || strcmp(type, w->hook.type) != 0 ||
        nftnl_chain_get_u32(g, NFTNL_CHAIN_HOOKNUM) != w->hook.hook)
        differ(s, "chain %s: other type or hook", w->name);
    if (nftnl_chain_get_s32(g, NFTNL_CHAIN_PRIO) != w->hook.priority)
        differ(s, "chain %s: priority %d instead of %d", w->name,
               nftnl_chain_get_s32(g, NFTNL_CHAIN_PRIO), w->hook.priority);
    if (nftnl_chain_get_u32(g, NFTNL_CHAIN_POLICY) != (w->hook.drop ? NF_DROP : NF_ACCEPT))
        differ(s, "chain %s: other policy", w->name);
    if (w->hook.device && (!dev || strcmp(dev, w->device) != 0))
        differ(s, "chain %s: on device %s instead of %s", w->name, dev ? dev : "none", w->device);
}

static void compare_chains(struct side *s)
{
    if (s->got->n_chains != s->want->n_chains)
        differ(s, "%zu chains instead of %zu", s->got->n_chains, s->want->n_chains);
    for (size_t i = 0; i < s->want->n_chains; i++) {
        const struct kr_nft_chain *w = s->want->chains[i];
        const struct nftnl_chain *g = find_chain(s->got, w->name);
        if (!g)
            differ(s, "chain %s is missing", w->name);
        else if (w->base)
            compare_hook(s, w, g);
        else if (nftnl_chain_is_set(g, NFTNL_CHAIN_HOOKNUM))
            differ(s, "chain %s is on a hook", w->name);
    }
}

static bool same_lookup(struct side *s, const struct kr_nft_rule *w, const struct nftnl_expr *want,
                        const struct nftnl_expr *got)
{
    const char *name = nftnl_expr_get_str(want, NFTNL_EXPR_LOOKUP_SET);
    const char *found = nftnl_expr_get_str(got, NFTNL_EXPR_LOOKUP_SET);
    const char *what;
    if (!found || !w->map || strcmp(name, w->map->name) != 0)
        return found && strcmp(name, found) == 0;
    const struct nftnl_set *set = find_set(s->got, found);
    return set && same_set(w->map->nl, set, &what);
}

static bool same_rule(struct side *s, const struct kr_nft_rule *w, const struct nftnl_rule *g)
{
    struct nftnl_expr_iter *i = nftnl_expr_iter_create(g);
    size_t n = 0;
    bool same = true;
    for (struct nftnl_expr *x; same && (x = nftnl_expr_iter_next(i)); n++) {
        same = n < w->n && same_expr(w->v[n], x);
        if (same && strcmp(nftnl_expr_get_str(x, NFTNL_EXPR_NAME), "lookup") == 0)
            same = same_lookup(s, w, w->v[n], x);
    }
    nftnl_expr_iter_destroy(i);
    return same && n == w->n;
}

static void compare_rules(struct side *s, const struct kr_nft_chain *w)
{
    size_t n = 0;
    for (size_t i = 0; i < s->got->n_rules; i++) {
        const struct nftnl_rule *g = s->got->rules[i];
        if (strcmp(nftnl_rule_get_str(g, NFTNL_RULE_CHAIN), w->name) != 0)
            continue;
        if (n >= w->n)
            differ(s, "chain %s: a rule of somebody else at the end (handle %llu)", w->name,
                   (unsigned long long)nftnl_rule_get_u64(g, NFTNL_RULE_HANDLE));
        else if (!same_rule(s, w->v[n], g))
            differ(s, "chain %s, rule %zu (handle %llu) is not '%s'", w->name, n + 1,
                   (unsigned long long)nftnl_rule_get_u64(g, NFTNL_RULE_HANDLE), w->v[n]->comment);
        n++;
    }
    if (n < w->n)
        differ(s, "chain %s: %zu rules instead of %zu", w->name, n, w->n);
}

static bool compare_table(const struct kr_nft_table *want, const struct kr_nft_read *got,
                          struct kr_buf *diff)
{
    struct side s = {want, got, diff, true};
    if (!got->exists) {
        differ(&s, "is missing");
        return false;
    }
    if (got->flags & NFT_TABLE_F_DORMANT)
        differ(&s, "is dormant: none of its chains is on a hook");
    else if (got->flags)
        differ(&s, "has flags 0x%x", got->flags);
    compare_counters(&s);
    compare_sets(&s);
    compare_chains(&s);
    for (size_t i = 0; i < want->n_chains; i++)
        compare_rules(&s, want->chains[i]);
    return s.equal;
}

int kr_nft_compare(const struct kr_nft *r, struct kr_buf *diff, uint32_t *genid, struct kr_err *e)
{
    struct kr_nft_name names[4];
    struct kr_nft_read got[4];
    uint32_t gen = 0;
    int equal = 1;
    if (r->n > sizeof names / sizeof *names)
        return kr_fail(e, KR_INTERNAL, 0, "too many tables");
    for (size_t i = 0; i < r->n; i++)
        names[i] = (struct kr_nft_name){r->v[i]->family, r->v[i]->name};
    if (kr_nft_read_tables(names, r->n, got, &gen, e))
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        if (!compare_table(r->v[i], &got[i], diff))
            equal = 0;
        kr_nft_read_free(&got[i]);
    }
    if (genid)
        *genid = gen;
    return equal;
}

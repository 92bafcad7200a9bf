#include "nft_compare.h"
#include "nft_compare_set.h"
#include "nft_internal.h"
#include "nft_read.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <libnftnl/chain.h>
#include <libnftnl/object.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* Its number, or n_sets. */
static size_t find_set(const struct kr_nft_read *got, const char *name)
{
    size_t i = 0;
    while (i < got->n_sets && strcmp(nftnl_set_get_str(got->sets[i], NFTNL_SET_NAME), name) != 0)
        i++;
    return i;
}

static const char *set_differs(struct kr_nft_set *w, const struct kr_nft_read *got, size_t i)
{
    const char *what = kr_nft_set_differs(w->nl, got->sets[i]);
    return what ? what : kr_nft_elems_differ(&w->elems, &got->elems[i]);
}

static bool is_ours(const struct kr_nft_table *t, const char *set)
{
    for (size_t i = 0; i < t->n_sets; i++)
        if (!t->sets[i]->anonymous && strcmp(t->sets[i]->name, set) == 0)
            return true;
    return false;
}

/* Anonymous sets are compared where a rule looks them up; here they are counted. */
static void compare_sets(struct side *s)
{
    size_t named = 0;
    for (size_t i = 0; i < s->want->n_sets; i++) {
        struct kr_nft_set *w = s->want->sets[i];
        if (w->anonymous)
            continue;
        named++;
        size_t g = find_set(s->got, w->name);
        const char *what = g < s->got->n_sets ? set_differs(w, s->got, g) : NULL;
        if (g == s->got->n_sets)
            differ(s, "set %s is missing", w->name);
        else if (what)
            differ(s, "set %s: other %s", w->name, what);
    }
    size_t anonymous = 0;
    for (size_t i = 0; i < s->got->n_sets; i++) {
        const char *name = nftnl_set_get_str(s->got->sets[i], NFTNL_SET_NAME);
        if (nftnl_set_get_u32(s->got->sets[i], NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS)
            anonymous++;
        else if (!is_ours(s->want, name))
            differ(s, "set %s is not one of ours", name);
    }
    if (anonymous != s->want->n_sets - named)
        differ(s, "%zu anonymous sets instead of %zu", anonymous, s->want->n_sets - named);
}

static bool is_our_counter(const struct kr_nft_table *t, struct nftnl_obj *o)
{
    const char *name = nftnl_obj_get_str(o, NFTNL_OBJ_NAME);
    for (size_t i = 0; i < t->n_counters; i++)
        if (strcmp(t->counters[i].name, name) == 0)
            return nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER;
    return false;
}

static bool has_object(const struct kr_nft_read *got, const char *name)
{
    for (size_t i = 0; i < got->n_objs; i++)
        if (strcmp(nftnl_obj_get_str(got->objs[i], NFTNL_OBJ_NAME), name) == 0)
            return true;
    return false;
}

static void compare_objects(struct side *s)
{
    for (size_t i = 0; i < s->got->n_objs; i++)
        if (!is_our_counter(s->want, s->got->objs[i]))
            differ(s, "object %s is not a counter of ours",
                   nftnl_obj_get_str(s->got->objs[i], NFTNL_OBJ_NAME));
    for (size_t i = 0; i < s->want->n_counters; i++)
        if (!has_object(s->got, s->want->counters[i].name))
            differ(s, "counter %s is missing", s->want->counters[i].name);
    if (s->got->n_flowtables)
        differ(s, "flowtable %s is not one of ours: its flows pass every chain by",
               s->got->flowtable);
}

static const struct nftnl_chain *find_chain(const struct kr_nft_read *got, const char *name)
{
    for (size_t i = 0; i < got->n_chains; i++)
        if (strcmp(nftnl_chain_get_str(got->chains[i], NFTNL_CHAIN_NAME), name) == 0)
            return got->chains[i];
    return NULL;
}

/* One device and no other. From Linux 6.16 a chain outlives its device and is then on no hook,
 * though it is listed as before. */
static void compare_device(struct side *s, const struct kr_nft_chain *w,
                           const struct nftnl_chain *g)
{
    const char *const one[] = {nftnl_chain_get_str(g, NFTNL_CHAIN_DEV), NULL};
    const char *const *devices = nftnl_chain_is_set(g, NFTNL_CHAIN_DEVICES)
                                     ? nftnl_chain_get_array(g, NFTNL_CHAIN_DEVICES)
                                     : one;
    const char *first = devices[0];
    if (!w->hook.device) {
        if (first)
            differ(s, "chain %s: on device %s, though on none", w->name, first);
        return;
    }
    if (!first || strcmp(first, w->device) != 0 || devices[1])
        differ(s, "chain %s: on device %s%s instead of %s", w->name, first ? first : "none",
               first && devices[1] ? " and others" : "", w->device);
    else if (!if_nametoindex(w->device))
        differ(s, "chain %s: its device %s is gone", w->name, w->device);
}

static void compare_hook(struct side *s, const struct kr_nft_chain *w, const struct nftnl_chain *g)
{
    const char *type = nftnl_chain_get_str(g, NFTNL_CHAIN_TYPE);
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
    compare_device(s, w, g);
}

static bool is_our_chain(const struct kr_nft_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_chains; i++)
        if (strcmp(t->chains[i]->name, name) == 0)
            return true;
    return false;
}

/* A chain's flags say that it is a base chain (1), and what else it may be: offloaded, bound. */
static void compare_chain(struct side *s, const struct kr_nft_chain *w, const struct nftnl_chain *g)
{
    uint32_t flags = nftnl_chain_get_u32(g, NFTNL_CHAIN_FLAGS);
    if (flags & ~(uint32_t)NFT_CHAIN_BASE)
        differ(s, "chain %s has flags 0x%x", w->name, flags);
    if (w->base)
        compare_hook(s, w, g);
    else if (nftnl_chain_is_set(g, NFTNL_CHAIN_HOOKNUM))
        differ(s, "chain %s is on a hook", w->name);
}

static void compare_chains(struct side *s)
{
    for (size_t i = 0; i < s->want->n_chains; i++) {
        const struct nftnl_chain *g = find_chain(s->got, s->want->chains[i]->name);
        if (!g)
            differ(s, "chain %s is missing", s->want->chains[i]->name);
        else
            compare_chain(s, s->want->chains[i], g);
    }
    for (size_t i = 0; i < s->got->n_chains; i++) {
        const char *name = nftnl_chain_get_str(s->got->chains[i], NFTNL_CHAIN_NAME);
        if (!is_our_chain(s->want, name))
            differ(s, "chain %s is not one of ours", name);
    }
}

/* The kernel has numbered an anonymous set: is the one it names the one that was meant? */
static bool same_lookup(const struct kr_nft_lookup *l, const char **what)
{
    const struct side *s = l->arg;
    size_t set = find_set(s->got, l->found);
    bool found = set < s->got->n_sets;
    *what = "name";
    for (size_t i = 0; i < l->rule->n_sets; i++)
        if (l->rule->sets[i]->id == l->id) {
            *what = found ? set_differs(l->rule->sets[i], s->got, set) : *what;
            return found && !*what;
        }
    return strcmp(l->found, l->want) == 0;
}

static void compare_rules(struct side *s, const struct kr_nft_chain *w)
{
    size_t n = 0;
    for (size_t i = 0; i < s->got->n_rules; i++) {
        const struct nlmsghdr *g = s->got->rules[i];
        char why[200];
        const char *chain = kr_nft_rule_attr_str(g, NFTA_RULE_CHAIN);
        if (!chain || strcmp(chain, w->name) != 0)
            continue;
        if (n >= w->n)
            differ(s, "chain %s: rule %zu (handle %llu) is not one of ours", w->name, n + 1,
                   kr_nft_rule_handle(g));
        else if (!kr_nft_rule_equal(w->v[n], g, same_lookup, s, why))
            differ(s, "chain %s, rule %zu (handle %llu) is not '%s': %s", w->name, n + 1,
                   kr_nft_rule_handle(g), w->v[n]->comment ? w->v[n]->comment : "", why);
        n++;
    }
    if (n < w->n)
        differ(s, "chain %s: %zu rules instead of %zu", w->name, n, w->n);
}

/* Alone, `persist` does nothing: an owner that has gone leaves it behind. An owner we do not know
 * could change the table under the eyes of everybody, and nobody else could. */
static void compare_flags(struct side *s)
{
    const uint32_t known = NFT_TABLE_F_DORMANT | KR_NFT_F_OWNER | KR_NFT_F_PERSIST;
    uint32_t flags = s->got->flags, owner = s->want->ruleset->owner;
    bool owned = flags & KR_NFT_F_OWNER;
    if (flags & NFT_TABLE_F_DORMANT)
        differ(s, "is dormant: none of its chains is on a hook");
    if (flags & ~known)
        differ(s, "has flags 0x%x", flags);
    if (owned && !(flags & KR_NFT_F_PERSIST))
        differ(s, "belongs to a process (netlink port %u) and would go with it", s->got->owner);
    else if (owned && s->got->owner != owner)
        differ(s, "belongs to a process (netlink port %u) that is no watch of ours", s->got->owner);
    else if (!owned && owner)
        differ(s, "belongs to nobody, though the watch took it (netlink port %u)", owner);
}

static bool compare_table(const struct kr_nft_table *want, const struct kr_nft_read *got,
                          struct kr_buf *diff)
{
    struct side s = {want, got, diff, true};
    if (!got->exists) {
        differ(&s, "is missing");
        return false;
    }
    compare_flags(&s);
    compare_objects(&s);
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

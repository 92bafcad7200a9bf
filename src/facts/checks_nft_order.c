/* NAT and flowtables: what takes connections before us, or past us. */
#include "checks_nft.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

/* Where destinations are mapped. */
static const struct {
    unsigned hook;
    const char *name;
} mapped[] = {{NF_INET_LOCAL_OUT, "output"}, {NF_INET_PRE_ROUTING, "prerouting"}};
#define N_MAPPED (sizeof mapped / sizeof *mapped)

/* Guarded ports that a redirect of ours on this hook takes first, for one family. The first nat
 * chain that maps a connection wins (nf_nat_core.c, nf_nat_inet_fn). */
static uint32_t ours_first(const struct kr_scene *s, unsigned hook, uint32_t family)
{
    const struct kr_endpoint *sink = family == KR_MAY_V4 ? s->sink4 : s->sink6;
    if (!sink || (hook == NF_INET_PRE_ROUTING && !s->forward))
        return 0;
    return (uint32_t)(1u << s->n_redirected) - 1;
}

static bool redirects_on(const struct kr_scene *s, unsigned hook)
{
    return ours_first(s, hook, KR_MAY_V4) | ours_first(s, hook, KR_MAY_V6);
}

static void judge_chain(const struct kr_scene *s, struct kr_result *r, const struct kr_nftscan *n,
                        size_t i)
{
    const struct kr_scan_chain *c = &n->chains[i];
    const struct kr_scan_table *t = &n->tables[c->table];
    char object[160];
    for (size_t k = 0; k < N_MAPPED; k++) {
        if (!c->base || !(c->on & 1u << mapped[k].hook) || strcmp(c->type, "nat") != 0 ||
            c->priority > KR_NAT_FIRST || !redirects_on(s, mapped[k].hook))
            continue;
        kr_nft_chain_text(n, i, object, sizeof object);
        kr_result_add(r, KR_BROKEN, object,
                      "nat chain in %s at %d, where our redirect is: whoever came last is first; "
                      "nft delete chain %s %.60s %.60s",
                      mapped[k].name, c->priority, kr_nft_family_name(t->family), t->name, c->name);
    }
}

/* The hook where the rule may map one of our ports with nobody of ours ahead; NULL: none. */
static const char *maps_on(const struct kr_scene *s, const struct kr_nftscan *n,
                           const struct kr_scan_act *a)
{
    static const uint32_t families[] = {KR_MAY_V4, KR_MAY_V6};
    uint32_t may = kr_nftscan_may(n, a);
    for (size_t k = 0; k < N_MAPPED; k++)
        for (size_t f = 0; f < 2; f++) {
            uint32_t open = kr_nft_port_bits(s) & ~ours_first(s, mapped[k].hook, families[f]);
            if ((n->chains[a->chain].on & 1u << mapped[k].hook) && (may & families[f]) &&
                kr_nft_meets(may, open))
                return mapped[k].name;
        }
    return NULL;
}

int kr_check_nat_order(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_nftscan *n = kr_scene_nft(s, e);
    char object[160];
    if (!n)
        return -1;
    for (size_t i = 0; i < n->n_chains; i++)
        judge_chain(s, r, n, i);
    for (size_t i = 0; i < n->n_acts; i++) {
        const struct kr_scan_act *a = &n->acts[i];
        const char *hook = a->does == KR_DOES_MAP ? maps_on(s, n, a) : NULL;
        if (!hook)
            continue;
        const struct kr_scan_chain *c = &n->chains[a->chain];
        const struct kr_scan_table *t = &n->tables[c->table];
        kr_nft_chain_text(n, a->chain, object, sizeof object);
        kr_result_add(r, KR_BROKEN, object,
                      "%s in %s may take our ports, and nothing of ours is ahead; "
                      "nft delete rule %s %.60s %.60s handle %llu",
                      a->what, hook, kr_nft_family_name(t->family), t->name, c->name,
                      (unsigned long long)a->handle)
            ->handle = a->handle;
    }
    return 0;
}

int kr_check_flowtable(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_nftscan *n = kr_scene_nft(s, e);
    if (!n)
        return -1;
    for (size_t i = 0; i < n->n_flowtables; i++) {
        const struct kr_scan_flowtable *f = &n->flowtables[i];
        const struct kr_scan_table *t = &n->tables[f->table];
        char object[160];
        bool hardware = f->flags & NFT_FLOWTABLE_HW_OFFLOAD;
        snprintf(object, sizeof object, "%s %.64s/%.64s", kr_nft_family_name(t->family), t->name,
                 f->name);
        if (!f->devices) {
            kr_result_add(r, KR_HOLDS, object, "a flowtable without devices");
            continue;
        }
        struct kr_evidence *x = kr_result_add(
            r, KR_BROKEN, object,
            "flows of %.60s go past every hook%s; nft delete flowtable %s %.60s %.60s", f->devices,
            hardware ? ", in hardware" : "", kr_nft_family_name(t->family), t->name, f->name);
        for (size_t k = 0; s->uplinks && k < s->uplinks->n; k++)
            if (kr_nftscan_on_device(f->devices, s->uplinks->v[k].name))
                snprintf(x->ifname, sizeof x->ifname, "%s", s->uplinks->v[k].name);
    }
    return 0;
}

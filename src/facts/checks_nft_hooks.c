#include "checks_nft.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nft_hooks.h>

#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <stdio.h>
#include <string.h>

#define TYPE_BPF 2  /* NFNL_HOOK_TYPE_BPF, Linux 6.4; such a program accepts or drops, no more */
#define TYPE_FLOW 3 /* NFNL_HOOK_TYPE_NFT_FLOWTABLE, Linux 6.17 */

/* What the kernel itself has at the last priority: it confirms new connections there. */
static const char *const known[] = {"nf_confirm", "ipv4_confirm", "ipv6_confirm"};

static bool is_known(const struct kr_hook *h)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], h->function) == 0)
            return true;
    return h->kind == NFNL_HOOK_TYPE_NFTABLES; /* late-chain and own-rules judge those */
}

static void judge(struct kr_result *r, const struct kr_hook *h, const char *where, const char *dev)
{
    char object[160];
    bool late = h->priority == INT_MAX;
    if (is_known(h) || (!late && h->kind != TYPE_BPF && h->kind != TYPE_FLOW && *h->function))
        return;
    snprintf(object, sizeof object, "%s: %s [%s]", where, *h->function ? h->function : "?",
             *h->module ? h->module : "kernel");
    struct kr_evidence *x = kr_result_add(
        r, late && h->kind != TYPE_BPF ? KR_IN_DOUBT : KR_HOLDS, object, "priority %d%s",
        h->priority,
        h->kind == TYPE_BPF    ? ": a BPF program, which can only accept or drop"
        : h->kind == TYPE_FLOW ? ": a flowtable; see the check flowtable"
        : late ? ": a function of the kernel at our guards' priority that we do not know"
               : ": not named");
    if (dev)
        snprintf(x->ifname, sizeof x->ifname, "%s", dev);
}

/* 1: read; 0: the kernel does not tell; -1. */
static int look(struct kr_result *r, int family, unsigned hook, const char *where, const char *dev,
                struct kr_err *e)
{
    KR_AUTO_FREE struct kr_hook *v = NULL;
    size_t n = 0;
    int got = kr_nft_hooks(family, hook, dev, &v, &n, e);
    for (size_t i = 0; i < n; i++)
        judge(r, &v[i], where, dev);
    return got < 0 ? -1 : got && n;
}

int kr_check_hooks(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const struct {
        int family;
        unsigned hook;
        const char *where;
    } rows[] = {
        {NFPROTO_IPV4, NF_INET_LOCAL_OUT, "ip output"},
        {NFPROTO_IPV4, NF_INET_FORWARD, "ip forward"},
        {NFPROTO_IPV4, NF_INET_POST_ROUTING, "ip postrouting"},
        {NFPROTO_IPV6, NF_INET_LOCAL_OUT, "ip6 output"},
        {NFPROTO_IPV6, NF_INET_FORWARD, "ip6 forward"},
        {NFPROTO_IPV6, NF_INET_POST_ROUTING, "ip6 postrouting"},
    };
    int told = 0, got;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((got = look(r, rows[i].family, rows[i].hook, rows[i].where, NULL, e)) < 0)
            return -1;
        told |= got;
    }
    for (size_t i = 0; told && s->uplinks && i < s->uplinks->n; i++)
        if (look(r, NFPROTO_NETDEV, NF_NETDEV_EGRESS, "netdev egress", s->uplinks->v[i].name, e) <
            0)
            return -1;
    if (!told)
        kr_result_add(r, KR_HOLDS, "hooks",
                      "this kernel does not list them (CONFIG_NETFILTER_NETLINK_HOOK): functions "
                      "of other modules behind our guards can't be seen");
    return 0;
}

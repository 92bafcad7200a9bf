#include <kr/nft_hooks.h>

#include "nft_attr.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_hook.h>
#include <stdio.h>

#define TRIES 20

struct listing {
    struct kr_hook *v;
    size_t n, cap;
};

/* What registered it: nf_tables names the chain (nfnetlink_hook.c, nfnl_hook_put_nft_chain_info).
 */
static int read_info(const struct nlattr *nest, struct kr_hook *h)
{
    struct kr_nft_attrs info, chain;
    char table[64] = "", name[64] = "";
    if (kr_nft_attrs_in(nest, &info))
        return -1;
    h->kind = kr_nft_number(info.v[NFNLA_HOOK_INFO_TYPE]);
    const struct nlattr *desc = info.v[NFNLA_HOOK_INFO_DESC];
    if (!desc || h->kind != NFNL_HOOK_TYPE_NFTABLES)
        return 0;
    if (kr_nft_attrs_in(desc, &chain))
        return -1;
    kr_nft_string(chain.v[NFTA_CHAIN_TABLE], table, sizeof table);
    kr_nft_string(chain.v[NFTA_CHAIN_NAME], name, sizeof name);
    snprintf(h->chain, sizeof h->chain, "%s/%s", table, name);
    return 0;
}

static int on_hook(const struct nlmsghdr *m, void *arg)
{
    struct listing *l = arg;
    struct kr_nft_attrs a;
    struct kr_hook h = {.priority = 0};
    if (kr_nft_attrs(m, &a) || !a.v[NFNLA_HOOK_PRIORITY])
        return -1;
    h.priority = (int)kr_nft_number(a.v[NFNLA_HOOK_PRIORITY]);
    kr_nft_string(a.v[NFNLA_HOOK_FUNCTION_NAME], h.function, sizeof h.function);
    kr_nft_string(a.v[NFNLA_HOOK_MODULE_NAME], h.module, sizeof h.module);
    if (a.v[NFNLA_HOOK_CHAIN_INFO] && read_info(a.v[NFNLA_HOOK_CHAIN_INFO], &h))
        return -1;
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof h);
    l->v[l->n++] = h;
    return 0;
}

static int ask(struct kr_nl *nl, int family, unsigned hook, const char *device, struct listing *l,
               struct kr_err *e)
{
    char buf[128] = "";
    struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
    m->nlmsg_type = NFNL_SUBSYS_HOOK << 8 | NFNL_MSG_HOOK_GET;
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);
    g->nfgen_family = (uint8_t)family;
    g->version = NFNETLINK_V0;
    mnl_attr_put_u32(m, NFNLA_HOOK_HOOKNUM, htonl(hook));
    if (device)
        mnl_attr_put_strz(m, NFNLA_HOOK_DEV, device);
    return kr_nl_ask(nl, m, on_hook, l, e);
}

int kr_nft_hooks(int family, unsigned hook, const char *device, struct kr_hook **out, size_t *n,
                 struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    struct listing l = {0};
    int got = KR_NL_AGAIN;
    if (kr_nl_open(&nl, NETLINK_NETFILTER, e))
        return -1;
    for (int i = 0; i < TRIES && got == KR_NL_AGAIN; i++) {
        l.n = 0;
        got = ask(&nl, family, hook, device, &l, e);
    }
    if (!got) {
        *out = l.v;
        *n = l.n;
        return 1;
    }
    free(l.v);
    /* EINVAL: no such subsystem (nfnetlink.c); the others: not this hook, or nobody on it. */
    if (got == EINVAL || got == EOPNOTSUPP || got == ENOENT || got == EPROTONOSUPPORT)
        return 0;
    return got > 0
               ? kr_fail(e, KR_UNKNOWN, got == KR_NL_AGAIN ? 0 : got, "listing netfilter's hooks")
               : -1;
}

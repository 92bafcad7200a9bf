#include "nft_ask.h"

#include "nft_attr.h"

#include <kr/err.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

static int ask(struct kr_nl *nl, uint16_t type, uint16_t flags, kr_nl_cb cb, void *arg,
               const char *what, struct kr_err *e)
{
    char buf[64] = "";
    struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
    m->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
    m->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);
    g->version = NFNETLINK_V0;
    int got = kr_nl_ask(nl, m, cb, arg, e);
    return got > 0 && got != KR_NL_AGAIN
               ? kr_fail(e, got == EPERM ? KR_CANNOT : KR_UNKNOWN, got, "%s", what)
               : got;
}

int kr_nft_dump(struct kr_nl *nl, uint16_t type, kr_nl_cb cb, void *arg, const char *what,
                struct kr_err *e)
{
    return ask(nl, type, NLM_F_DUMP, cb, arg, what, e);
}

/* The first generation is 1, so 0 says that the answer held none. */
static int on_gen(const struct nlmsghdr *m, void *arg)
{
    struct kr_nft_attrs a;
    uint32_t gen = kr_nft_attrs(m, &a) ? 0 : kr_nft_number(a.v[NFTA_GEN_ID]);
    *(uint32_t *)arg = gen;
    return gen ? 0 : -1;
}

int kr_nft_gen(struct kr_nl *nl, uint32_t *gen, struct kr_err *e)
{
    return ask(nl, NFT_MSG_GETGEN, 0, on_gen, gen, "the generation of the ruleset", e);
}

#include "netview_internal.h"

#include <kr/mem.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

/* Newer than the headers built with (Linux 6.15); a full mask is what a plain port comes with. */
#define DPORT_MASK 29

/* True for an attribute that narrows or bends the rule and has no field of its own. What is not
 * known does, by prudence. */
static bool selects_more(struct nlattr *a)
{
    switch (nla_type(a)) {
    case FRA_PRIORITY:
    case FRA_TABLE:
    case FRA_PROTOCOL:
    case FRA_IP_PROTO:
    case FRA_DPORT_RANGE:
    case FRA_PAD:
    case FRA_FLOW: /* a realm: the outcome's colour */
        return false;
    case FRA_SUPPRESS_PREFIXLEN:
    case FRA_SUPPRESS_IFGROUP:
        return nla_len(a) < 4 || nla_get_u32(a) != UINT32_MAX;
    case DPORT_MASK:
        return nla_len(a) < 2 || nla_get_u16(a) != UINT16_MAX;
    default:
        return true;
    }
}

static uint32_t number(struct nlattr *a, uint32_t otherwise)
{
    return a ? nla_get_u32(a) : otherwise;
}

static void parse(struct nlattr **a, const struct fib_rule_hdr *h, struct kr_fibrule *x)
{
    x->family = h->family;
    x->action = h->action;
    x->invert = h->flags & FIB_RULE_INVERT;
    x->priority = number(a[FRA_PRIORITY], 0);
    x->table = number(a[FRA_TABLE], h->table);
    x->protocol = a[FRA_PROTOCOL] ? nla_get_u8(a[FRA_PROTOCOL]) : 0;
    x->ipproto = a[FRA_IP_PROTO] ? nla_get_u8(a[FRA_IP_PROTO]) : 0;
    if (a[FRA_DPORT_RANGE]) {
        const struct fib_rule_port_range *p = nla_data(a[FRA_DPORT_RANGE]);
        x->dport_first = p->start;
        x->dport_last = p->end;
    }
    x->detached = h->flags & (FIB_RULE_IIF_DETACHED | FIB_RULE_OIF_DETACHED);
    x->l3mdev = a[FRA_L3MDEV] && nla_get_u8(a[FRA_L3MDEV]);
    x->mark = number(a[FRA_FWMARK], 0);
    if (a[FRA_IIFNAME])
        nla_strlcpy(x->iif, a[FRA_IIFNAME], sizeof x->iif);
}

static int rule(struct kr_nv *n, int family, const struct nlmsghdr *h, struct kr_err *e)
{
    static const struct nla_policy sizes[FRA_MAX + 1] = {
        [FRA_PRIORITY] = {.type = NLA_U32},
        [FRA_TABLE] = {.type = NLA_U32},
        [FRA_PROTOCOL] = {.type = NLA_U8},
        [FRA_IP_PROTO] = {.type = NLA_U8},
        [FRA_FWMARK] = {.type = NLA_U32},
        [FRA_L3MDEV] = {.type = NLA_U8},
        [FRA_IIFNAME] = {.type = NLA_STRING},
        [FRA_DPORT_RANGE] = {.minlen = sizeof(struct fib_rule_port_range)},
    };
    struct nlmsghdr *m = (void *)(uintptr_t)h;
    struct nlattr *a[FRA_MAX + 1], *each;
    struct kr_fibrule x = {0};
    struct kr_netview *v = n->v;
    int left;
    if (h->nlmsg_type != RTM_NEWRULE)
        return 0;
    if (nlmsg_parse(m, sizeof(struct fib_rule_hdr), a, FRA_MAX, sizes))
        return kr_nv_unreadable("a policy rule", e);
    const struct fib_rule_hdr *f = nlmsg_data(h);
    if (f->family != family)
        return 0;
    parse(a, f, &x);
    x.other_selectors = f->dst_len || f->src_len || f->tos;
    nlmsg_for_each_attr(each, m, sizeof *f, left)
    {
        x.other_selectors |= selects_more(each);
    }
    v->rules = kr_grow(v->rules, &n->cap_rules, v->n_rules + 1, sizeof x);
    v->rules[v->n_rules++] = x;
    return 0;
}

int kr_nv_rule4(const struct nlmsghdr *h, void *nv, struct kr_err *e)
{
    return rule(nv, AF_INET, h, e);
}

int kr_nv_rule6(const struct nlmsghdr *h, void *nv, struct kr_err *e)
{
    return rule(nv, AF_INET6, h, e);
}

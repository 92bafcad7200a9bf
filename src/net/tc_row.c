#include <kr/tc.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

/* Where a kind of filter keeps its actions and its flags (net/sched/cls_*.c); 0: it has none. */
static const struct kind {
    const char *name;
    int act, flags;
} kinds[] = {
    {"u32", TCA_U32_ACT, TCA_U32_FLAGS},
    {"flower", TCA_FLOWER_ACT, TCA_FLOWER_FLAGS},
    {"matchall", TCA_MATCHALL_ACT, TCA_MATCHALL_FLAGS},
    {"bpf", TCA_BPF_ACT, TCA_BPF_FLAGS_GEN},
    {"basic", TCA_BASIC_ACT, 0},
    {"fw", TCA_FW_ACT, 0},
    {"route", TCA_ROUTE4_ACT, 0},
    {"flow", TCA_FLOW_ACT, 0},
    {"cgroup", TCA_CGROUP_ACT, 0},
    {"tcindex", TCA_TCINDEX_ACT, 0}, /* until Linux 6.2, as the next two */
    {"rsvp", TCA_RSVP_ACT, 0},
    {"rsvp6", TCA_RSVP_ACT, 0},
};
#define MOST_ATTRS 127 /* above every attribute of the table; flower has most */
_Static_assert(TCA_FLOWER_FLAGS < MOST_ATTRS, "a filter's attributes fit");

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static int unreadable(const char *what, struct kr_err *e)
{
    return kr_fail(e, KR_UNKNOWN, 0, "%s in the kernel's answer can't be read", what);
}

/* NULL for a kind that is not a proper string. */
static const char *kind_of(struct nlattr *a)
{
    return a && nla_len(a) > 0 && memchr(nla_data(a), 0, (size_t)nla_len(a)) ? nla_get_string(a)
                                                                             : NULL;
}

static uint32_t number(struct nlattr *a)
{
    return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

int kr_tc_qdisc_row(const struct nlmsghdr *h, struct kr_tc *t, struct kr_err *e)
{
    struct nlattr *a[TCA_MAX + 1], *red[TCA_RED_MAX + 1];
    if (h->nlmsg_type != RTM_NEWQDISC)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct tcmsg), a, TCA_MAX, NULL) ||
        !kind_of(a[TCA_KIND]))
        return unreadable("a qdisc", e);
    const struct tcmsg *m = nlmsg_data(h);
    struct kr_tc_qdisc q = {
        .ifindex = (unsigned)m->tcm_ifindex, .handle = m->tcm_handle, .parent = m->tcm_parent};
    nla_strlcpy(q.kind, a[TCA_KIND], sizeof q.kind);
    if (strcmp(q.kind, "red") == 0 && a[TCA_OPTIONS])
        q.qevents = nla_parse_nested(red, TCA_RED_MAX, a[TCA_OPTIONS], NULL) ||
                    number(red[TCA_RED_EARLY_DROP_BLOCK]) || number(red[TCA_RED_MARK_BLOCK]);
    t->qdiscs = kr_grow(t->qdiscs, &t->cap_qdiscs, t->n_qdiscs + 1, sizeof q);
    t->qdiscs[t->n_qdiscs++] = q;
    return 0;
}

/* A mirred without a device sends to those of a block (42f39036cda8, Linux 6.8). */
static int mirred_target(struct nlattr *options, unsigned *target)
{
    struct nlattr *a[TCA_MIRRED_MAX + 1];
    if (!options || nla_parse_nested(a, TCA_MIRRED_MAX, options, NULL) || !a[TCA_MIRRED_PARMS] ||
        nla_len(a[TCA_MIRRED_PARMS]) < (int)sizeof(struct tc_mirred))
        return -1;
    *target = ((const struct tc_mirred *)nla_data(a[TCA_MIRRED_PARMS]))->ifindex;
    return 0;
}

static int add_action(struct nlattr *nested, struct kr_tc *t)
{
    struct nlattr *a[TCA_ACT_MAX + 1];
    struct kr_tc_action x = {0};
    if (nla_parse_nested(a, TCA_ACT_MAX, nested, NULL) || !kind_of(a[TCA_ACT_KIND]))
        return -1;
    nla_strlcpy(x.kind, a[TCA_ACT_KIND], sizeof x.kind);
    if (strcmp(x.kind, "mirred") == 0 && mirred_target(a[TCA_ACT_OPTIONS], &x.target))
        return -1;
    t->actions = kr_grow(t->actions, &t->cap_actions, t->n_actions + 1, sizeof x);
    t->actions[t->n_actions++] = x;
    return 0;
}

static int add_actions(struct nlattr *list, struct kr_tc *t, struct kr_tc_filter *f)
{
    struct nlattr *one;
    int left;
    if (!list)
        return 0;
    nla_for_each_nested(one, list, left)
    {
        if (add_action(one, t))
            return -1;
        f->n_actions++;
    }
    return left > 0 ? -1 : 0;
}

/* A classic program (TCA_BPF_OPS) can but classify. */
static void take_program(struct nlattr *const *a, struct kr_tc_filter *f)
{
    f->program = a[TCA_BPF_OPS] == NULL || a[TCA_BPF_ID] || a[TCA_BPF_FD];
    f->prog = number(a[TCA_BPF_ID]);
}

static int take_options(const struct kind *k, struct nlattr *options, struct kr_tc *t,
                        struct kr_tc_filter *f)
{
    struct nlattr *a[MOST_ATTRS + 1];
    if (nla_parse_nested(a, MOST_ATTRS, options, NULL))
        return -1;
    if (k->flags)
        f->flags = number(a[k->flags]);
    if (strcmp(k->name, "bpf") == 0)
        take_program(a, f);
    return add_actions(a[k->act], t, f);
}

/* The head of a chain of filters, and a hash table of u32, which come before what is in them. */
static bool is_head(const struct kind *k, struct nlattr *options)
{
    return !options || (strcmp(k->name, "u32") == 0 &&
                        nla_find(nla_data(options), nla_len(options), TCA_U32_DIVISOR) != NULL);
}

int kr_tc_filter_row(const struct nlmsghdr *h, unsigned ifindex, struct kr_tc *t, struct kr_err *e)
{
    struct nlattr *a[TCA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWTFILTER)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct tcmsg), a, TCA_MAX, NULL) ||
        !kind_of(a[TCA_KIND]))
        return unreadable("a filter", e);
    const struct tcmsg *m = nlmsg_data(h);
    struct kr_tc_filter f = {.ifindex = ifindex,
                             .parent = m->tcm_parent,
                             .handle = m->tcm_handle,
                             .pref = (uint16_t)(m->tcm_info >> 16),
                             .first_action = t->n_actions};
    /* tcm_parent is then tcm_block_index (linux/rtnetlink.h). */
    if ((unsigned)m->tcm_ifindex == TCM_IFINDEX_MAGIC_BLOCK)
        f.block = m->tcm_parent;
    nla_strlcpy(f.kind, a[TCA_KIND], sizeof f.kind);
    const struct kind *k = kind_named(f.kind);
    f.unknown_kind = !k;
    if (k && is_head(k, a[TCA_OPTIONS]))
        return 0;
    if (k && take_options(k, a[TCA_OPTIONS], t, &f))
        return unreadable("an action of a filter", e);
    t->filters = kr_grow(t->filters, &t->cap_filters, t->n_filters + 1, sizeof f);
    t->filters[t->n_filters++] = f;
    return 0;
}

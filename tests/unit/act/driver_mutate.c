/* Alters our rules in the kernel, one byte of one expression at a time, takes expressions out and
 * changes their order, and looks whether the comparison notices. Run in a namespace where up
 * stands.
 *
 *   driver_mutate [STEP [FIRST]]
 *       every STEP-th (1) mutation from number FIRST (0); prints what went unnoticed and, last,
 *       "tried N took-effect N noticed N"; exits 1 unless all were noticed.
 *
 * A mutation takes effect when the kernel accepts it and afterwards shows other expressions than
 * before: bytes that only pad do not. */
#include "../../../src/net/nft_read.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nft_kernel.h>
#include <kr/nl.h>
#include <kr/plan.h>
#include <kr/state.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kr_nft_name tables[] = {{NFPROTO_INET, KR_TABLE}, {NFPROTO_NETDEV, KR_TABLE}};
static struct kr_nft *plan;
static struct kr_nl nl;

static struct {
    unsigned long step, first, number, tried, effective, noticed;
} run = {.step = 1};

static void die(const char *what, const struct kr_err *e)
{
    fprintf(stderr, "%s: %s\n", what, e ? e->msg : "");
    exit(99);
}

struct wanted {
    uint16_t type;
    const struct nlattr *found;
};

static int on_attr(const struct nlattr *a, void *arg)
{
    struct wanted *w = arg;
    if (mnl_attr_get_type(a) == w->type)
        w->found = a;
    return MNL_CB_OK;
}

static const struct nlattr *attr_of(const struct nlmsghdr *m, uint16_t type)
{
    struct wanted w = {.type = type};
    mnl_attr_parse(m, sizeof(struct nfgenmsg), on_attr, &w);
    return w.found;
}

static size_t aligned(uint32_t len)
{
    return (len + 3u) & ~3u;
}

static void read_rules(struct kr_nft_read read[2])
{
    struct kr_err e = {0};
    uint32_t gen;
    if (kr_nft_read_tables(tables, 2, read, &gen, &e))
        die("reading", &e);
}

static void restore(void)
{
    struct kr_err e = {0};
    if (kr_nft_load(plan, tables, 2, &e))
        die("restoring", &e);
}

static struct nlmsghdr *put(char *buf, uint16_t type, uint8_t family, uint16_t res, uint16_t flags)
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
    m->nlmsg_type = type;
    m->nlmsg_flags = NLM_F_REQUEST | flags;
    m->nlmsg_seq = ++nl.seq;
    struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof *g);
    g->nfgen_family = family;
    g->version = NFNETLINK_V0;
    g->res_id = htons(res);
    return m;
}

static void copy_attr(struct nlmsghdr *m, const struct nlmsghdr *from, uint16_t type)
{
    const struct nlattr *a = attr_of(from, type);
    if (a)
        mnl_attr_put(m, type, mnl_attr_get_payload_len(a), mnl_attr_get_payload(a));
}

/* Replaces the rule by one with these expressions; true when the kernel took it. */
static bool replace(const struct nlmsghdr *rule, const void *exprs, size_t len)
{
    static char buf[1 << 17];
    const struct nfgenmsg *g = mnl_nlmsg_get_payload(rule);
    struct kr_nl_refusal refusal;
    struct kr_err e = {0};
    char *at = buf;
    memset(buf, 0, sizeof buf);
    at += aligned(put(at, NFNL_MSG_BATCH_BEGIN, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0)->nlmsg_len);
    struct nlmsghdr *m = put(at, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, g->nfgen_family, 0,
                             NLM_F_REPLACE | NLM_F_ACK);
    uint32_t seq = m->nlmsg_seq;
    static const uint16_t kept[] = {NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_HANDLE,
                                    NFTA_RULE_USERDATA};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        copy_attr(m, rule, kept[i]);
    if (len)
        mnl_attr_put(m, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, len, exprs);
    at += aligned(m->nlmsg_len);
    at += aligned(put(at, NFNL_MSG_BATCH_END, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0)->nlmsg_len);
    int got = kr_nl_batch(&nl, buf, (size_t)(at - buf), seq, &refusal, &e);
    if (got < 0)
        die("replacing", &e);
    return got == 0;
}

/* The expressions of all rules, without the counters' figures, are what they were. */
static bool same(const struct kr_nft_read *a, const struct kr_nft_read *b)
{
    for (size_t t = 0; t < 2; t++) {
        if (a[t].n_rules != b[t].n_rules)
            return false;
        for (size_t i = 0; i < a[t].n_rules; i++) {
            const struct nlattr *x = attr_of(a[t].rules[i], NFTA_RULE_EXPRESSIONS),
                                *y = attr_of(b[t].rules[i], NFTA_RULE_EXPRESSIONS);
            if (!x != !y || (x && (x->nla_len != y->nla_len || memcmp(x, y, x->nla_len) != 0)))
                return false;
        }
    }
    return true;
}

static void judge(const struct kr_nft_read *before, const char *what)
{
    struct kr_nft_read after[2];
    struct kr_err e = {0};
    KR_AUTO_BUF struct kr_buf diff = {0};
    read_rules(after);
    bool effective = !same(before, after);
    for (size_t t = 0; t < 2; t++)
        kr_nft_read_free(&after[t]);
    if (effective) {
        run.effective++;
        if (kr_nft_compare(plan, &diff, NULL, &e) == 0)
            run.noticed++;
        else
            printf("unnoticed: %s\n", what);
    }
    restore();
}

static bool chosen(void)
{
    unsigned long n = run.number++;
    return n >= run.first && (n - run.first) % run.step == 0;
}

struct target {
    const struct kr_nft_read *before;
    const struct nlmsghdr *rule;
    char name[128];
};

static void attempt(const struct target *t, const void *exprs, size_t len, const char *how,
                    size_t at)
{
    char what[192];
    if (!chosen())
        return;
    run.tried++;
    snprintf(what, sizeof what, "%s: %s %zu", t->name, how, at);
    /* The handles change with each restoration, so the rule is sought anew. */
    struct kr_nft_read now[2];
    read_rules(now);
    const struct nlmsghdr *rule = NULL;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < t->before[k].n_rules; i++)
            if (t->before[k].rules[i] == t->rule)
                rule = now[k].rules[i];
    if (rule && replace(rule, exprs, len))
        judge(now, what);
    for (size_t k = 0; k < 2; k++)
        kr_nft_read_free(&now[k]);
}

static void flip_bytes(const struct target *t, const uint8_t *exprs, size_t len)
{
    uint8_t *copy = kr_calloc(len, 1);
    for (size_t i = 0; i < len; i++) {
        memcpy(copy, exprs, len);
        copy[i] ^= 1;
        attempt(t, copy, len, "byte", i);
    }
    free(copy);
}

struct expressions {
    const struct nlattr *v[64];
    size_t n;
};

static int on_expression(const struct nlattr *a, void *arg)
{
    struct expressions *x = arg;
    if (x->n < sizeof x->v / sizeof *x->v)
        x->v[x->n++] = a;
    return MNL_CB_OK;
}

/* Takes each expression out, and changes each with the next one. */
static void move_expressions(const struct target *t, const struct nlattr *list,
                             const uint8_t *exprs, size_t len)
{
    struct expressions x = {.n = 0};
    uint8_t *copy = kr_calloc(len, 1);
    mnl_attr_parse_nested(list, on_expression, &x);
    for (size_t i = 0; i < x.n; i++) {
        size_t at = (size_t)((const uint8_t *)x.v[i] - exprs), size = aligned(x.v[i]->nla_len);
        memcpy(copy, exprs, at);
        memcpy(copy + at, exprs + at + size, len - at - size);
        attempt(t, copy, len - size, "without expression", i);
        if (i + 1 == x.n)
            break;
        size_t next = aligned(x.v[i + 1]->nla_len);
        memcpy(copy, exprs, len);
        memcpy(copy + at, x.v[i + 1], next);
        memcpy(copy + at + next, x.v[i], size);
        attempt(t, copy, len, "expression behind the next", i);
    }
    free(copy);
}

static void mutate(struct target *t, const struct nlmsghdr *rule)
{
    const struct nlattr *list = attr_of(rule, NFTA_RULE_EXPRESSIONS);
    const struct nlattr *chain = attr_of(rule, NFTA_RULE_CHAIN);
    if (!list || !chain)
        return;
    t->rule = rule;
    snprintf(t->name, sizeof t->name, "%s rule", mnl_attr_get_str(chain));
    move_expressions(t, list, mnl_attr_get_payload(list), mnl_attr_get_payload_len(list));
    flip_bytes(t, mnl_attr_get_payload(list), mnl_attr_get_payload_len(list));
}

int main(int argc, char **argv)
{
    struct kr_err e = {0};
    struct kr_paths paths;
    struct kr_state state;
    struct kr_nft_read before[2];
    if (argc > 1)
        run.step = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        run.first = strtoul(argv[2], NULL, 10);
    if (kr_paths_find(&paths, &e) || kr_state_read(&paths, &state, &e) != 1 ||
        kr_nl_open(&nl, NETLINK_NETFILTER, &e))
        die("state", &e);
    plan = kr_plan_ruleset(&state.plan,
                           state.plan.mode == KR_MODE_BLOCK ? KR_RULES_BLOCK : KR_RULES_ALL);
    restore();
    read_rules(before);
    struct target t = {.before = before};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < before[k].n_rules; i++)
            mutate(&t, before[k].rules[i]);
    restore();
    KR_AUTO_BUF struct kr_buf diff = {0};
    if (kr_nft_compare(plan, &diff, NULL, &e) != 1)
        die("the restored rules differ", &e);
    printf("tried %lu took-effect %lu noticed %lu\n", run.tried, run.effective, run.noticed);
    kr_nft_free(plan);
    kr_state_free(&state);
    for (size_t k = 0; k < 2; k++)
        kr_nft_read_free(&before[k]);
    kr_nl_close(&nl);
    return run.effective && run.effective == run.noticed ? 0 : 1;
}

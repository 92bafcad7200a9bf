#include "checks_bpf.h"

#include <kr/bpf.h>
#include <kr/netview.h>
#include <kr/tc.h>

#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define N(table) (sizeof(table) / sizeof *(table))

/* What each kind of action may do to a packet (net/sched/act_*.c). */
static const struct action {
    const char *kind;
    enum kr_verdict verdict;
    const char *does;
} actions[] = {
    {"gact", KR_HOLDS, "lets pass or drops"},
    {"police", KR_HOLDS, "limits a rate"},
    {"sample", KR_HOLDS, "reports samples to a program of this host"},
    {"simple", KR_HOLDS, "logs"},
    {"skbedit", KR_HOLDS, "marks"},
    {"connmark", KR_HOLDS, "marks"},
    {"ctinfo", KR_HOLDS, "marks"},
    {"csum", KR_HOLDS, "puts checksums right"},
    {"gate", KR_HOLDS, "lets pass at certain times"},
    {"mirred", KR_BROKEN, "sends packets to"},
    {"bpf", KR_BROKEN, "runs an eBPF program, which can send packets anywhere and rewrite them"},
    {"pedit", KR_BROKEN, "rewrites packets"},
    {"skbmod", KR_BROKEN, "rewrites packets"},
    {"nat", KR_BROKEN, "rewrites addresses"},
    {"ct", KR_BROKEN, "rewrites addresses and ports by connection tracking"},
    {"vlan", KR_BROKEN, "puts packets into another VLAN"},
    {"mpls", KR_BROKEN, "puts packets behind labels"},
    {"tunnel_key", KR_BROKEN, "chooses a tunnel's far end"},
    {"ife", KR_BROKEN, "puts packets into another ethertype"},
    {"ipt", KR_BROKEN, "runs a target of iptables"},
    {"xt", KR_BROKEN, "runs a target of iptables"},
};

static const struct qdisc {
    const char *kind, *odd; /* odd: why it is in doubt; NULL: it only orders, delays or drops */
} qdiscs[] = {
    {"noqueue", NULL},
    {"noop", NULL},
    {"pfifo_fast", NULL},
    {"pfifo", NULL},
    {"bfifo", NULL},
    {"pfifo_head_drop", NULL},
    {"mq", NULL},
    {"fq_codel", NULL},
    {"fq", NULL},
    {"tbf", NULL},
    {"htb", NULL},
    {"netem", NULL}, /* also when it duplicates: the copy goes the same way */
    {"clsact", NULL},
    {"ingress", NULL},
    {"sfq", NULL},
    {"prio", NULL},
    {"cake", NULL},
    {"cake_mq", NULL},
    {"hfsc", NULL},
    {"codel", NULL},
    {"red", NULL},
    {"gred", NULL},
    {"sfb", NULL},
    {"choke", NULL},
    {"pie", NULL},
    {"fq_pie", NULL},
    {"dualpi2", NULL},
    {"hhf", NULL},
    {"drr", NULL},
    {"qfq", NULL},
    {"ets", NULL},
    {"etf", NULL},
    {"cbs", NULL},
    {"cbq", NULL},
    {"dsmark", NULL},
    {"multiq", NULL},
    {"mqprio", NULL},
    {"taprio", NULL},
    {"skbprio", NULL},
    {"plug", "holds packets back, also such as came before our guards"},
    {"atm", "sends packets into ATM circuits"},
};

static const char *device(const struct kr_netview *v, unsigned index, char out[static IFNAMSIZ])
{
    const struct kr_link *l = kr_netview_link(v, index);
    snprintf(out, IFNAMSIZ, "#%u", index % 1000000u);
    return l ? l->name : out;
}

static const char *place(const struct kr_tc_filter *f, char out[static 32])
{
    uint32_t parent = f->parent;
    if (f->block) {
        snprintf(out, 32, "block %u", f->block);
        return out;
    }
    if (parent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) || parent == TC_H_MAKE(TC_H_CLSACT, 0))
        return "ingress";
    if (parent == TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS))
        return "egress";
    if (parent == 0)
        return "root";
    snprintf(out, 32, "parent %x:%x", parent >> 16, parent & 0xffff);
    return out;
}

static const struct action *action_named(const char *kind)
{
    static const struct action unknown = {"", KR_IN_DOUBT, "is of a kind that is not known here"};
    for (size_t i = 0; i < N(actions); i++)
        if (strcmp(actions[i].kind, kind) == 0)
            return &actions[i];
    return &unknown;
}

/* An ifb gives a packet back to the device it was taken from, at the same place
 * (drivers/net/ifb.c); the filters on it are judged as all others. */
static bool comes_back(const struct kr_netview *v, const struct kr_tc_action *x)
{
    const struct kr_link *l = x->target ? kr_netview_link(v, x->target) : NULL;
    return l && strcmp(l->kind, "ifb") == 0;
}

static enum kr_verdict action_verdict(const struct kr_netview *v, const struct kr_tc_action *x)
{
    return strcmp(x->kind, "mirred") == 0 && comes_back(v, x) ? KR_HOLDS
                                                              : action_named(x->kind)->verdict;
}

static enum kr_verdict filter_verdict(const struct kr_netview *v, const struct kr_tc *t,
                                      const struct kr_tc_filter *f)
{
    enum kr_verdict worst = f->program ? KR_BROKEN : f->unknown_kind ? KR_IN_DOUBT : KR_HOLDS;
    for (size_t i = 0; i < f->n_actions; i++) {
        enum kr_verdict x = action_verdict(v, &t->actions[f->first_action + i]);
        worst = x > worst ? x : worst;
    }
    return worst;
}

struct look {
    const struct kr_netview *v;
    const struct kr_tc *t;
    const struct kr_bpf *b; /* or NULL */
    struct kr_result *r;
};

static void __attribute__((format(printf, 4, 5)))
say(const struct look *k, const struct kr_tc_filter *f, enum kr_verdict verdict, const char *fmt,
    ...)
{
    char name[IFNAMSIZ], at[32], object[96], what[128];
    const char *dev = device(k->v, f->ifindex, name);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(object, sizeof object, "dev %s %s pref %u %s", dev, place(f, at), f->pref, f->kind);
    struct kr_evidence *x = kr_result_add(k->r, verdict, object, "%s", what);
    snprintf(x->ifname, sizeof x->ifname, "%s", dev);
    x->handle = f->program && f->prog ? f->prog : f->handle;
}

static void one_action(const struct look *k, const struct kr_tc_filter *f,
                       const struct kr_tc_action *x)
{
    char name[IFNAMSIZ];
    enum kr_verdict verdict = action_verdict(k->v, x);
    bool mirred = strcmp(x->kind, "mirred") == 0;
    if (verdict == KR_HOLDS && !mirred)
        return;
    say(k, f, verdict, "action %s %s%s%s%s", x->kind, action_named(x->kind)->does,
        !mirred          ? ""
        : x->target == 0 ? " the devices of a block"
                         : " ",
        mirred && x->target ? device(k->v, x->target, name) : "",
        mirred && verdict == KR_HOLDS ? ", which gives them back" : "");
}

static void one_filter(const struct look *k, const struct kr_tc_filter *f)
{
    if (f->unknown_kind)
        say(k, f, KR_IN_DOUBT, "a filter of a kind that is not known here");
    if (f->program)
        say(k, f, KR_BROKEN, "runs eBPF program %s, which can send packets anywhere",
            kr_prog_text(k->b, f->prog).s);
    for (size_t i = 0; i < f->n_actions; i++)
        one_action(k, f, &k->t->actions[f->first_action + i]);
}

static int look(struct look *k, struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    *k = (struct look){.v = kr_scene_view(s, e), .r = r};
    k->t = k->v ? kr_scene_tc(s, e) : NULL;
    return k->t ? 0 : -1;
}

int kr_check_tc_filters(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct look k;
    size_t good = 0;
    if (look(&k, s, r, e))
        return -1;
    k.b = kr_scene_bpf(s, NULL); /* for names only */
    for (size_t i = 0; i < k.t->n_filters; i++) {
        one_filter(&k, &k.t->filters[i]);
        good += filter_verdict(k.v, k.t, &k.t->filters[i]) == KR_HOLDS;
    }
    kr_result_add(r, KR_HOLDS, "every device",
                  "%zu of %zu filters only classify, mark, limit or drop", good, k.t->n_filters);
    return 0;
}

static const struct qdisc *qdisc_named(const char *kind)
{
    for (size_t i = 0; i < N(qdiscs); i++)
        if (strcmp(qdiscs[i].kind, kind) == 0)
            return &qdiscs[i];
    return NULL;
}

static const char *what_is_odd(const struct kr_tc_qdisc *q)
{
    const struct qdisc *k = qdisc_named(q->kind);
    if (!k)
        return "of a kind that is not known here: it may send packets elsewhere";
    return q->qevents ? "runs the filters of a block when it drops or marks" : k->odd;
}

int kr_check_tc_qdisc(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct look k;
    size_t good = 0;
    if (look(&k, s, r, e))
        return -1;
    for (size_t i = 0; i < k.t->n_qdiscs; i++) {
        const struct kr_tc_qdisc *q = &k.t->qdiscs[i];
        const char *odd = what_is_odd(q);
        char name[IFNAMSIZ];
        if (odd)
            kr_add_device(r, KR_IN_DOUBT, device(k.v, q->ifindex, name), q->handle,
                          "qdisc %s %x: %s", q->kind, q->handle >> 16, odd);
        else
            good++;
    }
    kr_result_add(r, KR_HOLDS, "every device", "%zu of %zu qdiscs only order, delay or drop", good,
                  k.t->n_qdiscs);
    return 0;
}

int kr_check_tc_offload(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct look k;
    size_t in_hw = 0;
    if (look(&k, s, r, e))
        return -1;
    for (size_t i = 0; i < k.t->n_filters; i++) {
        const struct kr_tc_filter *f = &k.t->filters[i];
        if (!(f->flags & (TCA_CLS_FLAGS_SKIP_SW | TCA_CLS_FLAGS_IN_HW)))
            continue;
        in_hw++;
        say(&k, f, filter_verdict(k.v, k.t, f), "%s",
            f->flags & TCA_CLS_FLAGS_IN_HW ? "is in the device's hardware (in_hw)"
                                           : "is meant for hardware alone (skip_sw)");
    }
    if (!in_hw)
        kr_result_add(r, KR_HOLDS, "every device", "none of %zu filters is in hardware",
                      k.t->n_filters);
    return 0;
}

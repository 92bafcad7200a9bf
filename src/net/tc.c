#include <kr/tc.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/rt.h>

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#define TRIES 8

/* Kinds without room for a filter (no tcf_block in net/sched/sch_*.c): they are not asked. Those
 * with it on the qdisc alone are not asked for classes. Every other kind is asked for both. */
static const char *const no_filters[] = {
    "noqueue", "noop", "pfifo_fast", "pfifo", "bfifo", "mq",  "tbf",  "fq",  "codel", "pie",
    "netem",   "plug", "fq_pie",     "hhf",   "etf",   "cbs", "gred", "red", "choke", "skbprio"};
static const char *const no_classes[] = {"clsact", "ingress", "fq_codel", "sfq",   "cake",
                                         "prio",   "multiq",  "sfb",      "drr",   "ets",
                                         "qfq",    "mqprio",  "taprio",   "dsmark"};
#define IS_ONE_OF(kind, list) is_one_of(kind, list, sizeof(list) / sizeof *(list))

static bool is_one_of(const char *kind, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(kind, list[i]) == 0)
            return true;
    return false;
}

struct reading {
    struct kr_rt *rt;
    struct kr_tc *t;
    unsigned ifindex; /* of the filters that come */
    uint32_t *classes;
    size_t n_classes, cap_classes;
};

static int on_qdisc(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    return kr_tc_qdisc_row(h, ((struct reading *)arg)->t, e);
}

static int on_filter(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    struct reading *r = arg;
    return kr_tc_filter_row(h, r->ifindex, r->t, e);
}

static int on_class(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    struct reading *r = arg;
    if (h->nlmsg_type != RTM_NEWTCLASS)
        return 0;
    if (!nlmsg_valid_hdr(h, sizeof(struct tcmsg)))
        return kr_fail(e, KR_UNKNOWN, 0, "a class in the kernel's answer can't be read");
    r->classes = kr_grow(r->classes, &r->cap_classes, r->n_classes + 1, sizeof *r->classes);
    r->classes[r->n_classes++] = ((const struct tcmsg *)nlmsg_data(h))->tcm_handle;
    return 0;
}

/* Without CONFIG_NET_SCHED or CONFIG_NET_CLS nothing answers: there is none of it. A device that
 * went is ENODEV. */
static bool is_none(const struct kr_err *why)
{
    return why->sys == EOPNOTSUPP || why->sys == ENODEV;
}

/* 0; 1 when it has to be read again; -1. */
static int dump(struct reading *r, int type, const struct tcmsg *m, kr_rt_row row, struct kr_err *e)
{
    struct kr_err why = {0};
    int got = kr_rt_dump(r->rt, type, m, sizeof *m, row, r, &why);
    if (got >= 0 || is_none(&why))
        return got > 0;
    if (e)
        *e = why;
    return -1;
}

static int filters_of(struct reading *r, const struct kr_tc_qdisc *q, uint32_t parent,
                      struct kr_err *e)
{
    const struct tcmsg m = {.tcm_ifindex = (int)q->ifindex, .tcm_parent = parent};
    r->ifindex = q->ifindex;
    return dump(r, RTM_GETTFILTER, &m, on_filter, e);
}

static int filters_of_classes(struct reading *r, const struct kr_tc_qdisc *q, struct kr_err *e)
{
    const struct tcmsg m = {.tcm_ifindex = (int)q->ifindex, .tcm_parent = q->handle};
    r->n_classes = 0;
    int got = dump(r, RTM_GETTCLASS, &m, on_class, e);
    for (size_t i = 0; !got && i < r->n_classes; i++)
        got = filters_of(r, q, r->classes[i], e);
    return got;
}

/* clsact has two blocks (TC_H_MIN_INGRESS, TC_H_MIN_EGRESS), ingress one. A qdisc the kernel made
 * by itself has the handle 0, which means the root. */
static int one_qdisc(struct reading *r, size_t i, struct kr_err *e)
{
    const struct kr_tc_qdisc q = r->t->qdiscs[i];
    int got;
    if (IS_ONE_OF(q.kind, no_filters) || (!q.handle && q.parent != TC_H_ROOT))
        return 0;
    if (strcmp(q.kind, "clsact") == 0) {
        got = filters_of(r, &q, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), e);
        return got ? got : filters_of(r, &q, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), e);
    }
    got = filters_of(r, &q, q.handle, e);
    return got || !q.handle || IS_ONE_OF(q.kind, no_classes) ? got : filters_of_classes(r, &q, e);
}

static int read_once(struct reading *r, struct kr_err *e)
{
    static const struct {
        struct tcmsg m;
        struct rtattr a; /* also qdiscs that the kernel made by itself (Linux 4.12) */
    } all = {.a = {.rta_len = RTA_LENGTH(0), .rta_type = TCA_DUMP_INVISIBLE}};
    struct kr_err why = {0};
    int got = kr_rt_dump(r->rt, RTM_GETQDISC, &all, sizeof all, on_qdisc, r, &why);
    if (got < 0 && !is_none(&why)) {
        if (e)
            *e = why;
        return -1;
    }
    for (size_t i = 0; got <= 0 && i < r->t->n_qdiscs; i++)
        if ((got = one_qdisc(r, i, e)) != 0)
            return got;
    return got > 0;
}

int kr_tc_read(struct kr_tc *out, struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    memset(out, 0, sizeof *out);
    if (kr_rt_open(&rt, e))
        return -1;
    for (int tries = 0; tries < TRIES; tries++) {
        struct reading r = {.rt = &rt, .t = out};
        int got = read_once(&r, e);
        free(r.classes);
        if (got == 0)
            return 0;
        kr_tc_free(out);
        if (got < 0)
            return kr_wrap(e, "reading traffic control");
    }
    return kr_fail(e, KR_UNKNOWN, EINTR, "reading traffic control: it changed each of %d times",
                   TRIES);
}

void kr_tc_free(struct kr_tc *t)
{
    free(t->qdiscs);
    free(t->filters);
    free(t->actions);
    memset(t, 0, sizeof *t);
}

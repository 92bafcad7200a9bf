/* Theory of operation: the routing failsafe.
 *
 * connect(2) looks up a route before OUTPUT. The rule sends TCP with a guarded port to a table of
 * ours, whose default leads into a device that drops (the hole), behind it `unreachable`. So the
 * SYN is built and meets OUTPUT, where the redirect rewrites it; the kernel then looks the new
 * destination up without ports, and it goes to the sink. Without the redirect, or without any of
 * nftables, it falls into the hole. Exempt prefixes have routes of their own in the table, by their
 * device. `unreachable` catches a hole that was removed.
 *
 * Change goes in this order, so that at no instant a packet finds less than before: the device, the
 * routes, the rules; then the rules that are not wanted any more, then the routes. What changes in
 * place is replaced in one message. Then all of it is read again and compared. */
#include <kr/failsafe.h>

#include "failsafe_internal.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/rt_sweep.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define PASSES 3

static bool keep_route(const struct kr_route *r, const void *arg)
{
    return kr_fs_has_route(arg, r);
}

static bool keep_rule(const struct kr_fibrule *r, const void *arg)
{
    return kr_fs_has_rule(arg, r);
}

static int sweep(struct kr_rt *rt, const struct kr_fs_state *wanted, struct kr_err *e)
{
    const struct kr_rt_keep keep = {KR_RT_PROTOCOL, keep_rule, keep_route, wanted};
    return kr_rt_sweep(rt, &keep, e);
}

static int add_missing(struct kr_rt *rt, const struct kr_fs_state *have,
                       const struct kr_fs_state *must, struct kr_err *e)
{
    for (size_t i = 0; i < must->n_routes; i++) {
        const struct kr_route *r = &must->routes[i];
        if (!kr_fs_has_route(have, r))
            kr_rt_route_add(rt, r,
                            NLM_F_CREATE | (kr_fs_has_key(have, r) ? NLM_F_REPLACE : NLM_F_EXCL));
    }
    if (kr_rt_flush(rt, e))
        return -1;
    for (size_t i = 0; i < must->n_rules; i++)
        if (!kr_fs_has_rule(have, &must->rules[i]))
            kr_rt_rule(rt, &must->rules[i], true);
    return kr_rt_flush(rt, e);
}

static size_t missing(const struct kr_fs_state *have, const struct kr_fs_state *must)
{
    size_t n = 0;
    for (size_t i = 0; i < must->n_routes; i++)
        n += !kr_fs_has_route(have, &must->routes[i]);
    for (size_t i = 0; i < must->n_rules; i++)
        n += !kr_fs_has_rule(have, &must->rules[i]);
    return n;
}

static int drop_hole(struct kr_rt *rt, const struct kr_netview *v, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf why = {0};
    const struct kr_link *hole = kr_fs_hole(v);
    if (!hole)
        return 0;
    if (kr_fs_hole_stranger(v, &why))
        return kr_fail(e, KR_UNSAFE, 0, "%s; it was left alone", kr_buf_str(&why));
    kr_rt_link_del(rt, hole->index, hole->name);
    return kr_rt_flush(rt, e);
}

/* 1: something had to be changed; 0: all stands as wanted; -1. */
static int converge(const struct kr_failsafe *f, struct kr_rt *rt, const struct kr_netview *v,
                    struct kr_err *e)
{
    struct kr_fs_state have, must;
    kr_fs_have(v, &have);
    kr_fs_want(f, v, &must);
    size_t lack = missing(&have, &must), extra = missing(&must, &have);
    bool hole = kr_fs_hole(v) && !kr_fs_needs_hole(f);
    int bad = (lack && add_missing(rt, &have, &must, e)) || (extra && sweep(rt, &must, e)) ||
              (hole && drop_hole(rt, v, e));
    kr_fs_free(&have);
    kr_fs_free(&must);
    return bad ? -1 : lack || extra || hole;
}

static int refuse_strangers(const struct kr_failsafe *f, const struct kr_netview *v,
                            struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf why = {0};
    if (!kr_fs_strangers(f, v, &why))
        return 0;
    return kr_fail(e, KR_UNSAFE, 0, "%.*s", (int)strcspn(kr_buf_str(&why), "\n"), kr_buf_str(&why));
}

/* One pass from the reading to what is wanted; 1: something had to be changed. */
static int pass(const struct kr_failsafe *f, struct kr_netview *v, struct kr_rt *rt,
                struct kr_err *e)
{
    if (refuse_strangers(f, v, e) || (kr_fs_needs_hole(f) && kr_fs_hole_ensure(f, rt, v, e)))
        return -1;
    return converge(f, rt, v, e);
}

static int apply(const struct kr_failsafe *f, struct kr_netview *v, struct kr_rt *rt,
                 struct kr_err *e)
{
    for (int i = 0; i < PASSES; i++) {
        int changed = pass(f, v, rt, e);
        if (changed <= 0)
            return changed;
        kr_netview_free(v);
        if (kr_netview_read(v, e))
            return -1;
    }
    return kr_fail(e, KR_UNKNOWN, 0, "the failsafe is changed by somebody else as it is made");
}

static void tell_kind(const struct kr_netview *v, char kind[static 16])
{
    const struct kr_link *hole = kr_fs_hole(v);
    kind[0] = '\0';
    if (hole)
        memcpy(kind, hole->kind, sizeof hole->kind);
}

int kr_failsafe_apply(const struct kr_failsafe *f, char kind[static 16], struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    struct kr_netview v;
    if (kr_rt_open(&rt, e) || kr_netview_read(&v, e))
        return -1;
    int bad = apply(f, &v, &rt, e);
    tell_kind(&v, kind);
    kr_netview_free(&v);
    return bad;
}

int kr_failsafe_apply_to(const struct kr_failsafe *f, struct kr_netview *v, char kind[static 16],
                         struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    int bad = kr_rt_open(&rt, e) || pass(f, v, &rt, e) < 0 ? -1 : 0;
    tell_kind(v, kind);
    kr_netview_free(v);
    return bad;
}

static void compare(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *diff)
{
    struct kr_fs_state have, must;
    kr_fs_have(v, &have);
    kr_fs_want(f, v, &must);
    for (size_t i = 0; i < must.n_routes; i++)
        if (!kr_fs_has_route(&have, &must.routes[i]))
            kr_fs_say_route(diff, "is missing", v, &must.routes[i]);
    for (size_t i = 0; i < have.n_routes; i++)
        if (!kr_fs_has_route(&must, &have.routes[i]))
            kr_fs_say_route(diff, "is not planned", v, &have.routes[i]);
    for (size_t i = 0; i < must.n_rules; i++)
        if (!kr_fs_has_rule(&have, &must.rules[i]))
            kr_fs_say_rule(diff, "is missing", &must.rules[i]);
    for (size_t i = 0; i < have.n_rules; i++)
        if (!kr_fs_has_rule(&must, &have.rules[i]))
            kr_fs_say_rule(diff, "is not planned", &have.rules[i]);
    kr_fs_free(&have);
    kr_fs_free(&must);
}

int kr_failsafe_check_view(const struct kr_failsafe *f, const struct kr_netview *v,
                           struct kr_buf *diff)
{
    size_t before = diff->len;
    kr_fs_hole_check(f, v, diff);
    kr_fs_strangers(f, v, diff);
    compare(f, v, diff);
    return diff->len == before;
}

int kr_failsafe_check(const struct kr_failsafe *f, struct kr_buf *diff, struct kr_err *e)
{
    struct kr_netview v;
    if (kr_netview_read(&v, e))
        return -1;
    int holds = kr_failsafe_check_view(f, &v, diff);
    kr_netview_free(&v);
    return holds;
}

int kr_failsafe_remove(struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    const struct kr_fs_state none = {0};
    struct kr_netview v;
    if (kr_rt_open(&rt, e) || kr_netview_read(&v, e))
        return -1;
    int bad = sweep(&rt, &none, e) || drop_hole(&rt, &v, e) ? -1 : 0;
    kr_netview_free(&v);
    return bad;
}

bool kr_failsafe_present(const struct kr_netview *v)
{
    struct kr_fs_state have;
    kr_fs_have(v, &have);
    bool present = have.n_routes || have.n_rules || kr_fs_hole(v);
    kr_fs_free(&have);
    return present;
}

/* Theory of operation: the routing failsafe.
 *
 * connect(2) looks up a route before OUTPUT. The rule sends TCP with a guarded port to a table of
 * ours, whose default leads into a device that drops (the hole), behind it `unreachable`. So the
 * SYN is built and meets OUTPUT, where the redirect rewrites it; the kernel then looks the new
 * destination up without ports, and it goes to the sink. Without the redirect, or without any of
 * nftables, it falls into the hole. Exempt prefixes have routes of their own in the table, by their
 * device. `unreachable` catches a hole that was removed. */
#include <kr/failsafe.h>

#include "failsafe_internal.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/rt.h>

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

static const char *const hole_kinds[] = {"dummy", "ifb", "veth"};
#define HOLE_PEER "kumo-hole1"

static bool is_hole_kind(const char *kind)
{
    for (size_t i = 0; i < sizeof hole_kinds / sizeof *hole_kinds; i++)
        if (strcmp(kind, hole_kinds[i]) == 0)
            return true;
    return false;
}

static int make_hole(struct kr_rt *rt, struct kr_err *e)
{
    for (size_t i = 0; i < sizeof hole_kinds / sizeof *hole_kinds; i++) {
        const char *peer = strcmp(hole_kinds[i], "veth") == 0 ? HOLE_PEER : NULL;
        int err = kr_rt_link_add(rt, KR_HOLE_NAME, hole_kinds[i], peer, e);
        if (err == 0)
            return 0;
        if (err != EOPNOTSUPP)
            return err < 0 ? -1 : kr_fail(e, KR_CANNOT, err, "making the device " KR_HOLE_NAME);
    }
    return kr_fail(e, KR_CANNOT, 0,
                   "this kernel has none of the device kinds dummy, ifb and veth: there is nothing "
                   "to lead packets into");
}

/* The hole exists and is up afterwards; *v is read again when it had to be made. */
static int ensure_hole(struct kr_rt *rt, struct kr_netview *v, struct kr_err *e)
{
    const struct kr_link *hole = kr_netview_link_named(v, KR_HOLE_NAME);
    if (hole && !is_hole_kind(hole->kind))
        return kr_fail(e, KR_CANNOT, 0, "the device " KR_HOLE_NAME " is somebody else's (kind %s)",
                       hole->kind);
    if (!hole) {
        if (make_hole(rt, e))
            return -1;
        kr_netview_free(v);
        if (kr_netview_read(v, e))
            return -1;
        hole = kr_netview_link_named(v, KR_HOLE_NAME);
    }
    if (!hole)
        return kr_fail(e, KR_UNKNOWN, 0, "the device " KR_HOLE_NAME " vanished");
    if ((hole->flags & (IFF_UP | IFF_NOARP)) == (IFF_UP | IFF_NOARP))
        return 0;
    kr_rt_link_up(rt, hole->index, hole->name);
    return kr_rt_flush(rt, e);
}

static void change_routes(struct kr_rt *rt, const struct kr_fs_state *have,
                          const struct kr_fs_state *want, bool add)
{
    const struct kr_fs_state *from = add ? want : have, *other = add ? have : want;
    for (size_t i = 0; i < from->n_routes; i++)
        if (!kr_fs_has_route(other, &from->routes[i]))
            kr_rt_route(rt, &from->routes[i], add);
}

static void change_rules(struct kr_rt *rt, const struct kr_fs_state *have,
                         const struct kr_fs_state *want, bool add)
{
    const struct kr_fs_state *from = add ? want : have, *other = add ? have : want;
    for (size_t i = 0; i < from->n_rules; i++)
        if (!kr_fs_has_rule(other, &from->rules[i]))
            kr_rt_rule(rt, &from->rules[i], add);
}

static int check_strangers(const struct kr_failsafe *want, const struct kr_netview *v,
                           struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf why = {0};
    if (kr_fs_strangers(want, v, &why))
        return kr_fail(e, KR_UNSAFE, 0, "%.*s", (int)strcspn(kr_buf_str(&why), "\n"),
                       kr_buf_str(&why));
    return 0;
}

static int apply(const struct kr_failsafe *want, struct kr_netview *v, char kind[static 16],
                 struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    struct kr_fs_state have, must;
    if (check_strangers(want, v, e) || kr_rt_open(&rt, e) || ensure_hole(&rt, v, e))
        return -1;
    const struct kr_link *hole = kr_netview_link_named(v, KR_HOLE_NAME);
    memcpy(kind, hole->kind, 16);
    kr_fs_have(v, &have);
    kr_fs_want(want, v, &must);
    change_routes(&rt, &have, &must, true);
    change_rules(&rt, &have, &must, true);
    int bad = kr_rt_flush(&rt, e);
    if (!bad) {
        change_rules(&rt, &have, &must, false);
        change_routes(&rt, &have, &must, false);
        bad = kr_rt_flush(&rt, e);
    }
    kr_fs_free(&have);
    kr_fs_free(&must);
    return bad;
}

int kr_failsafe_apply(const struct kr_failsafe *want, char kind[static 16], struct kr_err *e)
{
    struct kr_netview v;
    if (kr_netview_read(&v, e))
        return -1;
    int bad = apply(want, &v, kind, e);
    kr_netview_free(&v);
    return bad;
}

static int remove_all(const struct kr_netview *v, struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    struct kr_fs_state have, none = {0};
    if (kr_rt_open(&rt, e))
        return -1;
    kr_fs_have(v, &have);
    change_rules(&rt, &have, &none, false);
    change_routes(&rt, &have, &none, false);
    const struct kr_link *hole = kr_netview_link_named(v, KR_HOLE_NAME);
    if (hole && is_hole_kind(hole->kind))
        kr_rt_link_del(&rt, hole->index, hole->name);
    kr_fs_free(&have);
    return kr_rt_flush(&rt, e);
}

int kr_failsafe_remove(struct kr_err *e)
{
    struct kr_netview v;
    if (kr_netview_read(&v, e))
        return -1;
    int bad = remove_all(&v, e);
    kr_netview_free(&v);
    return bad;
}

int kr_failsafe_present(bool *present, struct kr_err *e)
{
    struct kr_netview v;
    struct kr_fs_state have;
    if (kr_netview_read(&v, e))
        return -1;
    kr_fs_have(&v, &have);
    const struct kr_link *hole = kr_netview_link_named(&v, KR_HOLE_NAME);
    *present = have.n_routes || have.n_rules || (hole && is_hole_kind(hole->kind));
    kr_fs_free(&have);
    kr_netview_free(&v);
    return 0;
}

static void compare(const struct kr_failsafe *want, const struct kr_netview *v, struct kr_buf *diff)
{
    struct kr_fs_state have, must;
    kr_fs_have(v, &have);
    kr_fs_want(want, v, &must);
    for (size_t i = 0; i < must.n_routes; i++)
        if (!kr_fs_has_route(&have, &must.routes[i]))
            kr_fs_say_route(diff, "missing", &must.routes[i]);
    for (size_t i = 0; i < have.n_routes; i++)
        if (!kr_fs_has_route(&must, &have.routes[i]))
            kr_fs_say_route(diff, "not planned", &have.routes[i]);
    for (size_t i = 0; i < must.n_rules; i++)
        if (!kr_fs_has_rule(&have, &must.rules[i]))
            kr_fs_say_rule(diff, "missing", &must.rules[i]);
    for (size_t i = 0; i < have.n_rules; i++)
        if (!kr_fs_has_rule(&must, &have.rules[i]))
            kr_fs_say_rule(diff, "not planned", &have.rules[i]);
    kr_fs_free(&have);
    kr_fs_free(&must);
}

int kr_failsafe_check(const struct kr_failsafe *want, struct kr_buf *diff, struct kr_err *e)
{
    struct kr_netview v;
    size_t before = diff->len;
    if (kr_netview_read(&v, e))
        return -1;
    const struct kr_link *hole = kr_netview_link_named(&v, KR_HOLE_NAME);
    if (!hole || !is_hole_kind(hole->kind))
        kr_buf_printf(diff, "failsafe: the device " KR_HOLE_NAME " is missing\n");
    else if (!(hole->flags & IFF_UP))
        kr_buf_printf(diff, "failsafe: the device " KR_HOLE_NAME " is down\n");
    kr_fs_strangers(want, &v, diff);
    compare(want, &v, diff);
    kr_netview_free(&v);
    return diff->len == before;
}

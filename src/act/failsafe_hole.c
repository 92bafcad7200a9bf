/* The hole: a device that drops whatever is sent into it. dummy frees it, ifb drops what no tc
 * action redirected to it (ifb_xmit in drivers/net/ifb.c), and a veth end whose peer is down has no
 * carrier, so that its queue is the one that drops (noop_qdisc, net/sched/sch_generic.c). */
#include "failsafe_internal.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/rt.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define IPV6_OFF "/proc/sys/net/ipv6/conf/" KR_HOLE_NAME "/disable_ipv6"

static const char *const kinds[] = {"dummy", "ifb", "veth"};

static bool is_hole_kind(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

const struct kr_link *kr_fs_hole(const struct kr_netview *v)
{
    const struct kr_link *l = kr_netview_link_named(v, KR_HOLE_NAME);
    return l && is_hole_kind(l->kind) ? l : NULL;
}

const char *kr_fs_hole_stranger(const struct kr_netview *v, struct kr_buf *why)
{
    const struct kr_link *l = kr_netview_link_named(v, KR_HOLE_NAME);
    if (!l)
        return NULL;
    if (!is_hole_kind(l->kind)) {
        kr_buf_printf(why, "the device " KR_HOLE_NAME " is somebody else's: its kind is '%s'",
                      *l->kind ? l->kind : "hardware");
        return kr_buf_str(why);
    }
    for (size_t i = 0; i < v->n_addrs; i++)
        if (v->addrs[i].index == l->index) {
            char s[KR_ADDRSTRLEN];
            kr_buf_printf(why,
                          "the device " KR_HOLE_NAME " is somebody else's: it has the address %s",
                          kr_addr_str(&v->addrs[i].addr, s));
            return kr_buf_str(why);
        }
    return NULL;
}

static int make(struct kr_rt *rt, struct kr_err *e)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *peer = strcmp(kinds[i], "veth") == 0 ? KR_HOLE_PEER : NULL;
        int err = kr_rt_link_add(rt, KR_HOLE_NAME, kinds[i], peer, e);
        if (err == 0)
            return 0;
        if (err != EOPNOTSUPP)
            return err < 0 ? -1
                           : kr_fail(e, KR_CANNOT, err, "making the device " KR_HOLE_NAME " (%s)",
                                     kinds[i]);
    }
    return kr_fail(e, KR_CANNOT, 0,
                   "this kernel has none of the device kinds dummy, ifb and veth: there is nothing "
                   "to lead packets into");
}

/* A host whose new devices have IPv6 switched off (net.ipv6.conf.default.disable_ipv6) refuses
 * IPv6 routes to them. */
static int allow_ipv6(struct kr_err *e)
{
    char off = '0';
    KR_AUTO_FD int fd = open(IPV6_OFF, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : kr_fail(e, KR_CANNOT, errno, IPV6_OFF);
    if (read(fd, &off, 1) == 1 && off == '0')
        return 0;
    return pwrite(fd, "0", 1, 0) == 1 ? 0 : kr_fail(e, KR_CANNOT, errno, IPV6_OFF);
}

static bool is_up(const struct kr_link *l)
{
    return (l->flags & (IFF_UP | IFF_NOARP)) == (IFF_UP | IFF_NOARP);
}

static int renew_links(struct kr_netview *v, struct kr_err *e)
{
    struct kr_netview now, was = *v;
    if (kr_netview_read_addresses(&now, e))
        return -1;
    v->links = now.links;
    v->n_links = now.n_links;
    v->addrs = now.addrs;
    v->n_addrs = now.n_addrs;
    free(was.links);
    free(was.addrs);
    return 0;
}

int kr_fs_hole_ensure(const struct kr_failsafe *f, struct kr_rt *rt, struct kr_netview *v,
                      struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf why = {0};
    if (kr_fs_hole_stranger(v, &why))
        return kr_fail(e, KR_UNSAFE, 0, "%s; remove or rename it", kr_buf_str(&why));
    const struct kr_link *l = kr_fs_hole(v);
    if (l && is_up(l))
        return 0;
    if ((!l && make(rt, e)) || (f->hole6 && allow_ipv6(e)))
        return -1;
    kr_rt_link_up(rt, KR_HOLE_NAME);
    if (kr_rt_flush(rt, e))
        return -1;
    if (renew_links(v, e))
        return -1;
    return kr_fs_hole(v) ? 0 : kr_fail(e, KR_UNKNOWN, 0, "the device " KR_HOLE_NAME " vanished");
}

static void check_peer(const struct kr_link *l, const struct kr_netview *v, struct kr_buf *diff)
{
    const struct kr_link *peer = l->lower ? kr_netview_link(v, l->lower) : NULL;
    if (l->lower_elsewhere || !peer || (peer->flags & IFF_UP) || peer->master)
        kr_buf_printf(diff, "failsafe: " KR_HOLE_PEER ", the other end of " KR_HOLE_NAME
                            ", is not down and here: packets may come out of it\n");
}

void kr_fs_hole_check(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *diff)
{
    KR_AUTO_BUF struct kr_buf why = {0};
    const struct kr_link *l = kr_fs_hole(v);
    if (!kr_fs_needs_hole(f)) {
        if (l)
            kr_buf_printf(diff, "failsafe: the device " KR_HOLE_NAME " is there, not planned\n");
        return;
    }
    if (kr_fs_hole_stranger(v, &why))
        kr_buf_printf(diff, "failsafe: %s\n", kr_buf_str(&why));
    else if (!l)
        kr_buf_printf(diff, "failsafe: the device " KR_HOLE_NAME " is missing\n");
    else if (!is_up(l))
        kr_buf_printf(diff, "failsafe: the device " KR_HOLE_NAME " is %s\n",
                      l->flags & IFF_UP ? "up with ARP" : "down");
    if (l && l->master)
        kr_buf_printf(diff, "failsafe: the device " KR_HOLE_NAME " is a port of another device\n");
    if (l && strcmp(l->kind, "veth") == 0)
        check_peer(l, v, diff);
}

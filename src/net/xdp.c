#include <kr/xdp.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/rt.h>

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define TRIES 8

static uint32_t id_in(struct nlattr *const *a, int type)
{
    return a[type] && nla_len(a[type]) >= 4 ? nla_get_u32(a[type]) : 0;
}

/* The id has an attribute for each mode since Linux 4.19; before, one for the only mode. */
static void take(struct nlattr *const *a, uint8_t mode, struct kr_xdp *x)
{
    uint32_t id = id_in(a, IFLA_XDP_PROG_ID);
    x->native = id_in(a, IFLA_XDP_DRV_PROG_ID);
    x->generic = id_in(a, IFLA_XDP_SKB_PROG_ID);
    x->offloaded = id_in(a, IFLA_XDP_HW_PROG_ID);
    if (x->native || x->generic || x->offloaded)
        return;
    *(mode == XDP_ATTACHED_SKB  ? &x->generic
      : mode == XDP_ATTACHED_HW ? &x->offloaded
                                : &x->native) = id;
    x->odd = !id;
}

int kr_xdp_row(const struct nlmsghdr *h, void *xdps, struct kr_err *e)
{
    struct kr_xdps *out = xdps;
    struct nlattr *a[IFLA_MAX + 1], *x[IFLA_XDP_MAX + 1];
    if (h->nlmsg_type != RTM_NEWLINK)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct ifinfomsg), a, IFLA_MAX, NULL) ||
        !a[IFLA_IFNAME] || (a[IFLA_XDP] && nla_parse_nested(x, IFLA_XDP_MAX, a[IFLA_XDP], NULL)))
        return kr_fail(e, KR_UNKNOWN, 0, "a link in the kernel's answer can't be read");
    out->links++;
    if (!a[IFLA_XDP])
        return 0;
    if (!x[IFLA_XDP_ATTACHED] || nla_len(x[IFLA_XDP_ATTACHED]) < 1)
        return kr_fail(e, KR_UNKNOWN, 0, "the XDP state of a link can't be read");
    uint8_t mode = nla_get_u8(x[IFLA_XDP_ATTACHED]);
    if (mode == XDP_ATTACHED_NONE)
        return 0;
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    struct kr_xdp *new = memset(&out->v[out->n++], 0, sizeof *new);
    new->ifindex = (unsigned)((const struct ifinfomsg *)nlmsg_data(h))->ifi_index;
    nla_strlcpy(new->name, a[IFLA_IFNAME], sizeof new->name);
    take(x, mode, new);
    return 0;
}

int kr_xdp_read(struct kr_xdps *out, struct kr_err *e)
{
    /* IFLA_EXT_MASK behind the header: no statistics (RTEXT_FILTER_SKIP_STATS, Linux 5.0). */
    static const struct {
        struct ifinfomsg h;
        struct rtattr a;
        uint32_t mask;
    } ask = {.a = {.rta_len = RTA_LENGTH(4), .rta_type = IFLA_EXT_MASK}, .mask = 1 << 3};
    KR_AUTO_RT struct kr_rt rt = {0};
    memset(out, 0, sizeof *out);
    if (kr_rt_open(&rt, e))
        return -1;
    for (int tries = 0; tries < TRIES; tries++) {
        int got = kr_rt_dump(&rt, RTM_GETLINK, &ask, sizeof ask, kr_xdp_row, out, e);
        if (got == 0)
            return 0;
        kr_xdp_free(out);
        if (got < 0)
            return kr_wrap(e, "reading XDP programs");
    }
    return kr_fail(e, KR_UNKNOWN, EINTR, "reading XDP programs: links changed each of %d times",
                   TRIES);
}

void kr_xdp_free(struct kr_xdps *x)
{
    free(x->v);
    memset(x, 0, sizeof *x);
}

#include <kr/neigh.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/rt.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#define TRIES 8
#define ANSWERED (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

static int on_neighbour(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    struct kr_neighs *out = arg;
    struct nlattr *a[NDA_MAX + 1];
    if (h->nlmsg_type != RTM_NEWNEIGH)
        return 0;
    if (nlmsg_parse((void *)(uintptr_t)h, sizeof(struct ndmsg), a, NDA_MAX, NULL))
        return kr_fail(e, KR_UNKNOWN, 0, "a neighbour in the kernel's answer can't be read");
    const struct ndmsg *m = nlmsg_data(h);
    bool ip = m->ndm_family == AF_INET || m->ndm_family == AF_INET6;
    if (!ip || !(m->ndm_state & ANSWERED) || !a[NDA_DST])
        return 0;
    if (nla_len(a[NDA_DST]) < (m->ndm_family == AF_INET ? 4 : 16))
        return kr_fail(e, KR_UNKNOWN, 0, "a neighbour's address is cut");
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    out->v[out->n++] = (struct kr_neigh){.index = (unsigned)m->ndm_ifindex,
                                         .addr = kr_addr_make(m->ndm_family, nla_data(a[NDA_DST])),
                                         .state = m->ndm_state};
    return 0;
}

int kr_neighs_read(struct kr_neighs *out, struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt rt = {0};
    const struct ndmsg any = {.ndm_family = AF_UNSPEC};
    memset(out, 0, sizeof *out);
    if (kr_rt_open(&rt, e))
        return -1;
    for (int tries = 0; tries < TRIES; tries++) {
        out->n = 0;
        int got = kr_rt_dump(&rt, RTM_GETNEIGH, &any, sizeof any, on_neighbour, out, e);
        if (got == 0)
            return 0;
        if (got < 0) {
            kr_neighs_free(out);
            return kr_wrap(e, "reading neighbours");
        }
    }
    kr_neighs_free(out);
    return kr_fail(e, KR_UNKNOWN, EINTR, "reading neighbours: they changed each of %d times",
                   TRIES);
}

void kr_neighs_free(struct kr_neighs *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

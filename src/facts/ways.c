/* Theory of operation: which namespaces have a way out that skips this host's rules.
 *
 * What leaves by a pair of devices into our namespace is forwarded or bridged here and meets the
 * forward guard or the fence; what a child (macvlan and its like) sends meets the fence on our
 * device below it. Hardware, tunnels and programs behind a tun device are ways out of their own.
 * Who hangs on such a namespace by a pair or a child has that way too. */
#include "ways.h"

#include <kr/mem.h>
#include <kr/owners.h>

#include <linux/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *kind;
    enum kr_manner manner;
} manners[] = {
    {"", KR_DEV_WIRE},           {"ipoib", KR_DEV_WIRE},       {"wwan", KR_DEV_WIRE},
    {"dsa", KR_DEV_WIRE},        {"veth", KR_DEV_PAIR},        {"netkit", KR_DEV_PAIR},
    {"macvlan", KR_DEV_CHILD},   {"macvtap", KR_DEV_CHILD},    {"ipvlan", KR_DEV_CHILD},
    {"ipvtap", KR_DEV_CHILD},    {"vlan", KR_DEV_CHILD},       {"macsec", KR_DEV_CHILD},
    {"virt_wifi", KR_DEV_CHILD}, {"rmnet", KR_DEV_CHILD},      {"lowpan", KR_DEV_CHILD},
    {"vxlan", KR_DEV_TUNNEL},    {"geneve", KR_DEV_TUNNEL},    {"gre", KR_DEV_TUNNEL},
    {"gretap", KR_DEV_TUNNEL},   {"ip6gre", KR_DEV_TUNNEL},    {"ip6gretap", KR_DEV_TUNNEL},
    {"erspan", KR_DEV_TUNNEL},   {"ip6erspan", KR_DEV_TUNNEL}, {"ipip", KR_DEV_TUNNEL},
    {"sit", KR_DEV_TUNNEL},      {"ip6tnl", KR_DEV_TUNNEL},    {"vti", KR_DEV_TUNNEL},
    {"vti6", KR_DEV_TUNNEL},     {"xfrm", KR_DEV_TUNNEL},      {"gtp", KR_DEV_TUNNEL},
    {"bareudp", KR_DEV_TUNNEL},  {"amt", KR_DEV_TUNNEL},       {"wireguard", KR_DEV_TUNNEL},
    {"ovpn", KR_DEV_TUNNEL},     {"ppp", KR_DEV_TUNNEL},       {"tun", KR_DEV_TUN},
    {"bridge", KR_DEV_QUIET},    {"bond", KR_DEV_QUIET},       {"team", KR_DEV_QUIET},
    {"dummy", KR_DEV_QUIET},     {"ifb", KR_DEV_QUIET},        {"vrf", KR_DEV_QUIET},
    {"nlmon", KR_DEV_QUIET},     {"vsockmon", KR_DEV_QUIET},   {"vcan", KR_DEV_QUIET},
    {"vxcan", KR_DEV_QUIET},     {"can", KR_DEV_QUIET},        {"hsr", KR_DEV_QUIET},
    {"batadv", KR_DEV_QUIET},    {"nr", KR_DEV_QUIET},
};

enum kr_manner kr_link_manner(const struct kr_link *l)
{
    if ((l->flags & IFF_LOOPBACK) || l->arphrd == ARPHRD_LOOPBACK || l->arphrd == ARPHRD_CAN)
        return KR_DEV_QUIET;
    for (size_t i = 0; i < sizeof manners / sizeof *manners; i++)
        if (strcmp(manners[i].kind, l->kind) == 0)
            return manners[i].manner;
    return KR_DEV_STRANGE;
}

static void __attribute__((format(printf, 4, 5)))
way(struct kr_way *w, enum kr_verdict v, const struct kr_far_link *by, const char *fmt, ...)
{
    va_list ap;
    if (v <= w->verdict)
        return;
    w->verdict = v;
    w->by = by;
    va_start(ap, fmt);
    vsnprintf(w->what, sizeof w->what, fmt, ap);
    va_end(ap);
}

/* Programs that send what they read from a tun device again by sockets of their own, and so, from
 * our namespace, through our rules. */
static bool sends_again(const char *name)
{
    static const char *const known[] = {"slirp4netns", "pasta", "pasta.avx2", "passt",
                                        "passt.avx2"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], name) == 0)
            return true;
    return false;
}

static void judge_tun(const struct kr_spaces *s, const struct kr_far_link *l,
                      const struct kr_wanted *tuns, size_t n, struct kr_way *w)
{
    const struct kr_wanted *t = NULL;
    if (!l->carrier)
        return;
    for (size_t i = 0; i < n; i++)
        if (!tuns[i].inode && strcmp(tuns[i].tun, l->link.name) == 0)
            t = &tuns[i];
    if (!t || !t->pid)
        way(w, KR_IN_DOUBT, l, "%s there: which program sends on what it reads can't be told",
            l->link.name);
    else if (t->netns != s->inode || t->others || !sends_again(t->name))
        way(w, KR_IN_DOUBT, l, "%s there: what %s (process %d) does with the packets can't be told",
            l->link.name, t->name, (int)t->pid);
}

static void judge_link(const struct kr_spaces *s, const struct kr_space *x, size_t i,
                       const struct kr_wanted *tuns, size_t n_tuns, struct kr_way *w)
{
    const struct kr_far_link *l = &x->view.v[i];
    const char *name = l->link.name, *kind = l->link.kind;
    bool up = (l->link.flags & IFF_UP) != 0;
    switch (kr_link_manner(&l->link)) {
    case KR_DEV_WIRE:
        way(w, KR_BROKEN, l, "the hardware device %s is there%s: what it sends skips these rules",
            name, up ? "" : ", now down");
        break;
    case KR_DEV_TUNNEL:
        if (up)
            way(w, KR_BROKEN, l, "%s there (%s) wraps packets up before any rule here sees them",
                name, kind);
        break;
    case KR_DEV_TUN:
        judge_tun(s, l, tuns, n_tuns, w);
        break;
    case KR_DEV_STRANGE:
        if (up)
            way(w, KR_IN_DOUBT, l, "%s there is of a kind that is not known: '%s'", name, kind);
        break;
    default:
        if (x->to[i] == KR_TO_UNSEEN && up)
            way(w, KR_IN_DOUBT, l, "%s there leads to a namespace that nothing here shows", name);
        break;
    }
}

static void judge_own(const struct kr_spaces *s, const struct kr_space *x,
                      const struct kr_wanted *tuns, size_t n_tuns, struct kr_way *w)
{
    if (x->shut)
        way(w, KR_IN_DOUBT, NULL, "%s", x->why);
    for (size_t i = 0; i < x->view.n; i++)
        judge_link(s, x, i, tuns, n_tuns, w);
}

/* Takes over what is worse beyond a link of namespace `at`. True when that changed anything. */
static bool take_over(const struct kr_spaces *s, size_t at, struct kr_way *ways)
{
    const struct kr_space *x = &s->v[at];
    enum kr_verdict before = ways[at].verdict;
    for (size_t i = 0; i < x->view.n; i++) {
        const struct kr_far_link *l = &x->view.v[i];
        enum kr_manner m = kr_link_manner(&l->link);
        char name[160];
        if (x->to[i] < 0 || (m != KR_DEV_PAIR && m != KR_DEV_CHILD))
            continue;
        const struct kr_way *beyond = &ways[x->to[i]];
        if (beyond->verdict > ways[at].verdict)
            way(&ways[at], beyond->verdict, l, "by %s there to the %s, which has %s", l->link.name,
                kr_space_name(&s->v[x->to[i]], name),
                beyond->by ? beyond->by->link.name : "not been looked into");
    }
    return ways[at].verdict != before;
}

void kr_spaces_judge(const struct kr_spaces *s, const struct kr_wanted *tuns, size_t n_tuns,
                     struct kr_way *ways)
{
    memset(ways, 0, s->n * sizeof *ways);
    for (size_t i = 0; i < s->n; i++)
        judge_own(s, &s->v[i], tuns, n_tuns, &ways[i]);
    bool changed = true;
    for (size_t round = 0; changed && round <= 2 * s->n; round++) {
        changed = false;
        for (size_t i = 0; i < s->n; i++)
            changed |= take_over(s, i, ways);
    }
}

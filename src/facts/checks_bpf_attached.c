#include "checks_bpf.h"

#include <kr/bpf.h>
#include <kr/bpf_cgroup.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/netview.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

#define N(table) (sizeof(table) / sizeof *(table))
#define MOST 512 /* programs at one place; the kernel allows 64 of a kind at each level */

/* ---- devices: tcx and netkit --------------------------------------------------------------------
 */

static const struct hook {
    uint32_t attach;
    const char *name, *kind; /* kind: of the only devices that can have it, or NULL */
} hooks[] = {
    {KR_BPF_TCX_INGRESS, "tcx_ingress", NULL},
    {KR_BPF_TCX_EGRESS, "tcx_egress", NULL},
    {KR_BPF_NETKIT_PRIMARY, "netkit_primary", "netkit"},
    {KR_BPF_NETKIT_PEER, "netkit_peer", "netkit"},
};

struct asked {
    const struct kr_bpf *b; /* or NULL */
    struct kr_result *r;
    size_t programs, unknown;
};

/* EINVAL: the kernel does not know such an attachment. ENODEV: the device went. */
static void ask_device(struct asked *k, const struct kr_link *l, const struct hook *h)
{
    uint32_t ids[MOST];
    int got = kr_bpf_query(l->index, h->attach, 0, ids, MOST);
    if (got == -EINVAL)
        k->unknown++;
    else if (got < 0 && got != -ENODEV)
        kr_add_device(k->r, KR_IN_DOUBT, l->name, 0, "%s can't be asked for: %s%s", h->name,
                      strerror(-got),
                      got == -EACCES ? " (its primary end is in another network namespace)" : "");
    for (int i = 0; i < got; i++)
        kr_add_device(k->r, KR_BROKEN, l->name, ids[i], "runs eBPF program %s at %s",
                      kr_prog_text(k->b, ids[i]).s, h->name);
    k->programs += got > 0 ? (size_t)got : 0;
}

int kr_check_tcx_netkit(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    const struct kr_bpf *b = v ? kr_scene_bpf(s, e) : NULL;
    struct asked k = {.b = b, .r = r};
    size_t questions = 0;
    if (!b)
        return -1;
    if (b->absent) {
        kr_add_no_bpf(r);
        return 0;
    }
    for (size_t i = 0; i < v->n_links; i++)
        for (size_t h = 0; h < N(hooks); h++)
            if (!hooks[h].kind || strcmp(hooks[h].kind, v->links[i].kind) == 0) {
                ask_device(&k, &v->links[i], &hooks[h]);
                questions++;
            }
    if (k.unknown && k.unknown == questions)
        kr_result_add(r, KR_HOLDS, "this kernel",
                      "has no tcx and no netkit: it knows no such attachment (EINVAL)");
    else
        kr_result_add(r, KR_HOLDS, "every device", "%zu programs on %zu devices", k.programs,
                      v->n_links);
    return 0;
}

/* ---- cgroups ------------------------------------------------------------------------------------
 */

#define LOCAL "can change a local address only"
#define READS "can change what a program reads only"
#define NO_IP "concerns Unix sockets only"
static const struct kind {
    uint32_t attach, prog_type;
    const char *name; /* as bpftool-cgroup(8) calls it */
    enum kr_verdict verdict;
    const char *does;
} kinds[] = {
    {BPF_CGROUP_INET4_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "connect4", KR_BROKEN,
     "can change the address and the port of every connect()"},
    {BPF_CGROUP_INET6_CONNECT, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "connect6", KR_BROKEN,
     "can change the address and the port of every connect()"},
    {BPF_CGROUP_UDP4_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sendmsg4", KR_BROKEN,
     "can change where datagrams go, DNS queries too"},
    {BPF_CGROUP_UDP6_SENDMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sendmsg6", KR_BROKEN,
     "can change where datagrams go, DNS queries too"},
    {BPF_CGROUP_SOCK_OPS, BPF_PROG_TYPE_SOCK_OPS, "sock_ops", KR_BROKEN,
     "can put connections into a sockmap, whose programs move their data elsewhere"},
    {BPF_CGROUP_INET4_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bind4", KR_HOLDS, LOCAL},
    {BPF_CGROUP_INET6_BIND, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "bind6", KR_HOLDS, LOCAL},
    {BPF_CGROUP_UDP4_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "recvmsg4", KR_HOLDS, READS},
    {BPF_CGROUP_UDP6_RECVMSG, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "recvmsg6", KR_HOLDS, READS},
    {BPF_CGROUP_INET4_GETPEERNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getpeername4", KR_HOLDS, READS},
    {BPF_CGROUP_INET6_GETPEERNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getpeername6", KR_HOLDS, READS},
    {BPF_CGROUP_INET4_GETSOCKNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getsockname4", KR_HOLDS, READS},
    {BPF_CGROUP_INET6_GETSOCKNAME, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getsockname6", KR_HOLDS, READS},
    {KR_BPF_UNIX, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "connect_unix", KR_HOLDS, NO_IP},
    {KR_BPF_UNIX + 1, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "sendmsg_unix", KR_HOLDS, NO_IP},
    {KR_BPF_UNIX + 2, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "recvmsg_unix", KR_HOLDS, NO_IP},
    {KR_BPF_UNIX + 3, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getpeername_unix", KR_HOLDS, NO_IP},
    {KR_BPF_UNIX + 4, BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "getsockname_unix", KR_HOLDS, NO_IP},
};
#define FIRST_THAT_HOLDS 5

/* Every program has an id from its loading to its end, so a kind of which none is loaded is
 * attached nowhere. Without the list (b is NULL) all are asked for. */
static bool is_loaded(const struct kr_bpf *b, uint32_t type)
{
    for (size_t i = 0; b && i < b->n_progs; i++)
        if (b->progs[i].type == type)
            return true;
    return !b;
}

static const struct kind *kind_of(uint32_t attach)
{
    for (size_t i = 0; i < N(kinds); i++)
        if (kinds[i].attach == attach)
            return &kinds[i];
    return NULL;
}

static void say_attached(struct kr_result *r, const struct kr_bpf *b, const struct kr_cgroups *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct kr_cgroup_prog *x = &c->v[i];
        const struct kind *k = kind_of(x->attach);
        char object[160];
        snprintf(object, sizeof object, "cgroup %s", x->path);
        if (k)
            kr_result_add(r, k->verdict, object, "%s: program %s %s", k->name,
                          kr_prog_text(b, x->prog).s, k->does)
                ->handle = x->prog;
    }
}

/* Does a program change connections, and is it in neither list? */
static bool *find_unplaced(const struct kr_bpf *b, const struct kr_cgroups c[2], bool *any)
{
    bool *open = kr_calloc(b->n_progs + 1, sizeof *open);
    for (size_t i = 0; i < b->n_progs; i++)
        open[i] = b->progs[i].type == BPF_PROG_TYPE_CGROUP_SOCK_ADDR ||
                  b->progs[i].type == BPF_PROG_TYPE_SOCK_OPS;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < c[k].n; i++) {
            const struct kr_bpf_prog *p = kr_bpf_prog(b, c[k].v[i].prog);
            if (p)
                open[p - b->progs] = false;
        }
    *any = memchr(open, 1, b->n_progs) != NULL;
    return open;
}

static bool some_unplaced(const struct kr_bpf *b, const struct kr_cgroups c[2])
{
    bool any = false;
    if (b)
        free(find_unplaced(b, c, &any));
    return any;
}

static void say_unplaced(struct kr_result *r, const struct kr_bpf *b, const struct kr_cgroups c[2])
{
    bool any;
    KR_AUTO_FREE bool *open = find_unplaced(b, c, &any);
    for (size_t i = 0; i < b->n_progs; i++)
        if (open[i])
            kr_result_add(r, KR_IN_DOUBT, "a loaded program",
                          "%s is of a kind that changes connections, but its cgroup is not found",
                          kr_prog_text(b, b->progs[i].id).s)
                ->handle = b->progs[i].id;
}

static void say_filters(struct kr_result *r, const struct kr_bpf *b)
{
    size_t n = 0;
    for (size_t i = 0; b && i < b->n_progs; i++)
        n += b->progs[i].type == BPF_PROG_TYPE_CGROUP_SKB;
    if (n)
        kr_result_add(r, KR_HOLDS, "packet filters on cgroups",
                      "%zu programs (IPAddressDeny= of systemd and its like) can drop only", n);
}

static void say_how_far(struct kr_result *r, const struct kr_cgroups *c)
{
    if (c->absent)
        kr_result_add(r, KR_HOLDS, "this kernel", "can't attach programs to cgroups (EINVAL)");
    else
        kr_result_add(r, KR_HOLDS, "every cgroup", "%zu attachments that break on %zu cgroups",
                      c->n, c->seen);
    if (c->partial)
        kr_result_add(r, KR_IN_DOUBT, "a cgroup namespace",
                      "cgroups outside of this container can't be seen, though processes of this "
                      "network namespace may be in them");
}

/* Asks for those of kinds[first..end) of which a program is loaded. */
static int read_kinds(size_t first, size_t end, const struct kr_bpf *b, struct kr_cgroups *c,
                      struct kr_err *e)
{
    uint32_t attach[N(kinds)];
    size_t n = 0;
    for (size_t i = first; i < end; i++)
        if (is_loaded(b, kinds[i].prog_type))
            attach[n++] = kinds[i].attach;
    return n ? kr_cgroups_read(attach, n, c, e) : 0;
}

/* The kinds that hold are asked for only to find out where the rest of the programs is. */
static int walk_cgroups(struct kr_result *r, const struct kr_bpf *b, struct kr_err *e)
{
    struct kr_cgroups c[2] = {0};
    int bad = read_kinds(0, FIRST_THAT_HOLDS, b, &c[0], e);
    if (!bad && some_unplaced(b, c))
        bad = read_kinds(FIRST_THAT_HOLDS, N(kinds), b, &c[1], e);
    if (!bad) {
        say_how_far(r, &c[0]);
        say_attached(r, b, &c[0]);
        say_attached(r, b, &c[1]);
        if (b)
            say_unplaced(r, b, c);
    }
    kr_cgroups_free(&c[0]);
    kr_cgroups_free(&c[1]);
    return bad;
}

static bool can_be_there(const struct kr_bpf *b)
{
    return is_loaded(b, BPF_PROG_TYPE_CGROUP_SOCK_ADDR) || is_loaded(b, BPF_PROG_TYPE_SOCK_OPS);
}

int kr_check_cgroup_bpf(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_bpf *b = kr_scene_bpf(s, e);
    if (b && b->absent) {
        kr_add_no_bpf(r);
        return 0;
    }
    say_filters(r, b);
    if (b && !can_be_there(b)) {
        kr_result_add(r, KR_HOLDS, "every cgroup",
                      "none of %zu loaded programs is of a kind that changes connections",
                      b->n_progs);
        return 0;
    }
    return walk_cgroups(r, b, b ? e : NULL) || !b ? -1 : 0;
}

/* ---- sockets ------------------------------------------------------------------------------------
 */

static void one_sockmap(struct kr_result *r, const struct kr_bpf *b, const struct kr_bpf_prog *p)
{
    const struct kr_bpf_link *l = kr_prog_link(b, p->id);
    uint32_t map = p->sockmap ? p->sockmap : l && l->type == KR_BPF_LINK_SOCKMAP ? l->where : 0;
    char object[64];
    snprintf(object, sizeof object, map ? "sockmap %u" : "a loaded program", map);
    kr_result_add(r, map ? KR_BROKEN : KR_IN_DOUBT, object,
                  map ? "program %s can move what is sent on a socket to another one"
                      : "%s can move what is sent on a socket to another one; its map is not found",
                  kr_prog_text(b, p->id).s)
        ->handle = p->id;
}

/* It chooses who gets an incoming connection of its network namespace, so also one that we redirect
 * to the sink. */
static void one_lookup(struct kr_result *r, const struct kr_bpf *b, const struct kr_bpf_prog *p,
                       ino_t netns)
{
    bool found = false;
    for (size_t i = 0; i < b->n_links; i++) {
        const struct kr_bpf_link *l = &b->links[i];
        if (l->prog != p->id || l->type != BPF_LINK_TYPE_NETNS)
            continue;
        found = true;
        bool here = l->where == (uint32_t)netns;
        kr_result_add(
            r, here ? KR_BROKEN : KR_HOLDS,
            here ? "this network namespace" : "another network namespace",
            "sk_lookup program %s chooses who gets an incoming connection, the sink's too",
            kr_prog_text(b, p->id).s)
            ->handle = p->id;
    }
    if (!found)
        kr_result_add(r, KR_IN_DOUBT, "a loaded program",
                      "sk_lookup program %s: its network namespace is not found",
                      kr_prog_text(b, p->id).s)
            ->handle = p->id;
}

int kr_check_sockmap(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    ino_t netns;
    size_t n = 0;
    const struct kr_bpf *b = kr_scene_bpf(s, e);
    if (!b || kr_netns_inode(&netns, e))
        return -1;
    for (size_t i = 0; i < b->n_progs; i++) {
        const struct kr_bpf_prog *p = &b->progs[i];
        bool lookup = p->type == BPF_PROG_TYPE_SK_LOOKUP;
        if (lookup)
            one_lookup(r, b, p, netns);
        else if (p->type == BPF_PROG_TYPE_SK_MSG || p->type == BPF_PROG_TYPE_SK_SKB)
            one_sockmap(r, b, p);
        else
            continue;
        n++;
    }
    if (b->absent)
        kr_add_no_bpf(r);
    else if (!n)
        kr_result_add(r, KR_HOLDS, "every socket", "none of %zu loaded programs is of such a kind",
                      b->n_progs);
    return 0;
}

/* ---- netfilter ----------------------------------------------------------------------------------
 */

static void one_netfilter(struct kr_result *r, const struct kr_bpf *b, const struct kr_bpf_prog *p)
{
    static const char *const at[] = {"prerouting", "input", "forward", "output", "postrouting"};
    const struct kr_bpf_link *l = kr_prog_link(b, p->id);
    if (!l || l->type != KR_BPF_LINK_NETFILTER)
        kr_result_add(r, KR_HOLDS, "a loaded program", "netfilter program %s is attached nowhere",
                      kr_prog_text(b, p->id).s);
    else
        kr_result_add(r, KR_IN_DOUBT, "netfilter hook",
                      "program %s at %s of %s, priority %d, in some network namespace",
                      kr_prog_text(b, p->id).s, l->attach < N(at) ? at[l->attach] : "?",
                      l->where == NFPROTO_IPV4   ? "ip"
                      : l->where == NFPROTO_IPV6 ? "ip6"
                                                 : "a family not known here",
                      (int)l->priority)
            ->handle = p->id;
}

int kr_check_netfilter_links(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    size_t n = 0;
    const struct kr_bpf *b = kr_scene_bpf(s, e);
    if (!b)
        return -1;
    for (size_t i = 0; i < b->n_progs; i++)
        if (b->progs[i].type == KR_BPF_PROG_NETFILTER) {
            one_netfilter(r, b, &b->progs[i]);
            n++;
        }
    if (b->absent)
        kr_add_no_bpf(r);
    else if (!n)
        kr_result_add(r, KR_HOLDS, "every hook", "none of %zu loaded programs is of that kind",
                      b->n_progs);
    return 0;
}

/* Checks of what other network namespaces do with our devices, or without them. */
#include "links.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netview.h>
#include <kr/sock.h>

#include <stdio.h>
#include <string.h>

#define MOST_WAYS 64 /* each costs a walk over the kernel's table of TCP sockets */

/* ---- children of our devices -------------------------------------------------------------------
 */

/* By which of our devices does link i of x send? NULL: by none. */
static const struct kr_link *lower_here(const struct kr_scene *s, const struct kr_space *x,
                                        bool here, size_t i)
{
    const struct kr_far_link *l = &x->view.v[i];
    if (kr_link_manner(&l->link) != KR_DEV_CHILD || !l->beyond ||
        x->to[i] != (here ? KR_TO_SAME : KR_TO_HERE) || (here && strcmp(l->link.kind, "vlan") == 0))
        return NULL; /* a VLAN device of ours is beyond the IP hooks of ours */
    return kr_netview_link(s->view, l->beyond);
}

static void judge_child(const struct kr_scene *s, const struct kr_uplinks *out,
                        const struct kr_space *x, size_t i, const char *where, struct kr_result *r)
{
    static const char *const modes[] = {"L2", "L3", "L3S"};
    const struct kr_far_link *l = &x->view.v[i];
    const struct kr_link *lower = lower_here(s, x, !*where, i);
    bool ipvlan = strncmp(l->link.kind, "ipv", 3) == 0;
    bool known = !ipvlan || (l->ipvlan_mode >= 0 && l->ipvlan_mode <= 2);
    enum kr_verdict v = KR_HOLDS;
    char object[200], kind[48];
    if (!lower || (!kr_links_fenced(s, lower) && !kr_links_open(s, out, lower)))
        return;
    if (kr_links_open(s, out, lower))
        v = KR_BROKEN;
    else if (!known)
        v = KR_IN_DOUBT;
    snprintf(object, sizeof object, "%s%s%.120s", l->link.name, *where ? " in " : "", where);
    snprintf(kind, sizeof kind, "%s%s%s", l->link.kind, ipvlan && known ? " in mode " : "",
             ipvlan && known ? modes[l->ipvlan_mode] : "");
    struct kr_evidence *e =
        v == KR_BROKEN ? kr_result_add(r, v, object, "%s: it sends by %s, which has no fence", kind,
                                       lower->name)
        : v == KR_IN_DOUBT
            ? kr_result_add(r, v, object, "%s: its mode (%d) is not known", kind, l->ipvlan_mode)
            : kr_result_add(r, v, object, "%s: what it sends meets the fence on %s", kind,
                            lower->name);
    memcpy(e->ifname, lower->name, sizeof e->ifname);
    e->pid = x->n_keepers ? x->keepers[0].pid : 0;
}

int kr_check_link_children(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_uplinks *out = kr_links_out(s, e);
    const struct kr_linkscan *l = out ? kr_links_spaces(s, e) : NULL;
    if (!l)
        return -1;
    for (size_t i = 0; i < l->spaces.here.view.n; i++)
        judge_child(s, out, &l->spaces.here, i, "", r);
    for (size_t k = 0; k < l->spaces.n; k++) {
        const struct kr_space *x = &l->spaces.v[k];
        char name[160];
        for (size_t i = 0; i < x->view.n; i++)
            judge_child(s, out, x, i, kr_space_name(x, name), r);
    }
    return 0;
}

/* ---- namespaces with a way out -----------------------------------------------------------------
 */

/* When ours is not the first one and every process of the machine shows, most of what shows is not
 * behind us but beside us or around us. In a container with processes of its own it is inside. */
static bool are_ours(const struct kr_spaces *s)
{
    return s->first || !s->all_pids;
}

static void say_space(const struct kr_space *x, enum kr_verdict v, const struct kr_far_link *by,
                      const char *what, struct kr_result *r)
{
    char name[160];
    struct kr_evidence *e = kr_result_add(r, v, kr_space_name(x, name), "%s", what);
    e->pid = x->n_keepers ? x->keepers[0].pid : 0;
    e->handle = x->inode;
    if (by)
        memcpy(e->ifname, by->link.name, sizeof e->ifname);
}

/* Whatever the other namespace is: what it wraps up leaves by our devices. */
static void judge_wrapped(const struct kr_space *x, struct kr_result *r)
{
    for (size_t i = 0; i < x->view.n; i++) {
        const struct kr_far_link *l = &x->view.v[i];
        char what[160];
        if (kr_link_manner(&l->link) != KR_DEV_TUNNEL || !(l->link.flags & IFF_UP) ||
            x->to[i] != KR_TO_HERE)
            continue;
        snprintf(what, sizeof what,
                 "%s there (%s) sends its packets out by this namespace, wrapped up", l->link.name,
                 l->link.kind);
        say_space(x, KR_BROKEN, l, what, r);
    }
}

static void judge_spaces(const struct kr_linkscan *l, struct kr_result *r)
{
    const struct kr_spaces *s = &l->spaces;
    size_t fine = 0, gone = 0;
    for (size_t i = 0; i < s->n; i++) {
        gone += s->v[i].gone;
        if (!are_ours(s))
            judge_wrapped(&s->v[i], r);
        else if (l->ways[i].verdict != KR_HOLDS)
            say_space(&s->v[i], l->ways[i].verdict, l->ways[i].by, l->ways[i].what, r);
        else
            fine += !s->v[i].gone;
    }
    if (fine)
        kr_result_add(r, KR_HOLDS, "namespaces", "%zu have no way out but by this one", fine);
    if (gone)
        kr_result_add(r, KR_HOLDS, "namespaces", "%zu ended while they were read", gone);
}

static const char *link_to(const struct kr_space *here, int id)
{
    for (size_t i = 0; i < here->view.n; i++)
        if (here->view.v[i].nsid == id)
            return here->view.v[i].link.name;
    return NULL;
}

static void judge_unseen(const struct kr_spaces *s, struct kr_result *r)
{
    for (size_t i = 0; s->first && i < s->n_unseen; i++) {
        char object[32];
        const char *by = link_to(&s->here, s->unseen[i]);
        snprintf(object, sizeof object, "namespace with id %d", s->unseen[i]);
        struct kr_evidence *x = kr_result_add(
            r, KR_IN_DOUBT, object,
            "it lives%s%s, and neither a process nor a mount leads to it: it can't be looked into",
            by ? ", at the other end of " : "", by ? by : "");
        snprintf(x->ifname, sizeof x->ifname, "%s", by ? by : "");
    }
}

static void judge_sight(const struct kr_spaces *s, struct kr_result *r)
{
    if (!s->first)
        kr_result_add(r, KR_HOLDS, "this namespace",
                      "it is not the machine's first one: the ways out of those around it can't be "
                      "judged from here; what it sends itself leaves by its own uplinks only");
    if (s->first && !s->all_pids)
        kr_result_add(r, KR_IN_DOUBT, "/proc",
                      "shows the processes of this container only, though it uses the host's "
                      "network: namespaces of the others can't be seen");
    if (are_ours(s) && *s->blind)
        kr_result_add(r, KR_IN_DOUBT, "/proc", "%s", s->blind);
    if (are_ours(s) && s->unreadable)
        kr_result_add(r, KR_IN_DOUBT, "/proc",
                      "the network namespace of %zu processes can't be read", s->unreadable);
}

int kr_check_other_namespaces(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_linkscan *l = kr_links_spaces(s, e);
    if (!l)
        return -1;
    judge_spaces(l, r);
    judge_unseen(&l->spaces, r);
    judge_sight(&l->spaces, r);
    return 0;
}

/* ---- sockets of other namespaces, used here ----------------------------------------------------
 */

static void say_foreign(const struct kr_space *x, const struct kr_wanted *owner,
                        struct kr_result *r)
{
    char name[160];
    struct kr_evidence *e = kr_result_add(
        r, KR_BROKEN, owner->name, "holds a connection to a guarded port that was made in the %s",
        kr_space_name(x, name));
    e->pid = owner->pid;
    e->handle = owner->inode;
}

static int judge_foreign(struct kr_scene *s, const struct kr_linkscan *l, const struct kr_space *x,
                         struct kr_result *r, struct kr_err *e)
{
    struct kr_socks socks = {0};
    int got = kr_space_socks(x, s->ports, s->n_ports, &socks, e);
    KR_AUTO_FREE struct kr_wanted *v = kr_calloc(socks.n + 1, sizeof *v);
    size_t n = 0;
    for (size_t i = 0; i < socks.n; i++)
        if (socks.v[i].inode)
            v[n++].inode = socks.v[i].inode;
    kr_owners_find(s->procs, l->spaces.inode, v, n);
    for (size_t i = 0; i < n; i++)
        if (v[i].pid && v[i].netns == l->spaces.inode)
            say_foreign(x, &v[i], r);
    kr_socks_free(&socks);
    return got < 0 ? -1 : 0;
}

int kr_check_foreign_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_linkscan *l = kr_links_spaces(s, e);
    size_t looked = 0;
    if (!l)
        return -1;
    for (size_t i = 0; i < l->spaces.n; i++) {
        const struct kr_space *x = &l->spaces.v[i];
        if (l->ways[i].verdict == KR_HOLDS || x->gone || x->shut)
            continue;
        if (++looked > MOST_WAYS) {
            kr_result_add(r, KR_IN_DOUBT, "namespaces", "more than %d have a way out of their own",
                          MOST_WAYS);
            break;
        }
        if (judge_foreign(s, l, x, r, e))
            return -1;
    }
    return 0;
}

/* ---- tun devices of ours -----------------------------------------------------------------------
 */

static bool is_machine(const char *name)
{
    static const char *const begins[] = {"qemu",   "kvm",          "firecracker", "cloud-hyperviso",
                                         "crosvm", "VBoxHeadless", "vmware-vmx",  "lkvm"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(name, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

/* Do frames of others than uplinks reach this port? */
static bool is_fed(const struct kr_scene *s, const struct kr_link *port)
{
    const struct kr_netview *v = s->view;
    for (size_t i = 0; i < v->n_links; i++)
        if (v->links[i].master == port->master && v->links[i].index != port->index &&
            !kr_links_fenced(s, &v->links[i]))
            return true;
    return false;
}

static void judge_tun(const struct kr_scene *s, const struct kr_linkscan *l,
                      const struct kr_far_link *f, struct kr_result *r)
{
    const struct kr_wanted *w = kr_links_holder(l, f->link.name);
    const char *who = w ? w->name : f->carrier ? "a program that was not found" : "no program";
    const struct kr_link *master = f->link.master ? kr_netview_link(s->view, f->link.master) : NULL;
    bool unseen = master && !kr_links_fenced(s, &f->link) && f->carrier && is_fed(s, &f->link) &&
                  !(w && is_machine(w->name) && !w->others);
    struct kr_evidence *x =
        unseen ? kr_result_add(r, KR_IN_DOUBT, f->link.name,
                               "held by %s: what %s forwards to it is seen by no rule, and what "
                               "becomes of it can't be told",
                               who, master->name)
        : master
            ? kr_result_add(r, KR_HOLDS, f->link.name, "held by %s, port of %s", who, master->name)
        : kr_links_fenced(s, &f->link)
            ? kr_result_add(r, KR_HOLDS, f->link.name,
                            "held by %s: what goes there met the guards, and meets the fence", who)
            : kr_result_add(r, KR_HOLDS, f->link.name,
                            "held by %s: what comes from there is forwarded and meets the guards",
                            who);
    memcpy(x->ifname, f->link.name, sizeof x->ifname);
    x->pid = w ? w->pid : 0;
}

int kr_check_tun_owners(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_linkscan *l = kr_scene_view(s, e) ? kr_links_spaces(s, e) : NULL;
    if (!l)
        return -1;
    for (size_t i = 0; i < l->spaces.here.view.n; i++)
        if (kr_link_manner(&l->spaces.here.view.v[i].link) == KR_DEV_TUN)
            judge_tun(s, l, &l->spaces.here.view.v[i], r);
    return 0;
}

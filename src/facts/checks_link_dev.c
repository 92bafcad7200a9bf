/* Checks of this namespace's own devices, and of who sends by them past the IP hooks. */
#include "links.h"

#include <kr/bare_sock.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/netview.h>

#include <stdio.h>
#include <string.h>

/* ---- packet and raw sockets --------------------------------------------------------------------
 */

/* Ended by an entry without inode. Who holds them is said, but changes no verdict. */
static struct kr_wanted *find_owners(struct kr_scene *s, const struct kr_bare_socks *socks)
{
    struct kr_wanted *v = kr_calloc(socks->n + 1, sizeof *v);
    const struct kr_procs *procs = kr_scene_procs(s, NULL);
    ino_t here = 0;
    size_t n = 0;
    for (size_t i = 0; i < socks->n; i++)
        if (socks->v[i].inode)
            v[n++].inode = socks->v[i].inode;
    if (procs && !kr_netns_inode(&here, NULL))
        kr_owners_find(procs, here, v, n);
    return v;
}

static const struct kr_wanted *owner_of(const struct kr_wanted *v, uint32_t inode)
{
    for (; v->inode; v++)
        if (v->inode == inode && v->pid)
            return v;
    return NULL;
}

static void say(struct kr_result *r, enum kr_verdict v, const struct kr_wanted *owner,
                const char *what, const char *detail, const char *ifname)
{
    char object[160];
    snprintf(object, sizeof object, "%s of %s", what, owner ? owner->name : "an unknown owner");
    struct kr_evidence *x = kr_result_add(r, v, object, "%s", detail);
    snprintf(x->ifname, sizeof x->ifname, "%s", ifname);
    x->pid = owner ? owner->pid : 0;
}

static void say_packet(struct kr_scene *s, const struct kr_bare_sock *sock,
                       const struct kr_wanted *owner, const struct kr_uplinks *out,
                       struct kr_result *r)
{
    const struct kr_link *l = sock->ifindex ? kr_netview_link(s->view, sock->ifindex) : NULL;
    const struct kr_uplink *any = kr_links_any_open(s, out);
    const char *open = l && kr_links_open(s, out, l) ? l->name : !l && any ? any->name : NULL;
    char detail[256];
    snprintf(detail, sizeof detail, "bound to %s, ethertype 0x%04x%s: %s%s",
             l               ? l->name
             : sock->ifindex ? "a device that is gone"
                             : "no device",
             sock->protocol, sock->tx_ring ? ", with a transmit ring" : "",
             open ? "what it sends is stopped by no fence on "
                  : "what it sends out meets the fence",
             open ? open : "");
    say(r, open ? KR_BROKEN : KR_HOLDS, owner, "packet socket", detail, l ? l->name : "");
}

int kr_check_packet_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_bare_socks socks = {0};
    if (kr_packet_socks_read(&socks, e))
        return -1;
    const struct kr_uplinks *out = socks.n ? kr_links_out(s, e) : NULL;
    if (out) {
        KR_AUTO_FREE struct kr_wanted *owners = find_owners(s, &socks);
        for (size_t i = 0; i < socks.n; i++)
            say_packet(s, &socks.v[i], owner_of(owners, socks.v[i].inode), out, r);
    }
    int bad = socks.n && !out ? -1 : 0;
    kr_bare_socks_free(&socks);
    return bad;
}

int kr_check_raw_sockets(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    struct kr_bare_socks socks = {0};
    if (kr_raw_socks_read(&socks, e))
        return -1;
    KR_AUTO_FREE struct kr_wanted *owners = socks.n ? find_owners(s, &socks) : NULL;
    for (size_t i = 0; i < socks.n; i++) {
        char detail[128];
        snprintf(detail, sizeof detail, "IPv%d, protocol %u: what it sends meets the output guard",
                 socks.v[i].family == AF_INET ? 4 : 6, socks.v[i].protocol);
        say(r, KR_HOLDS, owner_of(owners, socks.v[i].inode), "raw socket", detail, "");
    }
    kr_bare_socks_free(&socks);
    return 0;
}

/* ---- devices that lead out ---------------------------------------------------------------------
 */

static const struct kr_uplink *planned_as(const struct kr_scene *s, const struct kr_uplink *u)
{
    for (size_t i = 0; s->uplinks && i < s->uplinks->n; i++)
        if (s->uplinks->v[i].index == u->index || strcmp(s->uplinks->v[i].name, u->name) == 0)
            return &s->uplinks->v[i];
    return NULL;
}

int kr_check_new_devices(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_uplinks *out = kr_links_out(s, e);
    if (!out)
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        const struct kr_uplink *u = &out->v[i];
        const struct kr_uplink *was = planned_as(s, u);
        struct kr_evidence *x;
        if (kr_links_planned(s, u->index, u->name))
            continue;
        if (was)
            x = kr_result_add(r, KR_BROKEN, u->name,
                              "it leads out (%s) with index %u; the fence is for %s with index %u",
                              u->why, u->index, was->name, was->index);
        else
            x = kr_result_add(r, KR_BROKEN, u->name, "it leads out (%s), and no fence is on it",
                              u->why);
        memcpy(x->ifname, u->name, sizeof x->ifname);
    }
    return 0;
}

/* ---- masters and their ports -------------------------------------------------------------------
 */

static size_t count_ports(const struct kr_netview *v, unsigned master)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_links; i++)
        n += v->links[i].master == master;
    return n;
}

static void judge_port(const struct kr_scene *s, const struct kr_uplinks *out,
                       const struct kr_link *master, const struct kr_link *port,
                       struct kr_result *r)
{
    struct kr_evidence *x = NULL;
    size_t others = count_ports(s->view, master->index) - 1;
    bool bridge = strcmp(master->kind, "vrf") != 0;
    if (kr_links_open(s, out, port))
        x = kr_result_add(r, KR_BROKEN, master->name,
                          "its port %s leads out, and no fence is on it", port->name);
    else if (kr_links_fenced(s, port))
        x = kr_result_add(r, KR_HOLDS, master->name,
                          bridge ? "what its %2$zu other ports send out meets the fence on %1$s"
                                 : "its packets meet the hooks twice, and the fence on %1$s",
                          port->name, others);
    else if (bridge && others && (port->flags & IFF_UP) && kr_link_manner(port) == KR_DEV_TUNNEL)
        x = kr_result_add(r, KR_BROKEN, master->name,
                          "its port %s (%s) wraps up the frames of %zu other ports unseen, and no "
                          "fence is on it",
                          port->name, port->kind, others);
    if (x)
        memcpy(x->ifname, port->name, sizeof x->ifname);
}

static int judge_masters(struct kr_scene *s, bool bridges, struct kr_result *r, struct kr_err *e)
{
    const struct kr_uplinks *out = kr_links_out(s, e);
    const struct kr_netview *v = s->view;
    if (!out)
        return -1;
    for (size_t i = 0; i < v->n_links; i++) {
        const struct kr_link *port = &v->links[i];
        const struct kr_link *master = port->master ? kr_netview_link(v, port->master) : NULL;
        if (!master)
            continue;
        bool vrf = strcmp(master->kind, "vrf") == 0;
        bool bridge = strcmp(master->kind, "bridge") == 0 ||
                      strncmp(master->kind, "openvswitch", sizeof master->kind) == 0 ||
                      strcmp(master->name, "ovs-system") == 0;
        if (bridges ? bridge : vrf)
            judge_port(s, out, master, port, r);
    }
    return 0;
}

int kr_check_bridge_ports(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return judge_masters(s, true, r, e);
}

int kr_check_vrf(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    return judge_masters(s, false, r, e);
}

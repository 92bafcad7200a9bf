/* Theory of operation: whose mail can come through this namespace.
 *
 * A mail server in another namespace is none of ours when nothing leads from there to here: no pair
 * of devices, no child of one of our devices, no program that reads a tun device there and sends
 * from here, also not by way of a third namespace. What can't be told leads here. */
#include "links.h"
#include "queue_internal.h"

#include <kr/mem.h>
#include <kr/owners.h>

#include <net/if.h>
#include <string.h>

enum { NOWHERE = -1, HERE = -2 };

static int index_of(const struct kr_spaces *s, ino_t netns)
{
    if (netns == s->inode)
        return HERE;
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].inode == netns)
            return (int)i;
    return HERE;
}

static int beyond_tun(const struct kr_linkscan *l, const struct kr_far_link *f)
{
    if (!f->carrier)
        return NOWHERE;
    const struct kr_wanted *t = kr_links_holder(l, f->link.name);
    return !t || t->others ? HERE : index_of(&l->spaces, t->netns);
}

/* Where a link leads: HERE, NOWHERE or a place in spaces.v. */
static int beyond(const struct kr_linkscan *l, const struct kr_space *x, size_t i)
{
    const struct kr_far_link *f = &x->view.v[i];
    switch (kr_link_manner(&f->link)) {
    case KR_DEV_TUN:
        return beyond_tun(l, f);
    case KR_DEV_PAIR:
    case KR_DEV_CHILD:
        if (x->to[i] == KR_TO_UNSEEN)
            return f->link.flags & IFF_UP ? HERE : NOWHERE;
        return x->to[i] == KR_TO_HERE ? HERE : x->to[i] >= 0 ? x->to[i] : NOWHERE;
    default:
        return NOWHERE;
    }
}

static bool leads(const struct kr_linkscan *l, size_t at, bool *seen)
{
    const struct kr_space *x = &l->spaces.v[at];
    if (seen[at])
        return false;
    seen[at] = true;
    if (x->gone)
        return false;
    if (x->shut)
        return true;
    for (size_t i = 0; i < x->view.n; i++) {
        int to = beyond(l, x, i);
        if (to == HERE || (to >= 0 && leads(l, (size_t)to, seen)))
            return true;
    }
    return false;
}

bool kr_queue_leads_here(struct kr_scene *s, ino_t netns)
{
    const struct kr_linkscan *l = kr_links_spaces(s, NULL);
    if (!l)
        return true;
    int at = index_of(&l->spaces, netns);
    KR_AUTO_FREE bool *seen = kr_calloc(l->spaces.n + 1, sizeof *seen);
    return at == HERE || leads(l, (size_t)at, seen);
}

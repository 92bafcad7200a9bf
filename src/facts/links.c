#include "links.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netview.h>

#include <string.h>

static struct kr_linkscan *scan_of(struct kr_scene *s)
{
    if (!s->links)
        s->links = kr_calloc(1, sizeof *s->links);
    return s->links;
}

/* Our own hole needs no name here: only routes of ours use it. */
const struct kr_uplinks *kr_links_out(struct kr_scene *s, struct kr_err *e)
{
    struct kr_linkscan *l = scan_of(s);
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v || (!l->out_read && kr_uplinks_find(v, NULL, "", &l->out, e)))
        return NULL;
    l->out_read = true;
    return &l->out;
}

static void want_tuns(struct kr_linkscan *l, const struct kr_space *x, size_t *cap)
{
    for (size_t i = 0; i < x->view.n; i++) {
        const struct kr_far_link *f = &x->view.v[i];
        if (kr_link_manner(&f->link) != KR_DEV_TUN || !f->carrier)
            continue;
        l->tuns = kr_grow(l->tuns, cap, l->n_tuns + 1, sizeof *l->tuns);
        struct kr_wanted *w = &l->tuns[l->n_tuns++];
        *w = (struct kr_wanted){0};
        memcpy(w->tun, f->link.name, sizeof w->tun);
    }
}

const struct kr_linkscan *kr_links_spaces(struct kr_scene *s, struct kr_err *e)
{
    struct kr_linkscan *l = scan_of(s);
    size_t cap = 0;
    if (l->spaces_read)
        return l;
    const struct kr_procs *procs = kr_scene_procs(s, e);
    if (!procs || kr_spaces_read(procs, &l->spaces, e))
        return NULL;
    want_tuns(l, &l->spaces.here, &cap);
    for (size_t i = 0; i < l->spaces.n; i++)
        want_tuns(l, &l->spaces.v[i], &cap);
    kr_owners_find(procs, l->spaces.inode, l->tuns, l->n_tuns);
    l->ways = kr_calloc(l->spaces.n + 1, sizeof *l->ways);
    kr_spaces_judge(&l->spaces, l->tuns, l->n_tuns, l->ways);
    l->spaces_read = true;
    return l;
}

void kr_links_free(struct kr_linkscan *l)
{
    kr_uplinks_free(&l->out);
    kr_spaces_free(&l->spaces);
    free(l->tuns);
    free(l->ways);
    free(l);
}

const struct kr_wanted *kr_links_holder(const struct kr_linkscan *l, const char *tun)
{
    for (size_t i = 0; i < l->n_tuns; i++)
        if (strcmp(l->tuns[i].tun, tun) == 0)
            return l->tuns[i].pid ? &l->tuns[i] : NULL;
    return NULL;
}

static bool holds(const struct kr_uplinks *u, unsigned index, const char *name)
{
    for (size_t i = 0; u && i < u->n; i++)
        if (u->v[i].index == index && strcmp(u->v[i].name, name) == 0)
            return true;
    return false;
}

bool kr_links_planned(const struct kr_scene *s, unsigned index, const char *name)
{
    return holds(s->uplinks, index, name);
}

bool kr_links_fenced(const struct kr_scene *s, const struct kr_link *l)
{
    return !s->no_fence && kr_links_planned(s, l->index, l->name);
}

bool kr_links_open(const struct kr_scene *s, const struct kr_uplinks *out, const struct kr_link *l)
{
    return holds(out, l->index, l->name) && !kr_links_fenced(s, l);
}

const struct kr_uplink *kr_links_any_open(const struct kr_scene *s, const struct kr_uplinks *out)
{
    for (size_t i = 0; i < out->n; i++)
        if (s->no_fence || !kr_links_planned(s, out->v[i].index, out->v[i].name))
            return &out->v[i];
    return NULL;
}

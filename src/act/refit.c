#include <kr/refit.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/strlist.h>

#include <string.h>

#define NAMED "named by --uplink" /* kr_uplinks_find */

static bool has_address(const struct kr_netview *v, const struct kr_addr *a)
{
    for (size_t i = 0; i < v->n_addrs; i++)
        if (kr_addr_cmp(&v->addrs[i].addr, a) == 0)
            return true;
    return false;
}

/* A family has a hole when it had one, and again once an address to send from is back. */
static bool lacks_source(const struct kr_netview *v, bool hole, bool redirected,
                         const struct kr_addr *source)
{
    return hole ? !has_address(v, source) : redirected;
}

static bool lacks4(const struct kr_plan *p, const struct kr_netview *v)
{
    return lacks_source(v, p->hole4, p->sink4.on, &p->source4);
}

static bool lacks6(const struct kr_plan *p, const struct kr_netview *v)
{
    return lacks_source(v, p->hole6, p->sink6.on, &p->source6);
}

bool kr_refit_needs_origin(const struct kr_plan *p, const struct kr_netview *v)
{
    return lacks4(p, v) || lacks6(p, v);
}

static void fit_source(struct kr_refit *r, const char *family, bool *hole, struct kr_addr *source,
                       bool has, const struct kr_addr *found)
{
    char text[KR_ADDRSTRLEN];
    if (has && has == *hole && kr_addr_cmp(source, found) == 0)
        return;
    if (!has && !*hole)
        return;
    *hole = has;
    r->lost = true;
    if (has) {
        *source = *found;
        kr_buf_printf(&r->said, "%s: the failsafe sends from %s now\n", family,
                      kr_addr_str(found, text));
    } else {
        kr_buf_printf(&r->said, "%s: no address to send from, so nothing is redirected\n", family);
    }
}

/* A route into the table of the failsafe needs its device up and its source address there. */
static const char *gone(const struct kr_exempt *x, const struct kr_netview *v)
{
    const struct kr_link *l = kr_netview_link(v, x->index);
    if (!l || strcmp(l->name, x->ifname) != 0)
        return "its device is gone";
    if (!(l->flags & IFF_UP))
        return "its device is down";
    return x->has_source && !has_address(v, &x->source) ? "its source address is gone" : NULL;
}

static void fit_lan(struct kr_refit *r, const struct kr_netview *v)
{
    struct kr_lan *l = &r->plan.lan;
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        char text[KR_ADDRSTRLEN];
        const char *why = gone(&l->v[i], v);
        if (!why) {
            l->v[n++] = l->v[i];
            continue;
        }
        r->lost = true;
        kr_buf_printf(&r->said, "%s on %s is exempt no more until the next up: %s\n",
                      kr_prefix_str(&l->v[i].prefix, text), l->v[i].ifname, why);
    }
    l->n = n;
}

static const struct kr_uplink *find(const struct kr_uplinks *u, const char *name)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->v[i].name, name) == 0)
            return &u->v[i];
    return NULL;
}

static bool was_named(const struct kr_uplinks *u)
{
    for (size_t i = 0; i < u->n; i++)
        if (strcmp(u->v[i].why, NAMED) == 0)
            return true;
    return false;
}

/* Names of what was fenced and is still there, and of what leads out now. */
static int names_to_fence(const struct kr_uplinks *was, const struct kr_netview *v,
                          struct kr_uplinks *found, struct kr_strlist *names, struct kr_err *e)
{
    memset(found, 0, sizeof *found);
    if (!was_named(was) && kr_uplinks_find(v, NULL, KR_HOLE_NAME, found, e))
        return -1;
    for (size_t i = 0; i < was->n; i++)
        if (kr_netview_link_named(v, was->v[i].name))
            kr_strlist_add(names, was->v[i].name);
    for (size_t i = 0; i < found->n; i++)
        if (!find(was, found->v[i].name))
            kr_strlist_add(names, found->v[i].name);
    return 0;
}

struct loose {
    bool ipip, gre;
};

static struct loose looseness(const struct kr_uplinks *u)
{
    struct loose any = {0};
    for (size_t i = 0; i < u->n; i++) {
        any.ipip |= u->v[i].tunnels_ipip;
        any.gre |= u->v[i].tunnels_gre;
    }
    return any;
}

/* Tags and tunnels that came later are not let through: that would take an up. */
static void tighten(struct kr_uplink *u, const struct kr_uplink *was, const struct kr_uplink *found,
                    struct loose any)
{
    if (was) {
        u->carries_vlan &= was->carries_vlan;
        memcpy(u->why, was->why, sizeof u->why);
    } else if (found) {
        memcpy(u->why, found->why, sizeof u->why);
    }
    u->tunnels_ipip &= any.ipip;
    u->tunnels_gre &= any.gre;
}

static void say_fence(struct kr_refit *r, const struct kr_uplink *u, const struct kr_uplink *was)
{
    bool same = was && was->index == u->index && was->layer == u->layer &&
                was->carries_vlan == u->carries_vlan && was->tunnels_ipip == u->tunnels_ipip;
    if (same)
        return;
    r->fenced = true;
    kr_buf_printf(&r->said, "fenced %s, device %u (%s)%s\n", u->name, u->index, u->why,
                  was && was->index != u->index ? ": it went and came back" : "");
}

static void say_lost(struct kr_refit *r, const struct kr_uplinks *was)
{
    for (size_t i = 0; i < was->n; i++)
        if (!find(&r->plan.uplinks, was->v[i].name)) {
            r->lost = true;
            kr_buf_printf(&r->said, "%s, which was fenced, is gone\n", was->v[i].name);
        }
}

static int fit_uplinks(struct kr_refit *r, const struct kr_uplinks *was, const struct kr_netview *v,
                       struct kr_err *e)
{
    struct kr_uplinks found, *now = &r->plan.uplinks;
    __attribute__((cleanup(kr_strlist_free))) struct kr_strlist names = {0};
    memset(now, 0, sizeof *now);
    if (names_to_fence(was, v, &found, &names, e))
        return -1;
    int bad = names.n ? kr_uplinks_find(v, &names, KR_HOLE_NAME, now, e) : 0;
    struct loose any = looseness(was);
    for (size_t i = 0; !bad && i < now->n; i++) {
        const struct kr_uplink *old = find(was, now->v[i].name);
        tighten(&now->v[i], old, find(&found, now->v[i].name), any);
        say_fence(r, &now->v[i], old);
    }
    if (!bad)
        say_lost(r, was);
    kr_uplinks_free(&found);
    return bad;
}

static void copy_lan(const struct kr_lan *from, struct kr_lan *to)
{
    *to = (struct kr_lan){.n = from->n, .cap = from->n};
    if (!from->n)
        return;
    to->v = kr_calloc(from->n, sizeof *to->v);
    memcpy(to->v, from->v, from->n * sizeof *to->v);
}

int kr_refit(const struct kr_plan *p, const struct kr_netview *v, const struct kr_origin *o,
             struct kr_refit *out, struct kr_err *e)
{
    *out = (struct kr_refit){.plan = *p};
    struct kr_plan *now = &out->plan;
    copy_lan(&p->lan, &now->lan);
    if (fit_uplinks(out, &p->uplinks, v, e)) {
        kr_refit_free(out);
        return -1;
    }
    fit_lan(out, v);
    if (o && lacks4(p, v))
        fit_source(out, "IPv4", &now->hole4, &now->source4, o->has4, &o->source4);
    if (o && lacks6(p, v))
        fit_source(out, "IPv6", &now->hole6, &now->source6, o->has6, &o->source6);
    return 0;
}

void kr_refit_free(struct kr_refit *r)
{
    kr_plan_free(&r->plan);
    kr_buf_free(&r->said);
    memset(r, 0, sizeof *r);
}

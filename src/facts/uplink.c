#include "uplink_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/prefixset.h>
#include <kr/rt.h>
#include <kr/strlist.h>

#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum kr_uplink_layer layer_of(const struct kr_link *l)
{
    static const unsigned bare[] = {ARPHRD_NONE,   ARPHRD_VOID,    ARPHRD_PPP,   ARPHRD_SLIP,
                                    ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_SIT,   ARPHRD_IPGRE,
                                    ARPHRD_IP6GRE, ARPHRD_RAWIP,   ARPHRD_CSLIP, ARPHRD_ADAPT};
    if (l->arphrd == ARPHRD_ETHER)
        return KR_LAYER_ETHERNET;
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        if (l->arphrd == bare[i])
            return KR_LAYER_IP;
    return KR_LAYER_OTHER;
}

static bool is_loopback(const struct kr_link *l)
{
    return (l->flags & IFF_LOOPBACK) || l->arphrd == ARPHRD_LOOPBACK;
}

struct kr_uplink *kr_up_known(const struct kr_up_search *s, const struct kr_link *l)
{
    size_t at = s->at[l - s->v->links];
    return at ? &s->u->v[at - 1] : NULL;
}

static void __attribute__((format(printf, 3, 4)))
add(struct kr_up_search *s, const struct kr_link *l, const char *why, ...)
{
    if (!l || is_loopback(l) || strcmp(l->name, s->ignore) == 0 || kr_up_known(s, l))
        return;
    s->u->v = kr_grow(s->u->v, &s->cap, s->u->n + 1, sizeof *s->u->v);
    struct kr_uplink *x = &s->u->v[s->u->n++];
    s->at[l - s->v->links] = s->u->n;
    memset(x, 0, sizeof *x);
    x->index = l->index;
    memcpy(x->name, l->name, sizeof x->name);
    x->layer = layer_of(l);
    va_list ap;
    va_start(ap, why);
    vsnprintf(x->why, sizeof x->why, why, ap);
    va_end(ap);
}

static bool is_default(const struct kr_route *r)
{
    return r->family == AF_INET6 ? r->dst.len == 0 : kr_prefix_family_len(&r->dst) == 0;
}

/* Space that no route to the internet names. */
static bool stays_near(const struct kr_prefix *p)
{
    static const char *const texts[] = {"127.0.0.0/8", "::1/128", "224.0.0.0/4", "ff00::/8"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kr_prefix near;
        if (kr_prefix_parse(texts[i], &near, NULL) == 0 && kr_prefix_covers(&near, p))
            return true;
    }
    return kr_prefix_is_private(p);
}

static bool is_ours(const struct kr_route *r)
{
    return r->table == KR_RT_TABLE && r->protocol == KR_RT_PROTOCOL;
}

static int add_by_route(struct kr_up_search *s, const struct kr_route *r, struct kr_err *e)
{
    char dst[KR_ADDRSTRLEN];
    if (r->type != RTN_UNICAST || !r->oif || r->table == RT_TABLE_LOCAL || is_ours(r))
        return 0;
    const struct kr_link *l = kr_netview_link(s->v, r->oif);
    kr_prefix_str(&r->dst, dst);
    if (!l)
        return kr_fail(e, KR_UNKNOWN, 0, "the route %s of table %u leads to a device %u not there",
                       dst, r->table, r->oif);
    if (is_default(r) && r->table == RT_TABLE_MAIN)
        add(s, l, "default route");
    else if (is_default(r))
        add(s, l, "default route of table %u", r->table);
    else if (r->has_gateway)
        add(s, l, "route to %s through a gateway", dst);
    else if (r->protocol != RTPROT_KERNEL && !stays_near(&r->dst))
        add(s, l, "route to %s", dst);
    return 0;
}

/* Without a kind of its own a device is hardware; some drivers name one all the same. CAN carries
 * no IP. */
static bool is_hardware(const struct kr_link *l)
{
    static const char *const kinds[] = {"ipoib", "wwan", "dsa"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(l->kind, kinds[i]) == 0)
            return true;
    return !*l->kind && l->arphrd != ARPHRD_CAN;
}

static int add_found(struct kr_up_search *s, struct kr_err *e)
{
    for (size_t i = 0; i < s->v->n_routes; i++)
        if (add_by_route(s, &s->v->routes[i], e))
            return -1;
    for (size_t i = 0; i < s->v->n_links; i++)
        if (is_hardware(&s->v->links[i]))
            add(s, &s->v->links[i], "hardware device");
    return 0;
}

/* How many letters have to be changed, put in or left out (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
    size_t row[IFNAMSIZ + 1], n = strnlen(b, IFNAMSIZ);
    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; i < IFNAMSIZ && a[i]; i++) {
        size_t diagonal = row[0]++;
        for (size_t k = 1; k <= n; k++) {
            size_t best = diagonal + (a[i] != b[k - 1]);
            diagonal = row[k];
            best = best < row[k] + 1 ? best : row[k] + 1;
            row[k] = best < row[k - 1] + 1 ? best : row[k - 1] + 1;
        }
    }
    return row[n];
}

static int no_such(const struct kr_netview *v, const char *name, struct kr_err *e)
{
    const struct kr_link *near = NULL;
    size_t least = strlen(name) / 2 + 1;
    for (size_t i = 0; i < v->n_links; i++) {
        size_t d = distance(name, v->links[i].name);
        if (d < least && !is_loopback(&v->links[i])) {
            least = d;
            near = &v->links[i];
        }
    }
    return kr_fail(e, KR_USAGE, 0, "--uplink '%s': there is no such device%s%s%s", name,
                   near ? "; did you mean '" : "", near ? near->name : "", near ? "'?" : "");
}

static int add_named(struct kr_up_search *s, const struct kr_strlist *only, struct kr_err *e)
{
    for (size_t i = 0; i < only->n; i++) {
        const char *name = only->v[i];
        const struct kr_link *l = kr_netview_link_named(s->v, name);
        if (!l)
            return no_such(s->v, name, e);
        if (is_loopback(l))
            return kr_fail(e, KR_USAGE, 0, "--uplink '%s': the loopback device leads nowhere",
                           name);
        if (strcmp(name, s->ignore) == 0)
            return kr_fail(e, KR_USAGE, 0, "--uplink '%s': that device is our own", name);
        add(s, l, "named by --uplink");
    }
    return 0;
}

const struct kr_link *kr_up_lower(const struct kr_up_search *s, const struct kr_link *l)
{
    bool beside = strcmp(l->kind, "veth") == 0 || strcmp(l->kind, "netkit") == 0;
    return l->lower && !l->lower_elsewhere && !beside ? kr_netview_link(s->v, l->lower) : NULL;
}

bool kr_up_is_ppp(const struct kr_link *l)
{
    return l->arphrd == ARPHRD_PPP;
}

static int by_master(const void *a, const void *b)
{
    const struct kr_link *x = *(const struct kr_link *const *)a;
    const struct kr_link *y = *(const struct kr_link *const *)b;
    if (x->master != y->master)
        return x->master < y->master ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static void sort_ports(struct kr_up_search *s)
{
    s->ports = kr_calloc(s->v->n_links, sizeof *s->ports);
    for (size_t i = 0; i < s->v->n_links; i++)
        if (s->v->links[i].master)
            s->ports[s->n_ports++] = &s->v->links[i];
    qsort(s->ports, s->n_ports, sizeof *s->ports, by_master);
}

const struct kr_link *const *kr_up_ports(const struct kr_up_search *s, unsigned master, size_t *n)
{
    size_t lo = 0, hi = s->n_ports;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->ports[mid]->master < master)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (*n = 0; lo + *n < s->n_ports && s->ports[lo + *n]->master == master;)
        (*n)++;
    return s->ports + lo;
}

/* What lies below an uplink sends the same frames. The list grows while it is walked, so this goes
 * all the way down. */
static void add_below(struct kr_up_search *s)
{
    for (size_t i = 0; i < s->u->n; i++) {
        const struct kr_link *l = kr_netview_link(s->v, s->u->v[i].index);
        size_t n;
        const struct kr_link *const *ports = kr_up_ports(s, l->index, &n);
        if (l->lower && !l->lower_elsewhere) /* of a veth pair the other end, by prudence */
            add(s, kr_netview_link(s->v, l->lower), "below %s", l->name);
        for (size_t k = 0; k < n; k++)
            add(s, ports[k], "port of %s", l->name);
        for (size_t k = 0; kr_up_is_ppp(l) && k < s->v->n_pppoe; k++)
            add(s, kr_netview_link(s->v, s->v->pppoe[k]), "PPPoE of %s", l->name);
    }
}

static int search(struct kr_up_search *s, const struct kr_strlist *only, struct kr_err *e)
{
    if (only && only->n ? add_named(s, only, e) : add_found(s, e))
        return -1;
    add_below(s);
    kr_up_encaps(s);
    kr_up_tunnels(s);
    return 0;
}

int kr_uplinks_find(const struct kr_netview *v, const struct kr_strlist *only, const char *ignore,
                    struct kr_uplinks *out, struct kr_err *e)
{
    struct kr_up_search s = {.v = v, .ignore = ignore, .u = out};
    memset(out, 0, sizeof *out);
    s.at = kr_calloc(v->n_links, sizeof *s.at);
    sort_ports(&s);
    int bad = search(&s, only, e);
    free(s.at);
    free(s.ports);
    if (bad)
        kr_uplinks_free(out);
    return bad;
}

void kr_uplinks_free(struct kr_uplinks *u)
{
    free(u->v);
    free(u->encaps);
    memset(u, 0, sizeof *u);
}

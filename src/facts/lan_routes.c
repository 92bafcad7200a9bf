#include "lan_internal.h"

#include <kr/mem.h>
#include <kr/rt.h>

#include <linux/rtnetlink.h>
#include <string.h>

bool kr_lan_same_family(const struct kr_prefix *a, const struct kr_prefix *b)
{
    return kr_prefix_is_v4(a) == kr_prefix_is_v4(b);
}

static bool counts(const struct kr_route *r, unsigned ignore)
{
    bool ours = r->table == KR_RT_TABLE && r->protocol == KR_RT_PROTOCOL;
    bool mapped = r->family == AF_INET6 && kr_prefix_is_v4(&r->dst);
    if (ours || mapped || r->table == RT_TABLE_LOCAL || (ignore && r->oif == ignore))
        return false;
    return r->type != RTN_LOCAL && r->type != RTN_BROADCAST && r->type != RTN_ANYCAST &&
           r->type != RTN_MULTICAST;
}

static int in_order(const void *a, const void *b)
{
    const struct kr_route *x = *(const struct kr_route *const *)a;
    const struct kr_route *y = *(const struct kr_route *const *)b;
    int c = kr_prefix_cmp(&x->dst, &y->dst);
    if (c)
        return c;
    bool main_x = x->table == RT_TABLE_MAIN, main_y = y->table == RT_TABLE_MAIN;
    if (main_x != main_y)
        return main_x ? -1 : 1;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool same_dst(const struct kr_lan_routes *r, size_t i, size_t k)
{
    return kr_prefix_cmp(&r->v[i]->dst, &r->v[k]->dst) == 0;
}

/* Sorted prefixes either nest or are apart, so what covers a route is among those that covered the
 * one before it. */
static void find_up(struct kr_lan_routes *r)
{
    for (size_t i = 0; i < r->n; i++) {
        size_t k = i ? i - 1 : KR_LAN_NONE;
        if (i && same_dst(r, i, i - 1)) {
            r->up[i] = r->up[i - 1];
            continue;
        }
        while (k != KR_LAN_NONE && !kr_prefix_covers(&r->v[k]->dst, &r->v[i]->dst))
            k = r->up[k];
        while (k != KR_LAN_NONE && k && same_dst(r, k, k - 1))
            k--;
        r->up[i] = k;
    }
}

void kr_lan_routes(const struct kr_netview *v, unsigned ignore, struct kr_lan_routes *out)
{
    memset(out, 0, sizeof *out);
    out->v = kr_calloc(v->n_routes, sizeof *out->v);
    for (size_t i = 0; i < v->n_routes; i++)
        if (counts(&v->routes[i], ignore))
            out->v[out->n++] = &v->routes[i];
    qsort(out->v, out->n, sizeof *out->v, in_order);
    out->up = kr_calloc(out->n, sizeof *out->up);
    find_up(out);
}

void kr_lan_routes_free(struct kr_lan_routes *r)
{
    free(r->v);
    free(r->up);
    memset(r, 0, sizeof *r);
}

size_t kr_lan_from(const struct kr_lan_routes *r, const struct kr_prefix *p)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (kr_prefix_cmp(&r->v[mid]->dst, p) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

size_t kr_lan_covering(const struct kr_lan_routes *r, const struct kr_prefix *p)
{
    size_t i = kr_lan_from(r, p);
    if (i < r->n && kr_prefix_cmp(&r->v[i]->dst, p) == 0)
        return i;
    for (i = i ? i - 1 : KR_LAN_NONE; i != KR_LAN_NONE; i = r->up[i])
        if (kr_prefix_covers(&r->v[i]->dst, p))
            break;
    if (i == KR_LAN_NONE || !kr_lan_same_family(&r->v[i]->dst, p))
        return KR_LAN_NONE;
    while (i && same_dst(r, i, i - 1))
        i--;
    return i;
}

/* The addresses that nothing about DANE calls for: those of hosts in insecure zones, and the other
 * family of hosts that have one. They tell whether a host is inside, and whether it is there at
 * all. Of many domains they are asked last, most domains a question first, as many as may be: a
 * provider with a host for each of its tenants would cost more than all else. What is left is
 * unknown. A hash of the names decides where nothing else does, so that what is known does not hang
 * on which answer came first. */
#include "dns_plan_rest.h"
#include "dns_plan_internal.h"

#include <kr/mem.h>

#include <stdlib.h>

#define REST_LEAST 80000u  /* questions, however few domains there are */
#define REST_PER_HUNDRED 8 /* domains */

struct rest {
    uint64_t key;
    uint32_t host, cost;
};

uint64_t kr_plan_rest_most(const struct kr_dns_plan_config *c, size_t domains)
{
    uint64_t share = (uint64_t)domains * REST_PER_HUNDRED / 100;
    if (c->address_asks)
        return c->address_asks;
    return share > REST_LEAST ? share : REST_LEAST;
}

/* By host: so many domains have it. */
static uint32_t *dependents(const struct kr_dns_plan *p)
{
    uint32_t *n = kr_calloc(p->hosts.n + 1, sizeof *n);
    for (size_t i = 0; i < p->domains->names.n; i++) {
        if (p->d[i].group == NO_GROUP)
            continue;
        const uint32_t *g = p->pool + p->d[i].group;
        for (uint32_t k = 1; k <= (*g & ~GROUP_MORE); k++)
            n[g[k]]++;
    }
    return n;
}

/* In an insecure zone both families count, asked or not: one may have been, by luck. */
static struct rest rest_of(const struct kr_dns_plan *p, uint32_t host, uint32_t domains)
{
    const uint8_t *name = kr_name_table_get(&p->hosts, host);
    struct rest r = {.host = host, .cost = kr_plan_host_unasked(p, host)};
    if (r.cost && kr_plan_pruned(p, name))
        r.cost = 2;
    uint64_t worth = (uint64_t)domains * (3 - r.cost);
    r.key = worth << 31 | kr_name_hash(name) >> 33;
    return r;
}

static int worth_first(const void *a, const void *b)
{
    const struct rest *x = a, *y = b;
    return x->key > y->key ? -1 : x->key < y->key;
}

void kr_plan_rest(struct kr_dns_plan *p)
{
    if (p->small || !p->rest)
        return;
    KR_AUTO_FREE uint32_t *n = dependents(p);
    KR_AUTO_FREE struct rest *v = kr_calloc(p->hosts.n + 1, sizeof *v);
    size_t all = 0;
    for (uint32_t h = 0; h < p->hosts.n; h++) {
        v[all] = rest_of(p, h, n[h]);
        all += v[all].cost > 0;
    }
    qsort(v, all, sizeof *v, worth_first);
    p->resting = true;
    for (size_t i = 0; i < all; i++) {
        if (v[i].cost > p->rest) {
            p->rest = 0;
            break;
        }
        p->rest -= v[i].cost;
        kr_plan_host_rest(p, v[i].host);
    }
}

uint64_t kr_dns_plan_unasked(const struct kr_dns_plan *p)
{
    uint64_t n = 0;
    for (uint32_t h = 0; h < p->hosts.n; h++)
        n += kr_plan_host_unasked(p, h) > 0;
    return n;
}

/* A work list over chains and, for verdict maps whose elements are not read, one node a table that
 * leads to all its chains. Bits are only added, so each node is looked at as often as it has bits
 * at most. */
#include "nft_scan_reach.h"

#include <kr/mem.h>

struct node {
    uint32_t on, may;
    size_t from, first_edge, n_edges;
    bool waits;
};
struct spread {
    struct kr_nftscan *s;
    struct node *v; /* chains, then tables */
    size_t *queue, head, tail, size;
};

bool kr_may_none(uint32_t may)
{
    static const uint32_t kinds[] = {KR_MAY_PORTS | KR_MAY_OTHER_PORT,
                                     KR_MAY_TCP,
                                     KR_MAY_V4 | KR_MAY_V6,
                                     KR_MAY_FROM_LO | KR_MAY_FROM_DEV,
                                     KR_MAY_TO_LO | KR_MAY_TO_DEV,
                                     KR_MAY_TO_LOCAL | KR_MAY_TO_ELSEWHERE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!(may & kinds[i]))
            return true;
    return false;
}

static void wait_for_look(struct spread *p, size_t i)
{
    if (p->v[i].waits)
        return;
    p->v[i].waits = true;
    p->queue[p->tail++ % p->size] = i;
}

static void reach(struct spread *p, const struct node *from, size_t to, uint32_t may)
{
    struct node *n = &p->v[to];
    if (kr_may_none(may) || ((n->on | from->on) == n->on && (n->may | may) == n->may))
        return;
    if (!n->on)
        n->from = from->from;
    n->on |= from->on;
    n->may |= may;
    wait_for_look(p, to);
}

static size_t chain_at(const struct kr_nftscan *s, size_t table)
{
    size_t low = 0, high = s->n_chains;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->chains[middle].table < table)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void look(struct spread *p, const struct kr_scan_edge *edges, size_t i)
{
    const struct kr_nftscan *s = p->s;
    const struct node *n = &p->v[i];
    for (size_t k = n->first_edge; k < n->first_edge + n->n_edges; k++)
        reach(p, n, edges[k].to == KR_ANY_CHAIN ? s->n_chains + s->chains[i].table : edges[k].to,
              n->may & edges[k].may);
    if (i < s->n_chains)
        return;
    size_t table = i - s->n_chains;
    for (size_t c = chain_at(s, table); c < s->n_chains && s->chains[c].table == table; c++)
        if (!s->chains[c].base)
            reach(p, n, c, n->may);
}

static int by_from(const void *a, const void *b)
{
    const struct kr_scan_edge *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

void kr_scan_spread(struct kr_nftscan *s, struct kr_scan_edge *edges, size_t n)
{
    size_t nodes = s->n_chains + s->n_tables;
    KR_AUTO_FREE struct node *v = kr_calloc(nodes + 1, sizeof *v);
    KR_AUTO_FREE size_t *queue = kr_calloc(nodes + 1, sizeof *queue);
    struct spread p = {.s = s, .v = v, .queue = queue, .size = nodes + 1};
    if (n)
        qsort(edges, n, sizeof *edges, by_from);
    for (size_t i = n; i-- > 0;) {
        v[edges[i].from].first_edge = i;
        v[edges[i].from].n_edges++;
    }
    for (size_t i = 0; i < s->n_chains; i++) {
        v[i].on = s->chains[i].on;
        v[i].may = s->chains[i].may;
        v[i].from = i;
        if (v[i].on)
            wait_for_look(&p, i);
    }
    while (p.head != p.tail) {
        size_t i = queue[p.head++ % p.size];
        v[i].waits = false;
        look(&p, edges, i);
    }
    for (size_t i = 0; i < s->n_chains; i++) {
        s->chains[i].on = v[i].on;
        s->chains[i].may = v[i].may;
        s->chains[i].from = v[i].from;
    }
}

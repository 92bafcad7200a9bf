#include "dns_plan_internal.h"
#include "dns_plan_rest.h"

#include <kr/addr.h>
#include <kr/mem.h>
#include <kr/prefixset.h>

#include <string.h>

#define ZONE_HOSTS 3u /* so many of one zone, before it is worth a question of its own */

/* ---- groups ---- */

static uint64_t group_hash(const uint32_t *g)
{
    uint64_t h = 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i <= (*g & ~GROUP_MORE); i++)
        h = (h ^ g[i]) * 0xff51afd7ed558ccdu, h ^= h >> 32;
    return h;
}

static bool group_equal(const uint32_t *a, const uint32_t *b)
{
    return *a == *b && memcmp(a, b, ((*a & ~GROUP_MORE) + 1) * sizeof *a) == 0;
}

static uint32_t *group_slot(const struct kr_dns_plan *p, const uint32_t *g)
{
    size_t i = group_hash(g) & (p->n_group_slots - 1);
    while (p->group_slots[i] && !group_equal(p->pool + p->group_slots[i] - 1, g))
        i = (i + 1) & (p->n_group_slots - 1);
    return &p->group_slots[i];
}

static void group_room(struct kr_dns_plan *p)
{
    if (p->n_group_slots && p->n_groups < p->n_group_slots / 4 * 3)
        return;
    free(p->group_slots);
    p->n_group_slots = p->n_group_slots ? 2 * p->n_group_slots : 64;
    p->group_slots = kr_calloc(p->n_group_slots, sizeof *p->group_slots);
    for (uint32_t at = 0; at < p->n_pool; at += (p->pool[at] & ~GROUP_MORE) + 1)
        *group_slot(p, p->pool + at) = at + 1;
}

uint32_t kr_plan_group(struct kr_dns_plan *p, const uint32_t *hosts, uint32_t n, bool more)
{
    uint32_t g[KR_HOSTS_MOST + 1] = {n | (more ? GROUP_MORE : 0)};
    memcpy(g + 1, hosts, n * sizeof *hosts);
    group_room(p);
    uint32_t *slot = group_slot(p, g);
    if (*slot)
        return *slot - 1;
    p->pool = kr_grow(p->pool, &p->cap_pool, p->n_pool + n + 1, sizeof *p->pool);
    memcpy(p->pool + p->n_pool, g, (n + 1) * sizeof *g);
    *slot = (uint32_t)p->n_pool + 1;
    p->n_pool += n + 1;
    p->n_groups++;
    return *slot - 1;
}

uint32_t kr_plan_host(struct kr_dns_plan *p, const uint8_t *name)
{
    bool fresh;
    uint32_t i = kr_name_table_add(&p->hosts, name, &fresh);
    if (fresh) {
        p->h = kr_grow(p->h, &p->cap_h, p->hosts.n, sizeof *p->h);
        p->h[i] = (struct plan_host){.expanded = KR_NO_NAME};
    }
    return i;
}

/* ---- zones ---- */

bool kr_plan_pruned(const struct kr_dns_plan *p, const uint8_t *name)
{
    for (; *name; name = kr_name_parent(name)) {
        uint32_t z = kr_name_table_find(&p->zones, name);
        if (z != KR_NO_NAME && p->z[z].state == ZONE_INSECURE)
            return true;
    }
    return false;
}

/* A denial without a proof names the zone it is about. That may be an opt-out in a secure zone, so
 * what counts is the answer to a question for the zone itself. */
static void note_zone(struct kr_dns_plan *p, const struct kr_reply *r)
{
    bool fresh;
    if (p->small || !r->soa || !*r->apex)
        return;
    uint32_t z = kr_name_table_add(&p->zones, r->apex, &fresh);
    if (fresh) {
        p->z = kr_grow(p->z, &p->cap_z, p->zones.n, sizeof *p->z);
        p->z[z] = (struct plan_zone){0};
    }
    if (++p->z[z].hosts >= ZONE_HOSTS && p->z[z].state == ZONE_UNASKED) {
        p->z[z].state = ZONE_ASKED;
        kr_todo_add(&p->todo, ASK_APEX, z);
    }
}

/* ---- hosts ---- */

static void want(struct kr_dns_plan *p, uint32_t host, enum ask_kind kind)
{
    struct plan_host *h = &p->h[host];
    if (h->asked >> kind & 1)
        return;
    h->asked |= (uint16_t)(1u << kind);
    if (kind == ASK_A)
        h->a = ADDR_WAITING;
    if (kind == ASK_AAAA)
        h->aaaa = ADDR_WAITING;
    kr_todo_add(&p->todo, kind, host);
}

/* TLSA records that an MTA may act on. */
static bool acts(uint8_t tlsa)
{
    return tlsa == KR_TLSA_USABLE || tlsa == KR_TLSA_UNUSABLE || tlsa == KR_TLSA_FAILED ||
           tlsa == KR_TLSA_UNJUDGED;
}

void kr_plan_host_go(struct kr_dns_plan *p, uint32_t host)
{
    struct plan_host *h = &p->h[host];
    bool judged = h->asked >> ASK_TLSA & 1;
    bool pruned = !judged && kr_plan_pruned(p, kr_name_table_get(&p->hosts, host));
    if (!pruned)
        want(p, host, ASK_TLSA);
    if (!pruned || p->small)
        want(p, host, ASK_A);
    if (p->small || acts(h->tlsa) || h->a == ADDR_NONE)
        want(p, host, ASK_AAAA);
    if (h->alias == KR_ALIAS_INSECURE && acts(h->tlsa))
        want(p, host, ASK_ALIAS);
    if (h->alias == KR_ALIAS_SECURE)
        want(p, host, ASK_EXPANDED);
}

unsigned kr_plan_host_unasked(const struct kr_dns_plan *p, uint32_t host)
{
    const struct plan_host *h = &p->h[host];
    return (h->a == ADDR_UNASKED ? 1u : 0) + (h->aaaa == ADDR_UNASKED ? 1u : 0);
}

void kr_plan_host_rest(struct kr_dns_plan *p, uint32_t host)
{
    const struct plan_host *h = &p->h[host];
    if (h->a == ADDR_UNASKED)
        want(p, host, ASK_A);
    if (h->aaaa == ADDR_UNASKED)
        want(p, host, ASK_AAAA);
}

enum kr_tlsa kr_plan_tlsa(const struct kr_packet *pkt, const struct kr_reply *r,
                          enum kr_proof proof)
{
    if (kr_plan_lost(pkt, r, proof))
        return KR_TLSA_FAILED;
    if (r->kind != KR_REPLY_DATA)
        return KR_TLSA_NONE;
    if (proof == KR_PROOF_UNJUDGED)
        return KR_TLSA_UNJUDGED;
    if (proof == KR_PROOF_INSECURE)
        return KR_TLSA_INSECURE;
    return kr_reply_tlsa(pkt, r) == KR_TLSA_SET_USABLE ? KR_TLSA_USABLE : KR_TLSA_UNUSABLE;
}

static void take_tlsa(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                      const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    enum kr_tlsa t = kr_plan_tlsa(pkt, r, proof);
    *(kind == ASK_TLSA ? &p->h[of].tlsa : &p->h[of].tlsa_expanded) = (uint8_t)t;
    if (t == KR_TLSA_FAILED)
        kr_plan_later(p, kind, of);
    if (t == KR_TLSA_NONE && proof == KR_PROOF_INSECURE)
        note_zone(p, r);
    kr_plan_host_go(p, of);
}

static uint8_t inside(const struct kr_dns_plan *p, const struct kr_packet *pkt,
                      const struct kr_reply *r, int family, size_t len)
{
    struct kr_walk w;
    struct kr_record rec;
    uint8_t flags = 0;
    kr_walk_begin(pkt, &w);
    while (kr_reply_next(pkt, r, &w, &rec)) {
        if (rec.len != len)
            continue;
        struct kr_addr a = kr_addr_make(family, pkt->b + rec.at);
        struct kr_prefix one = kr_prefix_make(&a, 128);
        flags |= kr_addr_is_loopback(&a) ? KR_HOST_LOOPBACK : 0;
        flags |= kr_prefix_is_private(&one) ? KR_HOST_PRIVATE : 0;
        flags |= p->c.exempt && kr_prefixset_find(p->c.exempt, &a) ? KR_HOST_EXEMPT : 0;
    }
    return flags;
}

static enum addresses addresses_of(const struct kr_packet *pkt, const struct kr_reply *r,
                                   enum kr_proof proof)
{
    if (kr_plan_lost(pkt, r, proof))
        return ADDR_FAILED;
    if (r->kind != KR_REPLY_DATA)
        return ADDR_NONE;
    return proof == KR_PROOF_SECURE ? ADDR_SECURE : ADDR_INSECURE;
}

static void note_alias(struct kr_dns_plan *p, struct plan_host *h, const struct kr_reply *r,
                       enum kr_proof proof)
{
    if (!r->links || h->alias != KR_ALIAS_NONE)
        return;
    h->alias = proof == KR_PROOF_SECURE ? KR_ALIAS_SECURE : KR_ALIAS_INSECURE;
    if (h->alias == KR_ALIAS_SECURE)
        h->expanded = kr_name_table_add(&p->expanded, r->name, NULL);
}

static void take_address(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                         const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    struct plan_host *h = &p->h[of];
    enum addresses got = addresses_of(pkt, r, proof);
    *(kind == ASK_A ? &h->a : &h->aaaa) = (uint8_t)got;
    if (got == ADDR_FAILED) {
        kr_plan_later(p, kind, of);
        return;
    }
    if (kind == ASK_A && r->kind == KR_REPLY_NXDOMAIN && h->aaaa == ADDR_UNASKED)
        h->aaaa = ADDR_NONE, h->asked |= 1u << ASK_AAAA;
    if (got != ADDR_NONE)
        h->flags |= inside(p, pkt, r, kind == ASK_A ? AF_INET : AF_INET6, kind == ASK_A ? 4 : 16);
    note_alias(p, h, r, proof);
    kr_plan_host_go(p, of);
}

/* Are the records at its own name worth something? They are while nobody knows. */
static void take_alias(struct kr_dns_plan *p, uint32_t of, const struct kr_packet *pkt,
                       const struct kr_reply *r, enum kr_proof proof)
{
    bool failed = kr_plan_lost(pkt, r, proof);
    if (failed)
        kr_plan_later(p, ASK_ALIAS, of);
    if (failed ? p->again : proof == KR_PROOF_SECURE && r->kind == KR_REPLY_DATA)
        p->h[of].alias = KR_ALIAS_FIRST_SECURE;
}

void kr_plan_host_take(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                       const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    if (kind == ASK_TLSA || kind == ASK_EXPANDED)
        take_tlsa(p, kind, of, pkt, r, proof);
    else if (kind == ASK_A || kind == ASK_AAAA)
        take_address(p, kind, of, pkt, r, proof);
    else if (kind == ASK_ALIAS)
        take_alias(p, of, pkt, r, proof);
    else if (kind == ASK_APEX)
        p->z[of].state = pkt && r->kind == KR_REPLY_DATA && proof == KR_PROOF_INSECURE
                             ? ZONE_INSECURE
                             : ZONE_OTHER;
}

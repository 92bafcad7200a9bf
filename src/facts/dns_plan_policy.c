#include "dns_plan_internal.h"

#include <kr/dns_policy.h>
#include <kr/mem.h>

#include <string.h>

#define EACH (KR_POLICY_ADDRS / 2)

void kr_plan_policy_want(struct kr_dns_plan *p, uint32_t domain)
{
    if (!p->c.policies)
        return;
    p->policies = kr_grow(p->policies, &p->cap_policies, p->n_policies + 1, sizeof *p->policies);
    p->policies[p->n_policies] = (struct plan_policy){.domain = domain};
    kr_todo_add(&p->todo, ASK_POLICY_A, (uint32_t)p->n_policies);
    kr_todo_add(&p->todo, ASK_POLICY_AAAA, (uint32_t)p->n_policies++);
}

void kr_plan_policy_take(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                         const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    struct plan_policy *y = &p->policies[of];
    bool v4 = kind == ASK_POLICY_A;
    size_t len = v4 ? 4 : 16;
    uint8_t *n = v4 ? &y->n4 : &y->n6, *to = v4 ? y->a4[0] : y->a6[0];
    struct kr_walk w;
    struct kr_record rec;
    bool failed = kr_plan_lost(pkt, r, proof);
    y->lost = (uint8_t)(failed ? y->lost | 1u << v4 : y->lost & ~(1u << v4));
    if (failed)
        kr_plan_later(p, kind, of);
    if (failed || r->kind != KR_REPLY_DATA)
        return;
    kr_walk_begin(pkt, &w);
    while (*n < EACH && kr_reply_next(pkt, r, &w, &rec))
        if (rec.len == len)
            memcpy(to + len * (*n)++, pkt->b + rec.at, len);
}

static int policy_cmp(const void *a, const void *b)
{
    uint32_t x = ((const struct plan_policy *)a)->domain;
    uint32_t y = ((const struct plan_policy *)b)->domain;
    return x < y ? -1 : x > y;
}

/* From now on they are found by their domain. */
size_t kr_dns_plan_policies(struct kr_dns_plan *p)
{
    if (p->n_policies)
        qsort(p->policies, p->n_policies, sizeof *p->policies, policy_cmp);
    return p->n_policies;
}

static bool gets_mail(const struct kr_dns_plan *p, const struct plan_domain *d)
{
    return d->group != NO_GROUP && p->pool[d->group] & ~GROUP_MORE;
}

bool kr_dns_plan_policy(const struct kr_dns_plan *p, size_t i, struct kr_policy_place *out)
{
    const struct plan_policy *y = &p->policies[i];
    uint8_t name[KR_NAME_MAX];
    out->n = 0;
    out->why = y->lost ? KR_FETCH_LOOKUP : KR_FETCH_ADDRESS;
    if (!gets_mail(p, &p->d[y->domain]))
        return false;
    if (kr_name_under("mta-sts", kr_name_table_get(&p->domains->names, y->domain), name))
        return true;
    kr_name_text(name, out->host);
    for (size_t k = 0; k < y->n4; k++)
        out->addrs[out->n++] = kr_addr_make(AF_INET, y->a4[k]);
    for (size_t k = 0; k < y->n6; k++)
        out->addrs[out->n++] = kr_addr_make(AF_INET6, y->a6[k]);
    return true;
}

/* Which MX hosts it names, and what that makes of it. */
static void read_policy(const struct kr_dns_plan *p, struct plan_policy *y, const char *text,
                        size_t len)
{
    static struct kr_sts_text t;
    static const enum kr_sts_policy modes[] = {[KR_STS_ENFORCE] = KR_POLICY_ENFORCE,
                                               [KR_STS_TESTING] = KR_POLICY_TESTING,
                                               [KR_STS_NONE] = KR_POLICY_NONE};
    const uint32_t *g = p->pool + p->d[y->domain].group;
    char host[KR_NAME_TEXT];
    if (kr_sts_text_read(text, len, &t)) {
        y->fetched = KR_FETCH_GRAMMAR;
        y->policy = (uint8_t)kr_fetched_policy(KR_FETCH_GRAMMAR);
        return;
    }
    for (uint32_t k = 0; k < (*g & ~GROUP_MORE); k++)
        if (kr_sts_text_names(&t, kr_name_text(kr_name_table_get(&p->hosts, g[k + 1]), host)))
            y->names |= 1ull << k;
    y->max_age = t.max_age;
    y->policy = (uint8_t)modes[t.mode];
    if (t.mode == KR_STS_ENFORCE && !y->names)
        y->policy = KR_POLICY_NO_MATCH;
}

void kr_dns_plan_policy_take(struct kr_dns_plan *p, size_t i, enum kr_fetched how, uint16_t http,
                             const char *text, size_t len)
{
    struct plan_policy *y = &p->policies[i];
    y->fetched = (uint8_t)how;
    y->http = http;
    y->policy = (uint8_t)kr_fetched_policy(how);
    if (how == KR_FETCH_CAME)
        read_policy(p, y, text, len);
}

void kr_plan_policy_facts(const struct kr_dns_plan *p, uint32_t domain, struct kr_domain_facts *out)
{
    const struct plan_policy key = {.domain = domain}, *y = NULL;
    if (p->n_policies)
        y = bsearch(&key, p->policies, p->n_policies, sizeof key, policy_cmp);
    if (!y)
        return;
    out->policy = y->policy;
    out->fetched = y->fetched;
    out->http = y->http;
    out->max_age = y->max_age;
    for (size_t k = 0; k < out->n_hosts; k++)
        if (y->names >> k & 1)
            out->hosts[k].flags |= KR_HOST_NAMED;
}

size_t kr_dns_plan_hosts(const struct kr_dns_plan *p)
{
    return p->hosts.n;
}

const char *kr_dns_plan_host(const struct kr_dns_plan *p, size_t i, char out[static KR_NAME_TEXT])
{
    return kr_name_text(kr_name_table_get(&p->hosts, (uint32_t)i), out);
}

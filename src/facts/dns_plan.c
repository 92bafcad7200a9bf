/* Few questions: MX of each domain, then its MTA-STS record; TLSA and A once for each MX host,
 * whoever shares it; nothing of hosts in a zone that is insecure as a whole. Few domains are asked
 * everything at once instead, so that an answer is there within four round trips. */
#include "dns_plan_internal.h"
#include "dns_plan_rest.h"

#include <kr/dns_validate.h>
#include <kr/mem.h>

#include <assert.h>
#include <string.h>

struct kr_dns_plan *kr_dns_plan_new(const struct kr_domains *d, const struct kr_dns_plan_config *c)
{
    struct kr_dns_plan *p = kr_calloc(1, sizeof *p);
    size_t n = d->names.n;
    p->c = *c;
    p->domains = d;
    p->small = n <= KR_PLAN_SMALL;
    p->rest = kr_plan_rest_most(c, n);
    p->d = kr_calloc(n, sizeof *p->d);
    for (size_t i = 0; i < n; i++)
        p->d[i] = (struct plan_domain){.group = NO_GROUP,
                                       .mx = KR_MX_TIMEOUT,
                                       .sts = KR_ANNOUNCED_UNASKED,
                                       .tlsrpt = KR_ANNOUNCED_UNASKED,
                                       .own_tlsa = KR_TLSA_UNASKED};
    return p;
}

void kr_dns_plan_free(struct kr_dns_plan *p)
{
    if (!p)
        return;
    void *const all[] = {p->d,    p->todo.v,      p->later.v,  p->h,     p->z,
                         p->pool, p->group_slots, p->policies, p->chains};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    kr_name_table_free(&p->hosts);
    kr_name_table_free(&p->expanded);
    kr_name_table_free(&p->zones);
    kr_name_table_free(&p->targets);
    free(p);
}

/* ---- asking ---- */

static const uint8_t *domain_name(const struct kr_dns_plan *p, uint32_t i)
{
    return kr_name_table_get(&p->domains->names, i);
}

static const struct {
    uint16_t type;
    const char *under;
    char of; /* 'd'omain, 'h'ost, e'x'panded, 'z'one, 'p'olicy, 'c'hain */
} asks[] = {
    [ASK_MX] = {KR_DNS_MX, NULL, 'd'},
    [ASK_STS] = {KR_DNS_TXT, "_mta-sts", 'd'},
    [ASK_TLSRPT] = {KR_DNS_TXT, "_smtp._tls", 'd'},
    [ASK_OWN_TLSA] = {KR_DNS_TLSA, "_25._tcp", 'd'},
    [ASK_MX_UNCHECKED] = {KR_DNS_MX, NULL, 'd'},
    [ASK_TLSA] = {KR_DNS_TLSA, "_25._tcp", 'h'},
    [ASK_A] = {KR_DNS_A, NULL, 'h'},
    [ASK_AAAA] = {KR_DNS_AAAA, NULL, 'h'},
    [ASK_ALIAS] = {KR_DNS_CNAME, NULL, 'h'},
    [ASK_EXPANDED] = {KR_DNS_TLSA, "_25._tcp", 'x'},
    [ASK_APEX] = {KR_DNS_SOA, NULL, 'z'},
    [ASK_POLICY_A] = {KR_DNS_A, "mta-sts", 'p'},
    [ASK_POLICY_AAAA] = {KR_DNS_AAAA, "mta-sts", 'p'},
    [ASK_CHAIN] = {0, NULL, 'c'}, /* its type is that of the question it goes on for */
};
static_assert(sizeof asks / sizeof *asks == ASK_KINDS, "a row for each");
static_assert(ASK_KINDS < ASK_AGAIN && ASK_AGAIN + ASK_KINDS < KR_VALIDATOR_KINDS, "told apart");

static const uint8_t *subject(const struct kr_dns_plan *p, enum ask_kind kind, uint32_t of)
{
    switch (asks[kind].of) {
    case 'd':
        return domain_name(p, of);
    case 'p':
        return domain_name(p, p->policies[of].domain);
    case 'c':
        return kr_name_table_get(&p->targets, p->chains[of].target);
    case 'h':
        return kr_name_table_get(&p->hosts, of);
    case 'x':
        return kr_name_table_get(&p->expanded, p->h[of].expanded);
    default:
        return kr_name_table_get(&p->zones, of);
    }
}

/* Since it was put on the list, the zone of a host may have turned out to be insecure. */
static bool needless(struct kr_dns_plan *p, unsigned kind, uint32_t of)
{
    struct plan_host *h = kind < ASK_KINDS && asks[kind].of == 'h' ? &p->h[of] : NULL;
    bool wanted = kind == ASK_A && (p->small || p->resting);
    if (!h || wanted || (kind != ASK_TLSA && kind != ASK_A) ||
        !kr_plan_pruned(p, kr_name_table_get(&p->hosts, of)))
        return false;
    if (kind == ASK_A && h->a == ADDR_WAITING) {
        h->a = ADDR_UNASKED;
        h->asked &= (uint16_t) ~(1u << ASK_A);
    }
    return true;
}

static bool write_question(struct kr_dns_plan *p, unsigned how, uint32_t of, struct kr_question *q)
{
    static uint8_t name[KR_NAME_MAX];
    enum ask_kind kind = (enum ask_kind)(how & ~ASK_AGAIN);
    const uint8_t *s = subject(p, kind, of);
    *q = (struct kr_question){
        .name = s,
        .type = asks[kind == ASK_CHAIN ? p->chains[of].kind & ~ASK_AGAIN : kind].type,
        .how = p->c.how | (kind == ASK_MX_UNCHECKED ? KR_ASK_CD : 0),
        .kind = how,
        .of = of};
    if (!asks[kind].under)
        return true;
    q->name = name;
    return kr_name_under(asks[kind].under, s, name) == 0;
}

/* The first questions of a domain. */
static void open_domain(struct kr_dns_plan *p, uint32_t i)
{
    kr_todo_add(&p->todo, ASK_MX, i);
    if (p->small) {
        kr_todo_add(&p->todo, ASK_STS, i);
        kr_todo_add(&p->todo, ASK_TLSRPT, i);
    }
    if (p->c.own_tlsa)
        kr_todo_add(&p->todo, ASK_OWN_TLSA, i);
}

bool kr_dns_plan_next(struct kr_dns_plan *p, struct kr_question *q)
{
    unsigned kind;
    uint32_t of;
    for (;;) {
        while (kr_todo_take(&p->todo, &kind, &of)) {
            if (needless(p, kind, of))
                continue;
            if (write_question(p, kind, of, q))
                return true;
            kr_dns_plan_take(p, q, NULL, NULL, KR_PROOF_FAILED); /* too long a name to be there */
        }
        if (p->cursor == p->domains->names.n)
            return false;
        open_domain(p, p->cursor++);
    }
}

void kr_plan_later(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of)
{
    if (!p->again)
        kr_todo_add(&p->later, kind | ASK_AGAIN, of);
}

/* ---- what is answered ---- */

static void settle(struct kr_dns_plan *p, struct plan_domain *d)
{
    if (!d->settled)
        p->done++;
    d->settled = true;
}

static int mx_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

#define MX_NULL (-1)
#define MX_BROKEN (-2)

/* The hosts of an MX answer by preference, then number, each once. MX_NULL: RFC 7505. */
static int read_mx(struct kr_dns_plan *p, const struct kr_packet *pkt, const struct kr_reply *r,
                   uint32_t hosts[static KR_HOSTS_MOST], bool *more)
{
    uint64_t v[4 * KR_HOSTS_MOST];
    struct kr_walk w;
    struct kr_record rec;
    uint8_t name[KR_NAME_MAX];
    size_t n = 0, all = 0, roots = 0, kept = 0;
    kr_walk_begin(pkt, &w);
    for (; kr_reply_next(pkt, r, &w, &rec) && n < sizeof v / sizeof *v; all++) {
        if (rec.len < 3 || kr_packet_name(pkt, rec.at + 2, name, NULL))
            return MX_BROKEN;
        roots += !*name;
        if (*name)
            v[n++] = (uint64_t)pkt->b[rec.at] << 40 | (uint64_t)pkt->b[rec.at + 1] << 32 |
                     kr_plan_host(p, name);
    }
    if (roots == all && all)
        return MX_NULL;
    qsort(v, n, sizeof *v, mx_cmp);
    *more = false;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < kept && hosts[k] != (uint32_t)v[i])
            k++;
        if (k == kept && kept == KR_HOSTS_MOST)
            *more = true;
        else if (k == kept)
            hosts[kept++] = (uint32_t)v[i];
    }
    return (int)kept;
}

static void with_hosts(struct kr_dns_plan *p, uint32_t of, const uint32_t *hosts, uint32_t n,
                       bool more)
{
    p->d[of].group = kr_plan_group(p, hosts, n, more);
    for (uint32_t i = 0; i < n; i++)
        kr_plan_host_go(p, hosts[i]);
    if (!p->small && p->d[of].sts == KR_ANNOUNCED_UNASKED)
        kr_todo_add(&p->todo, ASK_STS, of);
}

static void mx_failed(struct kr_dns_plan *p, uint32_t of, const struct kr_packet *pkt,
                      enum kr_proof proof)
{
    struct plan_domain *d = &p->d[of];
    if (proof == KR_PROOF_BOGUS)
        d->mx = KR_MX_BOGUS;
    else if (pkt && d->mx != KR_MX_BOGUS) /* what an answer said, silence does not take back */
        d->mx = KR_MX_FAILED;
    if (!p->again) {
        kr_plan_later(p, ASK_MX, of);
        return;
    }
    if (d->mx == KR_MX_FAILED && p->c.tell_bogus)
        kr_todo_add(&p->todo, ASK_MX_UNCHECKED, of);
    p->unknown++;
    settle(p, d);
}

bool kr_plan_lost(const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    return !pkt || r->kind == KR_REPLY_FAILED || r->kind == KR_REPLY_BROKEN ||
           proof == KR_PROOF_BOGUS || proof == KR_PROOF_FAILED;
}

static void take_mx_set(struct kr_dns_plan *p, uint32_t of, const struct kr_packet *pkt,
                        const struct kr_reply *r)
{
    uint32_t hosts[KR_HOSTS_MOST];
    bool more = false;
    int n = read_mx(p, pkt, r, hosts, &more);
    if (n == MX_BROKEN) {
        mx_failed(p, of, pkt, KR_PROOF_FAILED);
        return;
    }
    settle(p, &p->d[of]);
    p->d[of].mx = n == MX_NULL ? KR_MX_NULL : KR_MX_HOSTS;
    if (n > 0)
        with_hosts(p, of, hosts, (uint32_t)n, more);
}

static void take_mx(struct kr_dns_plan *p, uint32_t of, const struct kr_packet *pkt,
                    const struct kr_reply *r, enum kr_proof proof)
{
    struct plan_domain *d = &p->d[of];
    if (kr_plan_lost(pkt, r, proof)) {
        mx_failed(p, of, pkt, proof);
        return;
    }
    d->trust = proof == KR_PROOF_SECURE     ? KR_TRUST_SECURE
               : proof == KR_PROOF_UNJUDGED ? KR_TRUST_UNJUDGED
                                            : KR_TRUST_INSECURE;
    if (r->kind == KR_REPLY_DATA) {
        take_mx_set(p, of, pkt, r);
        return;
    }
    settle(p, d);
    if (r->kind == KR_REPLY_NXDOMAIN) {
        d->mx = KR_MX_NXDOMAIN;
    } else {
        uint32_t host = kr_plan_host(p, r->name);
        p->d[of].mx = KR_MX_IMPLICIT;
        with_hosts(p, of, &host, 1, false);
    }
}

static enum kr_announced read_txt(const struct kr_packet *pkt, const struct kr_reply *r,
                                  void (*take)(struct kr_txt_set *, const char *, size_t))
{
    struct kr_txt_set set = {0};
    struct kr_walk w;
    struct kr_record rec;
    char text[4096];
    if (r->kind != KR_REPLY_DATA)
        return KR_ANNOUNCED_NOT;
    kr_walk_begin(pkt, &w);
    while (kr_reply_next(pkt, r, &w, &rec)) {
        size_t n = kr_reply_txt(pkt, &rec, text, sizeof text);
        if (n != SIZE_MAX)
            take(&set, text, n);
    }
    return kr_txt_set_state(&set);
}

static void take_txt(struct kr_dns_plan *p, enum ask_kind kind, uint32_t of,
                     const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    bool sts = kind == ASK_STS;
    uint8_t *state = sts ? &p->d[of].sts : &p->d[of].tlsrpt;
    if (!kr_plan_lost(pkt, r, proof)) {
        *state = (uint8_t)read_txt(pkt, r, sts ? kr_sts_take : kr_tlsrpt_take);
        if (sts && *state != KR_ANNOUNCED_NOT)
            kr_plan_policy_want(p, of);
        return;
    }
    *state = KR_ANNOUNCED_UNKNOWN;
    p->unknown += sts && p->again;
    kr_plan_later(p, kind, of);
}

/* It answers with checking disabled: so it is the checking that failed. */
static void take_unchecked(struct kr_dns_plan *p, uint32_t of, const struct kr_reply *r)
{
    if (!r)
        kr_plan_later(p, ASK_MX_UNCHECKED, of);
    else if (r->kind != KR_REPLY_FAILED && r->kind != KR_REPLY_BROKEN)
        p->d[of].mx = KR_MX_BOGUS;
}

static void take_own_tlsa(struct kr_dns_plan *p, uint32_t of, const struct kr_packet *pkt,
                          const struct kr_reply *r, enum kr_proof proof)
{
    p->d[of].own_tlsa = (uint8_t)kr_plan_tlsa(pkt, r, proof);
    if (p->d[of].own_tlsa == KR_TLSA_FAILED)
        kr_plan_later(p, ASK_OWN_TLSA, of);
}

static void take(struct kr_dns_plan *p, const struct kr_question *q, const struct kr_packet *pkt,
                 const struct kr_reply *r, enum kr_proof proof)
{
    enum ask_kind kind = (enum ask_kind)(q->kind & ~ASK_AGAIN);
    p->again = q->kind & ASK_AGAIN;
    if (kind == ASK_MX)
        take_mx(p, q->of, pkt, r, proof);
    else if (kind == ASK_STS || kind == ASK_TLSRPT)
        take_txt(p, kind, q->of, pkt, r, proof);
    else if (kind == ASK_OWN_TLSA)
        take_own_tlsa(p, q->of, pkt, r, proof);
    else if (kind == ASK_MX_UNCHECKED)
        take_unchecked(p, q->of, r);
    else if (kind == ASK_POLICY_A || kind == ASK_POLICY_AAAA)
        kr_plan_policy_take(p, kind, q->of, pkt, r, proof);
    else
        kr_plan_host_take(p, kind, q->of, pkt, r, proof);
}

void kr_dns_plan_take(struct kr_dns_plan *p, const struct kr_question *q,
                      const struct kr_packet *pkt, const struct kr_reply *r, enum kr_proof proof)
{
    struct kr_question first = *q;
    struct kr_reply whole = {.kind = KR_REPLY_BROKEN};
    if (r)
        whole = *r;
    if ((q->kind & ~ASK_AGAIN) == ASK_CHAIN)
        first = kr_plan_chain_end(p, q->of, &whole, &proof);
    if (pkt && whole.kind == KR_REPLY_ALIAS) {
        if (kr_plan_chain_on(p, &first, &whole, proof))
            return;
        whole.kind = KR_REPLY_BROKEN;
    }
    take(p, &first, pkt, r ? &whole : NULL, proof);
}

/* ---- phases ---- */

static bool positive(uint8_t tlsa)
{
    return tlsa != KR_TLSA_NONE && tlsa != KR_TLSA_UNASKED;
}

/* TLSRPT matters where there is something to report on. */
static bool reportable(const struct kr_dns_plan *p, const struct plan_domain *d)
{
    if (d->sts != KR_ANNOUNCED_NOT && d->sts != KR_ANNOUNCED_UNASKED)
        return true;
    if (d->group == NO_GROUP)
        return false;
    const uint32_t *g = p->pool + d->group;
    for (uint32_t i = 1; i <= (*g & ~GROUP_MORE); i++)
        if (positive(p->h[g[i]].tlsa) || positive(p->h[g[i]].tlsa_expanded))
            return true;
    return false;
}

bool kr_dns_plan_advance(struct kr_dns_plan *p, bool *patient)
{
    if (p->todo.first == p->todo.n)
        kr_plan_rest(p);
    if (p->todo.first != p->todo.n)
        return true;
    if (p->later.n) {
        struct todo swap = p->todo;
        p->todo = p->later;
        p->later = (struct todo){.v = swap.v, .cap = swap.cap};
        *patient = true;
        return true;
    }
    if (p->small)
        return false;
    for (; p->epilogue < p->domains->names.n; p->epilogue++)
        if (p->d[p->epilogue].tlsrpt == KR_ANNOUNCED_UNASKED && reportable(p, &p->d[p->epilogue]))
            kr_todo_add(&p->todo, ASK_TLSRPT, p->epilogue);
    return p->todo.first != p->todo.n;
}

struct kr_dns_progress kr_dns_plan_progress(const struct kr_dns_plan *p)
{
    return (struct kr_dns_progress){p->domains->names.n, p->done, p->unknown, p->hosts.n};
}

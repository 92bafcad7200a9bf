#include <kr/preflight_sum.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <string.h>

/* "mx1.example.org": example.org; "mail.protection.outlook.com" keeps three labels. A name of two
 * labels stays whole. */
static uint32_t group_of(struct kr_preflight_sum *s, const struct kr_domain_facts *d)
{
    uint8_t name[KR_NAME_MAX];
    const char *host = d->n_hosts ? d->hosts[0].name : NULL;
    bool fresh;
    if (!host || kr_name_from_text(host, name))
        return KR_NO_NAME;
    const uint8_t *site = kr_name_labels(name) > 2 ? kr_name_parent(name) : name;
    uint32_t i = kr_name_table_add(&s->names, site, &fresh);
    if (fresh) {
        s->groups = kr_grow(s->groups, &s->cap_groups, s->names.n, sizeof *s->groups);
        s->groups[i] = (struct kr_preflight_group){0};
    }
    return i;
}

void kr_preflight_sum_add(struct kr_preflight_sum *s, const struct kr_domain_facts *d,
                          const struct kr_preflight_verdict *v)
{
    s->all++;
    s->weight += d->weight;
    s->outcomes[v->outcome]++;
    s->weights[v->outcome] += d->weight;
    bool announced = d->sts == KR_ANNOUNCED_VALID || d->sts == KR_ANNOUNCED_MALFORMED ||
                     d->sts == KR_ANNOUNCED_DOUBLED;
    s->policies[d->policy] += announced;
    if (!v->hazards)
        return;
    uint32_t g = group_of(s, d);
    for (int h = 0; h < KR_HAZARDS; h++) {
        bool there = v->hazards >> h & 1, breaks = v->breaking >> h & 1;
        bool unsure = v->unsure >> h & 1;
        s->domains[h] += there;
        s->breaking[h] += breaks;
        s->unsure[h] += unsure && !breaks;
        s->breaking_weight[h] += breaks ? d->weight : 0;
        if (g != KR_NO_NAME) {
            s->groups[g].n[h] += there;
            s->groups[g].breaking[h] += breaks;
            s->groups[g].unsure[h] += unsure && !breaks;
        }
    }
}

void kr_preflight_sum_free(struct kr_preflight_sum *s)
{
    kr_name_table_free(&s->names);
    free(s->groups);
    *s = (struct kr_preflight_sum){0};
}

uint32_t kr_preflight_sum_of(const struct kr_preflight_sum *s, uint32_t g, enum kr_hazard h,
                             enum kr_harm harm)
{
    const struct kr_preflight_group *of = &s->groups[g];
    const uint32_t *const by_harm[KR_HARMS] = {of->n, of->breaking, of->unsure};
    return by_harm[harm][h];
}

size_t kr_preflight_sum_groups(const struct kr_preflight_sum *s, enum kr_hazard h,
                               enum kr_harm harm, uint32_t *out, size_t most)
{
    size_t all = 0, kept = 0;
    for (uint32_t g = 0; g < s->names.n; g++) {
        uint32_t n = kr_preflight_sum_of(s, g, h, harm);
        if (!n)
            continue;
        all++;
        size_t at = kept < most ? kept++ : most;
        for (; at > 0 && kr_preflight_sum_of(s, out[at - 1], h, harm) < n; at--)
            if (at < most)
                out[at] = out[at - 1];
        if (at < most)
            out[at] = g;
    }
    return all;
}

/* A hazard is one whatever else could not be found out. */
int kr_preflight_status(const struct kr_preflight_sum *s, const struct kr_preflight_end *end)
{
    uint64_t harm = s->outcomes[KR_FAILS] + s->outcomes[KR_DOWNGRADES] + s->local;
    for (int h = 0; h < KR_HAZARDS; h++)
        harm += s->breaking[h];
    if (harm)
        return KR_UNSAFE;
    bool open = s->outcomes[KR_UNCERTAIN] || end->account.unjudged || *end->exempt_why;
    return end->whole && !open ? KR_OK : KR_UNKNOWN;
}

const char *kr_preflight_word(int status)
{
    return status == KR_OK ? "ok" : status == KR_UNSAFE ? "hazards" : "unknown";
}

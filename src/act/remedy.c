#include <kr/remedy.h>

#include <kr/mem.h>

#include <string.h>

#define BIT(h) (1u << KR_HAZARD_##h)

static const struct {
    uint32_t hazards, need;
} by_hazard[] = {
    {BIT(TLS), KR_NEED_TLS},
    {BIT(DANE) | BIT(DANE_ENCRYPT) | BIT(HALF_DANE) | BIT(DANE_LOOKUP) | BIT(UNJUDGED),
     KR_NEED_DANE},
    {BIT(STS) | BIT(STS_ODD) | BIT(STS_LOOKUP), KR_NEED_STS},
    {BIT(TLSRPT), KR_NEED_REPORTS},
};

/* A side with some of it switched off. */
struct relaxed {
    const struct kr_mta_side *of;
    uint32_t without;
};

static void relaxed_path(void *arg, const struct kr_domain_facts *d, const char *host,
                         struct kr_mta_path *out)
{
    const struct relaxed *x = arg;
    *out = kr_mta_side_path(x->of, d, host);
    if (x->without & KR_NEED_TLS)
        out->level = KR_TLS_MAY;
    if (x->without & KR_NEED_DANE)
        out->dane = out->dane_only = out->half_dane = false;
    if (x->without & KR_NEED_STS)
        out->mta_sts = out->sts_lookup = false;
}

/* What is there and does no harm needs nothing; where the outcome is unknown, it may. */
static uint32_t needs_of(const struct kr_preflight_verdict *v)
{
    uint32_t doubtful = BIT(TLS) | BIT(UNJUDGED) | BIT(STS_LOOKUP), needs = 0;
    uint32_t bits = v->breaking | (v->unsure & doubtful);
    for (size_t i = 0; i < sizeof by_hazard / sizeof *by_hazard; i++)
        needs |= bits & by_hazard[i].hazards ? by_hazard[i].need : 0;
    return needs;
}

static void name(struct kr_remedy *r, struct kr_remedy_names *l, const char *s)
{
    for (size_t i = l->n; i-- > 0;)
        if (strcmp(l->v[i], s) == 0)
            return;
    if (l->n == KR_REMEDY_NAMED) {
        r->more = true;
        return;
    }
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
    l->v[l->n++] = kr_strdup(s);
}

static void record(struct kr_remedy *r, const struct kr_domain_facts *d, uint32_t needs,
                   const struct kr_preflight_verdict *before)
{
    r->domains++;
    r->needs |= needs;
    for (size_t i = 0; i < 4; i++)
        r->needed[i] += needs >> i & 1;
    if (needs == KR_NEED_REPORTS || r->more)
        return;
    name(r, &r->names, d->name);
    for (size_t i = 0; i < d->n_hosts; i++)
        if (before->hosts[i].outcome != KR_DELIVERS) {
            name(r, &r->hosts, d->hosts[i].name);
            r->aliased = r->aliased || d->hosts[i].alias != KR_ALIAS_NONE;
        }
}

/* No setting hangs on addresses that nobody knows. */
static struct kr_domain_facts without_doubt(const struct kr_domain_facts *d)
{
    struct kr_domain_facts out = *d;
    out.more_hosts = false;
    for (size_t i = 0; i < out.n_hosts; i++)
        out.hosts[i].flags &= (uint8_t) ~(KR_HOST_UNASKED | KR_HOST_LOST);
    return out;
}

/* DANE hides what else is asked for: so again, until nothing more comes up. */
void kr_remedy_add(struct kr_remedy *r, const struct kr_domain_facts *told,
                   const struct kr_mta_side *side)
{
    const struct kr_domain_facts facts = without_doubt(told), *d = &facts;
    struct kr_mta_side without = *side;
    struct relaxed x = {side, 0};
    struct kr_preflight_verdict first, v;
    uint32_t needs = 0, more;
    without.path = relaxed_path;
    without.arg = &x;
    r->all++;
    kr_preflight_judge(d, side, &first);
    for (v = first; (more = needs_of(&v) & ~needs) != 0;) {
        needs |= more;
        x.without = needs;
        kr_preflight_judge(d, &without, &v);
    }
    r->hopeless += v.outcome != KR_DELIVERS;
    if (needs && (v.outcome == KR_DELIVERS || v.outcome == KR_DOWNGRADES))
        record(r, d, needs, &first);
}

static void names_free(struct kr_remedy_names *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
}

void kr_remedy_free(struct kr_remedy *r)
{
    names_free(&r->names);
    names_free(&r->hosts);
    *r = (struct kr_remedy){0};
}

/* KumoMTA's keys are [default], [domain.X], [[bounce.X]] and [[defer.X]]: a domain may have texts
 * and no rates, which are then the default's, or rates and no texts; its name is matched exactly.
 */
#include "policy_load.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <string.h>

/* The domain a table or a list is for; NULL: it was refused. */
static struct kr_site *kumo_site(struct load *l, const struct kr_toml_value *v)
{
    const char *domain = kr_toml_key(v);
    size_t before = l->p->sites;
    if (strlen(domain) != kr_toml_key_len(v) || !*domain) {
        load_bad(l, v, "'%s' is no domain", domain);
        return NULL;
    }
    struct kr_site *s = load_site(l, domain);
    if (s->index < before && s->kumo)
        return s;
    if (s->index < before) {
        load_bad(l, v, "'%s' is a provider", domain);
        return NULL;
    }
    s->kumo = true;
    return load_key(l, v, domain, true, s) ? NULL : s;
}

static int load_domain(struct load *l, const struct kr_toml_value *v)
{
    static const struct field list[] = {
        {"bounce", set_percent, offsetof(struct kr_site, bounce), NULL},
        {"defer", set_percent, offsetof(struct kr_site, defer), NULL}};
    static const struct fields rows = {list, 2};
    struct kr_site *s = kumo_site(l, v);
    if (!s || load_fields(l, v, &rows, s))
        return -1;
    if (s->bounce + s->defer > 1.0000001)
        return load_bad(l, v, "bounce and defer of '%s' are more than 100 percent together",
                        s->name);
    s->rates = true;
    return 0;
}

static int load_bounces(struct load *l, const struct kr_toml_value *v)
{
    struct kr_site *s = kumo_site(l, v);
    return s ? set_answers(l, v, NULL, &s->bounces) : -1;
}

static int load_defers(struct load *l, const struct kr_toml_value *v)
{
    struct kr_site *s = kumo_site(l, v);
    return s ? set_answers(l, v, NULL, &s->defers) : -1;
}

static int load_seed(struct load *l, const struct kr_toml_value *v)
{
    if (load_want(l, v, KR_TOML_INTEGER))
        return -1;
    l->p->seed = (uint64_t)kr_toml_integer(v);
    return 0;
}

static int load_special(struct load *l, const struct kr_toml_value *v)
{
    return set_bool(l, v, NULL, &l->p->special);
}

/* What a key of the file is: one value, or a table or an array of which each child is one. */
static const struct {
    const char *key;
    int (*load)(struct load *l, const struct kr_toml_value *v);
    enum kr_toml_type of; /* KR_TOML_STRING: of nothing, the value itself */
} roots[] = {
    {"seed", load_seed, KR_TOML_STRING},       {"special", load_special, KR_TOML_STRING},
    {"default", load_default, KR_TOML_STRING}, {"provider", load_provider, KR_TOML_TABLE},
    {"domain", load_domain, KR_TOML_TABLE},    {"bounce", load_bounces, KR_TOML_TABLE},
    {"defer", load_defers, KR_TOML_TABLE},     {"rule", load_rule, KR_TOML_ARRAY},
};

static int load_root(struct load *l, const struct kr_toml_value *v)
{
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        if (strcmp(roots[i].key, kr_toml_key(v)) != 0)
            continue;
        if (roots[i].of == KR_TOML_STRING)
            return roots[i].load(l, v);
        if (load_want(l, v, roots[i].of))
            return -1;
        for (size_t k = 0; k < kr_toml_count(v); k++)
            if (roots[i].load(l, kr_toml_at(v, k)))
                return -1;
        return 0;
    }
    return load_bad(l, v,
                    "there is no key '%.60s'; there are: default, domain, bounce, defer, "
                    "provider, rule, seed, special",
                    kr_toml_key(v));
}

static void say(struct kr_answers *l, int code, const char *text)
{
    struct kr_answer a;
    if (l->n == 0 && kr_answer_make(&a, code, text, strlen(text), NULL) == 0)
        kr_answers_add(l, &a);
}

static void finish_site(struct kr_policy *p, struct kr_site *s)
{
    if (!s->rates) {
        s->bounce = p->site[0]->bounce;
        s->defer = p->site[0]->defer;
    }
    if (s->burst <= 0)
        s->burst = s->rate > 1 ? s->rate : 1;
    for (size_t i = 0; i < KR_STAGES; i++)
        p->stages |= s->delay[i].kind != DELAY_NONE ? 1u << i : 0;
    p->greylists |= s->greylist != 0;
    say(&s->over_rate, 421, "4.7.28 Too many messages in a short time from this address");
    say(&s->over_connections, 421, "4.7.0 Too many connections from this address");
    say(&s->over_quota, 450, "4.7.1 The quota of this address for today is used up");
    say(&s->greylisted, 451, "4.7.1 Greylisted, come back later");
}

static void finish_rule(struct kr_policy *p, struct rule *r)
{
    if (!r->providers.n)
        return;
    r->on_site = kr_calloc(p->sites, sizeof *r->on_site);
    for (size_t i = 0; i < p->sites; i++)
        r->on_site[i] = patterns_match(&r->providers, p->site[i]->name, strlen(p->site[i]->name));
}

static void finish(struct kr_policy *p)
{
    say(&p->site[0]->bounces, 550, "boing!");
    say(&p->site[0]->defers, 451, "later!");
    say(&p->tempfail, p->compat ? 400 : 451,
        p->compat ? "tempfail requested" : "4.3.0 As asked for");
    say(&p->permfail, p->compat ? 500 : 550,
        p->compat ? "permfail requested" : "5.3.0 As asked for");
    say(&p->said_450, 450, "4.2.0 As asked for");
    for (size_t i = 0; i < p->sites; i++)
        finish_site(p, p->site[i]);
    for (size_t i = 0; i < p->rules; i++)
        finish_rule(p, &p->rule[i]);
}

static int read_settings(struct load *l, const struct kr_policy_how *how)
{
    struct kr_toml *doc = kr_toml_read("set", how->set, how->set_len, l->e);
    if (!doc)
        return -1;
    l->doc = doc;
    int bad = load_settings(l, kr_toml_root(doc));
    kr_toml_free(doc);
    return bad;
}

struct kr_policy *kr_policy_read(const char *name, const char *text, size_t len,
                                 const struct kr_policy_how *how, struct kr_err *e)
{
    struct kr_toml *doc = kr_toml_read(name, text, len, e);
    if (!doc)
        return NULL;
    struct kr_policy *p = kr_calloc(1, sizeof *p);
    struct load l = {doc, p, e, false};
    const struct kr_toml_value *root = kr_toml_root(doc);
    int bad = 0;
    p->held = 1;
    p->special = true;
    p->compat = how->compat;
    load_site(&l, "other");
    for (size_t i = 0; i < kr_toml_count(root) && !bad; i++)
        bad = load_root(&l, kr_toml_at(root, i));
    kr_toml_free(doc);
    if (how->seed)
        p->seed = strtoull(how->seed, NULL, 10);
    if (!bad && how->set)
        bad = read_settings(&l, how);
    if (!bad)
        finish(p);
    else
        kr_policy_drop(p);
    return bad ? NULL : p;
}

/* The tables of the file: [default], [provider.NAME], [[rule]]. */
#include "policy_load.h"

#include <kr/mem.h>

#include <string.h>

static const char *const stages[] = {"connect", "ehlo", "mail", "rcpt", "data", "dot", NULL};
static const char *const faults[] = {"none", "drop", "reset", "stall", NULL};
_Static_assert(sizeof stages / sizeof *stages == KR_STAGES + 1, "a name for each stage");

#define SITE(key, set, field)                           \
    {                                                   \
        key, set, offsetof(struct kr_site, field), NULL \
    }
#define SITE_ROWS                                                                               \
    SITE("bounce", set_percent, bounce), SITE("defer", set_percent, defer),                     \
        {"stage", set_choice, offsetof(struct kr_site, stage), stages},                         \
        SITE("bounces", set_answers, bounces), SITE("defers", set_answers, defers),             \
        SITE("rate", set_number, rate), SITE("burst", set_number, burst),                       \
        SITE("connections", set_count, connections), SITE("daily", set_count, daily),           \
        SITE("over_rate", set_answers, over_rate),                                              \
        SITE("over_connections", set_answers, over_connections),                                \
        SITE("over_quota", set_answers, over_quota), SITE("fail_first", set_count, fail_first), \
        SITE("greylist", set_duration, greylist),                                               \
        SITE("greylist_for", set_duration, greylist_for),                                       \
        SITE("greylisted", set_answers, greylisted),                                            \
        SITE("delay_connect", set_delay, delay[KR_STAGE_CONNECT]),                              \
        SITE("delay_ehlo", set_delay, delay[KR_STAGE_EHLO]),                                    \
        SITE("delay_mail", set_delay, delay[KR_STAGE_MAIL]),                                    \
        SITE("delay_rcpt", set_delay, delay[KR_STAGE_RCPT]),                                    \
        SITE("delay_data", set_delay, delay[KR_STAGE_DATA]),                                    \
        SITE("delay_dot", set_delay, delay[KR_STAGE_DOT])

static const struct field default_rows[] = {SITE_ROWS};
static const struct field provider_rows[] = {SITE("domains", set_patterns, domains),
                                             SITE("mx", set_prefixes, mx),
                                             SITE("mx_names", set_patterns, mx_names), SITE_ROWS};

static struct kr_site *site_named(const struct kr_policy *p, const char *name)
{
    for (size_t i = 0; i < p->sites; i++)
        if (strcmp(p->site[i]->name, name) == 0)
            return p->site[i];
    return NULL;
}

struct kr_site *load_site(struct load *l, const char *name)
{
    struct kr_policy *p = l->p;
    struct kr_site *there = site_named(p, name);
    if (there)
        return there;
    struct kr_site *s = kr_calloc(1, sizeof *s);
    s->name = kr_strdup(name);
    s->index = p->sites;
    s->stage = KR_STAGE_DOT;
    s->greylist_for = 4 * 3600 * 1000;
    p->site = kr_grow(p->site, &p->site_cap, p->sites + 1, sizeof(struct kr_site *));
    p->site[p->sites++] = s;
    return s;
}

static int check_site(struct load *l, const struct kr_toml_value *v, struct kr_site *s)
{
    if (s->bounce + s->defer > 1.0000001)
        return load_bad(l, v, "bounce = %g and defer = %g are more than 100 percent together",
                        s->bounce * 100, s->defer * 100);
    if (s->stage < KR_STAGE_RCPT)
        return load_bad(l, v,
                        "bounces and deferrals can be said at rcpt, data or dot; stage = '%s'"
                        " knows no recipient",
                        stages[s->stage]);
    if (s->burst > 0 && s->burst < 1)
        return load_bad(l, v, "burst = %g lets nothing through", s->burst);
    s->rates |= kr_toml_get(v, "bounce") || kr_toml_get(v, "defer");
    return 0;
}

static int site_table(struct load *l, const struct kr_toml_value *v, struct kr_site *s,
                      const struct fields *rows)
{
    return load_fields(l, v, rows, s) || check_site(l, v, s) ? -1 : 0;
}

const struct fields *site_fields(void)
{
    static const struct fields rows = {default_rows, sizeof default_rows / sizeof *default_rows};
    return &rows;
}

int load_default(struct load *l, const struct kr_toml_value *v)
{
    return site_table(l, v, l->p->site[0], site_fields());
}

/* ---- settings at run time -----------------------------------------------------------------------
 */

/* The provider of this name; or a domain, which becomes one of its own. */
static struct kr_site *setting_site(struct load *l, const struct kr_toml_value *v)
{
    const char *name = kr_toml_key(v);
    size_t before = l->p->sites;
    if (strcmp(name, "default") == 0)
        return l->p->site[0];
    if (!strchr(name, '.') && !site_named(l->p, name)) {
        load_bad(l, v, "there is no provider '%.60s', and it is no domain", name);
        return NULL;
    }
    struct kr_site *s = load_site(l, name);
    return s->index >= before && load_key(l, v, name, false, s) ? NULL : s;
}

int load_settings(struct load *l, const struct kr_toml_value *root)
{
    const struct kr_toml_value *all = kr_toml_get(root, "set");
    l->replace = true;
    for (size_t i = 0; all && i < kr_toml_count(all); i++) {
        const struct kr_toml_value *v = kr_toml_at(all, i);
        struct kr_site *s = setting_site(l, v);
        if (!s || site_table(l, v, s, site_fields()))
            return -1;
    }
    return 0;
}

int load_provider(struct load *l, const struct kr_toml_value *v)
{
    static const struct fields rows = {provider_rows, sizeof provider_rows / sizeof *provider_rows};
    size_t before = l->p->sites;
    const char *name = kr_toml_key(v);
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != strlen(name) ||
        strlen(name) != kr_toml_key_len(v) || strlen(name) > 60)
        return load_bad(l, v, "'%.60s' is no name for a provider: a-z, 0-9, '-', '_', '.'", name);
    struct kr_site *s = load_site(l, name);
    if (s->index < before)
        return load_bad(l, v, "'%s' is there already", name);
    if (site_table(l, v, s, &rows))
        return -1;
    for (size_t i = 0; i < s->domains.n; i++)
        if (load_key(l, v, s->domains.v[i], false, s))
            return -1;
    return 0;
}

/* ---- rules --------------------------------------------------------------------------------------
 */

struct raw_rule {
    struct rule r;
    struct raw_answer own; /* code and msg beside the conditions: the rule's only answer */
};

#define RULE(key, set, field)                            \
    {                                                    \
        key, set, offsetof(struct raw_rule, field), NULL \
    }
static const struct field rule_rows[] = {
    RULE("provider", set_patterns, r.providers),
    RULE("domain", set_patterns, r.domains),
    RULE("mx", set_prefixes, r.mx),
    RULE("local", set_patterns, r.locals),
    RULE("sender", set_patterns, r.senders),
    RULE("source", set_prefixes, r.sources),
    {"stage", set_choice, offsetof(struct raw_rule, r.stage), stages},
    RULE("percent", set_percent, r.chance),
    RULE("attempts", set_count, r.attempts),
    RULE("code", set_count, own.code),
    RULE("msg", set_text, own.msg),
    RULE("answers", set_answers, r.answers),
    RULE("delay", set_delay, r.delay),
    {"fault", set_choice, offsetof(struct raw_rule, r.fault), faults},
    RULE("bandwidth", set_count, r.bandwidth),
};

static int own_answer(struct load *l, const struct kr_toml_value *v, struct raw_rule *raw)
{
    bool there = raw->own.msg || kr_toml_get(v, "code");
    return there ? load_answer(l, v, &raw->own, &raw->r.answers) : 0;
}

static int check_rule(struct load *l, const struct kr_toml_value *v, struct rule *r)
{
    bool by_recipient = r->locals.n || r->domains.n;
    if (!r->answers.n && r->delay.kind == DELAY_NONE && !r->fault && !r->bandwidth)
        return load_bad(l, v, "a rule without code, answers, delay, fault or bandwidth");
    if (by_recipient && r->stage < KR_STAGE_RCPT)
        return load_bad(l, v, "stage = '%s' knows no recipient", stages[r->stage]);
    if (r->senders.n && r->stage < KR_STAGE_MAIL)
        return load_bad(l, v, "stage = '%s' knows no sender", stages[r->stage]);
    if (!r->senders.n)
        return 0;
    r->sender_bit = l->p->senders++;
    return l->p->senders > 64 ? load_bad(l, v, "more than 64 rules with a sender") : 0;
}

int load_rule(struct load *l, const struct kr_toml_value *v)
{
    static const struct fields rows = {rule_rows, sizeof rule_rows / sizeof *rule_rows};
    struct kr_policy *p = l->p;
    struct raw_rule raw = {.r = {.stage = KR_STAGE_RCPT, .chance = 1}, .own.weight = 1};
    int bad = load_fields(l, v, &rows, &raw) || own_answer(l, v, &raw) || check_rule(l, v, &raw.r);
    p->rule = kr_grow(p->rule, &p->rule_cap, p->rules + 1, sizeof *p->rule);
    p->rule[p->rules++] = raw.r; /* also a bad one: the policy owns what it has so far */
    p->stages |= 1u << raw.r.stage;
    return bad ? -1 : 0;
}

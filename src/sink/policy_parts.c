#include "policy_internal.h"

#include <kr/ascii.h>
#include <kr/mem.h>
#include <kr/sink_names.h>

#include <string.h>

static void free_patterns(struct patterns *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->v[i]);
    free(p->v);
}

static void free_site(struct kr_site *s)
{
    struct kr_answers *lists[] = {&s->bounces,          &s->defers,     &s->over_rate,
                                  &s->over_connections, &s->over_quota, &s->greylisted};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        kr_answers_free(lists[i]);
    free_patterns(&s->domains);
    free_patterns(&s->mx_names);
    kr_prefixset_free(&s->mx);
    free(s->name);
    free(s);
}

static void free_rule(struct rule *r)
{
    struct patterns *lists[] = {&r->providers, &r->domains, &r->locals, &r->senders};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free_patterns(lists[i]);
    kr_prefixset_free(&r->mx);
    kr_prefixset_free(&r->sources);
    kr_answers_free(&r->answers);
    free(r->on_site);
}

struct kr_policy *kr_policy_hold(struct kr_policy *p)
{
    if (p)
        p->held++;
    return p;
}

void kr_policy_drop(struct kr_policy *p)
{
    if (!p || --p->held)
        return;
    for (size_t i = 0; i < p->sites; i++)
        free_site(p->site[i]);
    for (size_t i = 0; i < p->rules; i++)
        free_rule(&p->rule[i]);
    for (size_t i = 0; i < p->key_room; i++)
        free(p->key[i].name);
    kr_answers_free(&p->tempfail);
    kr_answers_free(&p->permfail);
    kr_answers_free(&p->said_450);
    free(p->site);
    free(p->rule);
    free(p->key);
    free(p);
}

size_t kr_policy_sites(const struct kr_policy *p)
{
    return p->sites;
}

const char *kr_policy_site_name(const struct kr_policy *p, size_t i)
{
    return p->site[i]->name;
}

size_t kr_policy_rules(const struct kr_policy *p)
{
    return p->rules;
}

void kr_policy_number(struct kr_policy *p, const struct kr_names *names)
{
    for (size_t i = 0; i < p->sites; i++)
        p->site[i]->account = kr_names_find(names, p->site[i]->name);
}

/* With * for any octets and ? for one; a * that was too greedy or not enough is tried anew. */
static bool match(const char *pattern, const char *text, size_t n)
{
    const char *star = NULL;
    size_t at = 0, from = 0;
    while (at < n) {
        if (*pattern == '*') {
            star = pattern++;
            from = at;
        } else if (*pattern &&
                   (*pattern == '?' || kr_ascii_lower(*pattern) == kr_ascii_lower(text[at]))) {
            pattern++;
            at++;
        } else if (star) {
            pattern = star + 1;
            at = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

bool patterns_match(const struct patterns *p, const char *text, size_t n)
{
    for (size_t i = 0; i < p->n; i++)
        if (match(p->v[i], text, n))
            return true;
    return p->n == 0;
}

/* From two looks to the numbers of a run. */
#include "account_look.h"

#include <kr/mem.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void not_known(struct kr_run_facts *f, const char *when, const char *why)
{
    f->known = false;
    f->n.n = 0;
    snprintf(f->why, sizeof f->why, "%s%.200s", when, why);
}

static void compare_group(const struct kr_run_facts *before, const struct kr_run_facts *after,
                          struct kr_run_facts *to)
{
    if (!before->known)
        not_known(to, "at the beginning: ", before->why);
    else if (!after->known)
        not_known(to, "at the end: ", after->why);
    else if (!kr_numbers_minus(&after->n, &before->n, &to->n))
        not_known(to, "", "a counter went back: it was set anew during the run");
    else
        to->known = true;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void integers(const json_t *o, struct kr_numbers *to)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        if (json_is_integer(v) && json_integer_value(v) >= 0)
            kr_numbers_set(to, key, (uint64_t)json_integer_value(v));
    }
}

static bool compare_provider(const char *name, const json_t *before, const json_t *after,
                             struct kr_run *r)
{
    struct kr_numbers was = {0}, is = {0};
    struct kr_run_provider p = {0};
    snprintf(p.name, sizeof p.name, "%s", name);
    integers(before, &was);
    integers(after, &is);
    bool good = kr_numbers_minus(&is, &was, &p.n);
    bool any = false;
    for (size_t i = 0; good && i < p.n.n; i++)
        any |= p.n.v[i].n != 0;
    free(was.v);
    free(is.v);
    if (!any) {
        free(p.n.v);
        return good;
    }
    r->providers = kr_grow(r->providers, &r->cap_providers, r->n_providers + 1, sizeof p);
    r->providers[r->n_providers++] = p;
    return good;
}

static bool compare_providers(const json_t *before, const json_t *after, struct kr_run *r)
{
    const json_t *was = json_object_get(before, "providers");
    const char *name;
    json_t *is;
    bool good = true;
    json_object_foreach(json_object_get(after, "providers"), name, is)
    {
        good &= compare_provider(name, json_object_get(was, name), is, r);
    }
    return good;
}

static uint64_t count_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? (uint64_t)json_integer_value(v)
                                                            : UINT64_MAX;
}

static void sink_latencies(const json_t *sink, struct kr_run *r)
{
    const char *kind;
    json_t *o;
    json_object_foreach(json_object_get(sink, "latency_us"), kind, o)
    {
        struct kr_run_latency l = {
            .who = "sink", .mean = UINT64_MAX, .count = count_of(o, "count")};
        snprintf(l.kind, sizeof l.kind, "%s", kind);
#define TAKE(name) l.name = count_of(o, #name);
        KR_RUN_QUANTILES(TAKE)
#undef TAKE
        r->latencies = kr_grow(r->latencies, &r->cap_latencies, r->n_latencies + 1, sizeof l);
        r->latencies[r->n_latencies++] = l;
    }
}

static void compare_sink(const struct account_look *before, const struct account_look *after,
                         struct kr_run *r)
{
    struct kr_run_facts *f = &r->facts[KR_RUN_sink];
    if (f->known && strcmp(text_of(before->sink, "nonce"), text_of(after->sink, "nonce")) != 0)
        not_known(f, "", "another sink is there than at the beginning");
    if (f->known && !compare_providers(before->sink, after->sink, r))
        not_known(f, "", "a provider's count went back: it was set anew during the run");
    if (!f->known)
        return;
    kr_numbers_set(&f->n, "open", kr_numbers_get(&after->facts[KR_RUN_sink].n, "open"));
    kr_numbers_set(&f->n, "workers", kr_numbers_get(&after->facts[KR_RUN_sink].n, "workers"));
    sink_latencies(after->sink, r);
    if (kr_numbers_get(&before->facts[KR_RUN_sink].n, "connections"))
        snprintf(f->why, sizeof f->why, "its latencies are since the sink's start, not the run's");
}

/* Numbers that may also go down are what they are at the end. */
static void forget_gauges(struct account_look *l)
{
    if (kr_numbers_find(&l->facts[KR_RUN_sink].n, "open"))
        kr_numbers_set(&l->facts[KR_RUN_sink].n, "open", 0);
}

void account_compare(struct account_look *before, const struct account_look *after,
                     struct kr_run *r)
{
    static const enum kr_run_group compared[] = {KR_RUN_sink, KR_RUN_guards, KR_RUN_conntrack,
                                                 KR_RUN_softnet, KR_RUN_cpu};
    forget_gauges(before);
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++)
        compare_group(&before->facts[compared[i]], &after->facts[compared[i]],
                      &r->facts[compared[i]]);
    compare_sink(before, after, r);
}

/* The record of a run as JSON. */
#include "account_json.h"

#include <kr/json_text.h>
#include <kr/mem.h>
#include <kr/run_balance.h>

#include <jansson.h>
#include <string.h>

#define NAME_OF(name) #name,
static const char *const outcomes[] = {"held", "kept-suffix", "refused", "breach", "failed"};
_Static_assert(sizeof outcomes / sizeof *outcomes == KR_RUN_OUTCOMES, "a name for each outcome");
const char *const account_columns[] = {KR_RUN_COLUMNS(NAME_OF)};

const char *kr_run_outcome_name(enum kr_run_outcome o)
{
    return outcomes[o];
}

void kr_run_event_add(struct kr_run *r, const char *time, const char *id, bool breach,
                      const char *what)
{
    r->events_in_all++;
    r->breaches += breach;
    if (r->n_events >= KR_RUN_EVENTS)
        return;
    r->events = kr_grow(r->events, &r->cap_events, r->n_events + 1, sizeof *r->events);
    struct kr_run_event *x = &r->events[r->n_events++];
    *x = (struct kr_run_event){.breach = breach, .what = kr_strdup(what)};
    snprintf(x->time, sizeof x->time, "%s", time);
    snprintf(x->id, sizeof x->id, "%s", id);
}

static json_t *number(uint64_t n)
{
    return n > INT64_MAX ? json_null() : json_integer((json_int_t)n);
}

static json_t *texts(const struct kr_texts *l)
{
    json_t *a = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, kr_json_text(l->v[i]));
    return a;
}

static json_t *numbers(const struct kr_numbers *l)
{
    json_t *o = json_object();
    for (size_t i = 0; i < l->n; i++)
        json_object_set_new(o, l->v[i].name, number(l->v[i].n));
    return o;
}

static json_t *facts(const struct kr_run *r)
{
    json_t *o = json_object();
    for (unsigned g = 0; g < KR_RUN_GROUPS; g++)
        json_object_set_new(o, kr_run_group_name(g),
                            json_pack("{sbsoso}", "known", r->facts[g].known, "why",
                                      kr_json_text(r->facts[g].why), "counts",
                                      numbers(&r->facts[g].n)));
    return o;
}

static json_t *providers(const struct kr_run *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < r->n_providers; i++)
        json_object_set_new(o, r->providers[i].name, numbers(&r->providers[i].n));
    return o;
}

static json_t *latencies(const struct kr_run *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_latencies; i++) {
        const struct kr_run_latency *l = &r->latencies[i];
        json_t *o =
            json_pack("{sosososo}", "who", kr_json_text(l->who), "kind", kr_json_text(l->kind),
                      "count", number(l->count), "mean_us", number(l->mean));
#define PUT(name) json_object_set_new(o, #name "_us", number(l->name));
        KR_RUN_QUANTILES(PUT)
#undef PUT
        json_array_append_new(a, o);
    }
    return a;
}

/* Columns, since names a row would make it several times as long. */
static json_t *samples(const struct kr_run_samples *s)
{
    json_t *o = json_object();
    for (unsigned c = 0; c < KR_RUN_COLUMN_N; c++) {
        json_t *a = json_array();
        for (size_t i = 0; i < s->n; i++)
            json_array_append_new(a, number(s->v[i][c]));
        json_object_set_new(o, account_columns[c], a);
    }
    return o;
}

static json_t *events(const struct kr_run *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_events; i++)
        json_array_append_new(a, json_pack("{sosbsoso}", "time", kr_json_text(r->events[i].time),
                                           "breach", r->events[i].breach, "id",
                                           kr_json_text(r->events[i].id), "what",
                                           kr_json_text(r->events[i].what)));
    return a;
}

static json_t *balance(const struct kr_run *r)
{
    struct kr_balance b;
    json_t *a = json_array();
    kr_run_balance(r, &b);
    for (size_t i = 0; i < b.n; i++)
        json_array_append_new(a, json_pack("{ssssssso}", "id", b.v[i].id, "title", b.v[i].title,
                                           "is", kr_balanced_name(b.v[i].is), "text",
                                           kr_json_text(b.v[i].text)));
    return json_pack("{ssso}", "worst", kr_balanced_name(b.worst), "rows", a);
}

static json_t *host(const struct kr_run_host *h)
{
    return json_pack("{sosososososo}", "name", kr_json_text(h->name), "kernel",
                     kr_json_text(h->kernel), "machine", kr_json_text(h->machine), "cpu",
                     kr_json_text(h->cpu), "cpus", number(h->cpus), "memory_octets",
                     number(h->memory));
}

static json_t *command(const struct kr_run *r)
{
    return json_pack("{sosbsososo}", "words", texts(&r->command), "real_names", r->real_names,
                     "suffix", kr_json_text(r->suffix), "domains", texts(&r->domains),
                     "domains_in_all", number(r->domains_in_all));
}

json_t *account_to_json(const struct kr_run *r)
{
    return json_pack(
        "{ss so so so sf ss so so so so so so so so so so so sI sI so}", "schema", KR_RUN_SCHEMA,
        "version", kr_json_text(r->version), "began", kr_json_text(r->began), "ended",
        kr_json_text(r->ended), "seconds", r->seconds, "outcome", kr_run_outcome_name(r->outcome),
        "status", r->status < 0 ? json_null() : json_integer(r->status), "reason",
        kr_json_text(r->reason), "signature", kr_json_text(r->signature), "command", command(r),
        "mtas", texts(&r->mtas), "host", host(&r->host), "facts", facts(r), "providers",
        providers(r), "latency", latencies(r), "samples", samples(&r->samples), "events", events(r),
        "events_in_all", (json_int_t)r->events_in_all, "breaches", (json_int_t)r->breaches,
        "balance", balance(r));
}

char *kr_run_to_text(const struct kr_run *r)
{
    json_t *j = account_to_json(r);
    char *s = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return s;
}

void kr_run_free(struct kr_run *r)
{
    struct kr_texts *const lists[] = {&r->command, &r->mtas, &r->domains};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        kr_texts_free(lists[i]);
    for (size_t i = 0; i < KR_RUN_GROUPS; i++)
        free(r->facts[i].n.v);
    for (size_t i = 0; i < r->n_providers; i++)
        free(r->providers[i].n.v);
    for (size_t i = 0; i < r->n_events; i++)
        free(r->events[i].what);
    free(r->providers);
    free(r->latencies);
    free(r->samples.v);
    free(r->events);
    *r = (struct kr_run){0};
}

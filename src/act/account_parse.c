/* Reads a record. It comes from a file that anybody may have written: numbers, lengths and kinds
 * are looked at, and a row that is not as it should be ends the reading. */
#include "account_json.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <string.h>

#define TEXTS_MOST 4096u
#define SAMPLES_MOST 20000u
#define NUMBERS_MOST 4096u

static int wrong(struct kr_err *e, const char *where, const char *what)
{
    return kr_fail(e, KR_UNKNOWN, 0, "%s is %s", where, what);
}

/* What a terminal would take for a command. */
static void calm(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            *s = '?';
}

/* A member that may be left out (then it is "") but not be of another kind. */
static int take_text(const json_t *o, const char *key, char *out, size_t size, struct kr_err *e)
{
    const json_t *v = json_object_get(o, key);
    if (v && !json_is_string(v))
        return wrong(e, key, "no text");
    const char *s = v ? json_string_value(v) : "";
    size_t n = strlen(s);
    if (n >= size)
        for (n = size - 1; n && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
            ; /* not in the middle of a character */
    memcpy(out, s, n);
    out[n] = '\0';
    calm(out);
    return 0;
}

static int to_number(const json_t *v, const char *key, uint64_t *out, struct kr_err *e)
{
    *out = UINT64_MAX;
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wrong(e, key, "no number of things");
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

static int take_number(const json_t *o, const char *key, uint64_t *out, struct kr_err *e)
{
    return to_number(json_object_get(o, key), key, out, e);
}

/* One that is 0 when it is left out. */
static int take_count(const json_t *o, const char *key, uint64_t *out, struct kr_err *e)
{
    if (take_number(o, key, out, e))
        return -1;
    if (*out == UINT64_MAX)
        *out = 0;
    return 0;
}

static int take_texts(const json_t *o, const char *key, struct kr_texts *out, struct kr_err *e)
{
    const json_t *a = json_object_get(o, key);
    if ((a && !json_is_array(a)) || json_array_size(a) > TEXTS_MOST)
        return wrong(e, key, "no list of texts, or too long a one");
    for (size_t i = 0; i < json_array_size(a); i++) {
        const char *s = json_string_value(json_array_get(a, i));
        if (!s)
            return wrong(e, key, "a list of something else than texts");
        kr_texts_add(out, s);
    }
    return 0;
}

static int take_numbers(const json_t *o, const char *where, struct kr_numbers *out,
                        struct kr_err *e)
{
    const char *key;
    json_t *v;
    if (!json_is_object(o) || json_object_size(o) > NUMBERS_MOST)
        return wrong(e, where, "no table of numbers, or too long a one");
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        uint64_t n;
        if (strlen(key) >= sizeof out->v->name)
            return wrong(e, where, "a table with a name that is too long");
        if (!json_is_integer(v) || to_number(v, where, &n, e))
            return wrong(e, where, "a table with something else than numbers");
        kr_numbers_set(out, key, n);
        calm(out->v[out->n - 1].name);
    }
    return 0;
}

static int take_facts(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const json_t *all = json_object_get(root, "facts");
    for (unsigned g = 0; g < KR_RUN_GROUPS; g++) {
        const char *name = kr_run_group_name(g);
        struct kr_run_facts *f = &r->facts[g];
        const json_t *o = json_object_get(all, name);
        if (!o) {
            snprintf(f->why, sizeof f->why, "the record says nothing of it");
            continue;
        }
        if (take_numbers(json_object_get(o, "counts"), name, &f->n, e) ||
            take_text(o, "why", f->why, sizeof f->why, e))
            return -1;
        f->known = json_is_true(json_object_get(o, "known"));
    }
    return 0;
}

static int take_providers(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const json_t *all = json_object_get(root, "providers");
    const char *name;
    json_t *o;
    if ((all && !json_is_object(all)) || json_object_size(all) > NUMBERS_MOST)
        return wrong(e, "providers", "no table, or too long a one");
    json_object_foreach((json_t *)(uintptr_t)all, name, o)
    {
        r->providers =
            kr_grow(r->providers, &r->cap_providers, r->n_providers + 1, sizeof *r->providers);
        struct kr_run_provider *p = &r->providers[r->n_providers++];
        *p = (struct kr_run_provider){0};
        if (strlen(name) >= sizeof p->name)
            return wrong(e, "providers", "a table with a name that is too long");
        snprintf(p->name, sizeof p->name, "%s", name);
        calm(p->name);
        if (take_numbers(o, "providers", &p->n, e))
            return -1;
    }
    return 0;
}

static int take_latency(const json_t *o, struct kr_run_latency *l, struct kr_err *e)
{
    *l = (struct kr_run_latency){.count = 0};
    int bad = take_text(o, "who", l->who, sizeof l->who, e) ||
              take_text(o, "kind", l->kind, sizeof l->kind, e) ||
              take_number(o, "count", &l->count, e) || take_number(o, "mean_us", &l->mean, e);
#define TAKE(name) bad = bad || take_number(o, #name "_us", &l->name, e);
    KR_RUN_QUANTILES(TAKE)
#undef TAKE
    return bad ? -1 : 0;
}

static int take_latencies(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const json_t *a = json_object_get(root, "latency");
    if ((a && !json_is_array(a)) || json_array_size(a) > NUMBERS_MOST)
        return wrong(e, "latency", "no list, or too long a one");
    for (size_t i = 0; i < json_array_size(a); i++) {
        r->latencies =
            kr_grow(r->latencies, &r->cap_latencies, r->n_latencies + 1, sizeof *r->latencies);
        if (take_latency(json_array_get(a, i), &r->latencies[r->n_latencies++], e))
            return -1;
    }
    return 0;
}

static int take_samples(const json_t *root, struct kr_run_samples *s, struct kr_err *e)
{
    const json_t *o = json_object_get(root, "samples");
    size_t n = json_array_size(json_object_get(o, account_columns[0]));
    if (n > SAMPLES_MOST)
        return wrong(e, "samples", "too long");
    s->v = kr_grow(s->v, &s->cap, n + 1, sizeof *s->v);
    s->n = n;
    for (unsigned c = 0; c < KR_RUN_COLUMN_N; c++) {
        const json_t *a = json_object_get(o, account_columns[c]);
        if (a && json_array_size(a) != n)
            return wrong(e, account_columns[c], "a column of another length than the first");
        for (size_t i = 0; i < n; i++)
            if (to_number(json_array_get(a, i), account_columns[c], &s->v[i][c], e))
                return -1;
    }
    for (size_t i = 0; i < n; i++)
        if (s->v[i][0] > INT64_MAX || (i && s->v[i][0] <= s->v[i - 1][0]))
            return wrong(e, "samples", "not in the order of time");
    return 0;
}

static int take_events(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const json_t *a = json_object_get(root, "events");
    if ((a && !json_is_array(a)) || json_array_size(a) > KR_RUN_EVENTS)
        return wrong(e, "events", "no list, or too long a one");
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *o = json_array_get(a, i);
        const char *what = json_string_value(json_object_get(o, "what"));
        struct kr_run_event x;
        if (!what || take_text(o, "time", x.time, sizeof x.time, e) ||
            take_text(o, "id", x.id, sizeof x.id, e))
            return wrong(e, "events", "a list with something else than events");
        kr_run_event_add(r, x.time, x.id, json_is_true(json_object_get(o, "breach")), what);
    }
    return take_count(root, "events_in_all", &r->events_in_all, e) ||
                   take_count(root, "breaches", &r->breaches, e)
               ? -1
               : 0;
}

static int take_host(const json_t *root, struct kr_run_host *h, struct kr_err *e)
{
    const json_t *o = json_object_get(root, "host");
    return take_text(o, "name", h->name, sizeof h->name, e) ||
                   take_text(o, "kernel", h->kernel, sizeof h->kernel, e) ||
                   take_text(o, "machine", h->machine, sizeof h->machine, e) ||
                   take_text(o, "cpu", h->cpu, sizeof h->cpu, e) ||
                   take_count(o, "cpus", &h->cpus, e) ||
                   take_count(o, "memory_octets", &h->memory, e)
               ? -1
               : 0;
}

static int take_command(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const json_t *o = json_object_get(root, "command");
    r->real_names = json_is_true(json_object_get(o, "real_names"));
    return take_texts(o, "words", &r->command, e) || take_texts(o, "domains", &r->domains, e) ||
                   take_count(o, "domains_in_all", &r->domains_in_all, e) ||
                   take_text(o, "suffix", r->suffix, sizeof r->suffix, e)
               ? -1
               : 0;
}

static int take_outcome(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const char *outcome = json_string_value(json_object_get(root, "outcome"));
    const json_t *seconds = json_object_get(root, "seconds");
    uint64_t status;
    unsigned o = 0;
    while (outcome && o < KR_RUN_OUTCOMES && strcmp(outcome, kr_run_outcome_name(o)) != 0)
        o++;
    if (!outcome || o == KR_RUN_OUTCOMES)
        return wrong(e, "outcome", "none that is known");
    r->outcome = (enum kr_run_outcome)o;
    r->seconds = json_number_value(seconds);
    if (!json_is_number(seconds) || r->seconds < 0 || r->seconds > 1e9)
        return wrong(e, "seconds", "no duration");
    if (take_number(root, "status", &status, e))
        return -1;
    r->status = status <= 255 ? (int)status : -1;
    return 0;
}

static int take_head(const json_t *root, struct kr_run *r, struct kr_err *e)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    if (!schema || strcmp(schema, KR_RUN_SCHEMA) != 0)
        return kr_fail(e, KR_UNKNOWN, 0, "its schema is '%.60s', not " KR_RUN_SCHEMA,
                       schema ? schema : "");
    return take_text(root, "version", r->version, sizeof r->version, e) ||
                   take_text(root, "began", r->began, sizeof r->began, e) ||
                   take_text(root, "ended", r->ended, sizeof r->ended, e) ||
                   take_text(root, "reason", r->reason, sizeof r->reason, e) ||
                   take_text(root, "signature", r->signature, sizeof r->signature, e) ||
                   take_outcome(root, r, e) || take_command(root, r, e) ||
                   take_host(root, &r->host, e) || take_texts(root, "mtas", &r->mtas, e)
               ? -1
               : 0;
}

int kr_run_from_text(const char *text, size_t len, struct kr_run *out, struct kr_err *e)
{
    json_error_t why;
    *out = (struct kr_run){.status = -1};
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return kr_fail(e, KR_UNKNOWN, 0, "line %d: %s", why.line, why.text);
    int bad = take_head(root, out, e) || take_facts(root, out, e) || take_providers(root, out, e) ||
              take_latencies(root, out, e) || take_samples(root, &out->samples, e) ||
              take_events(root, out, e);
    json_decref(root);
    if (bad)
        kr_run_free(out);
    return bad ? -1 : 0;
}

/* A policy as JSON: what each provider does, by the keys it is written with. */
#include <kr/sink_show.h>

#include "policy_load.h"

#include <kr/buf.h>
#include <kr/mem.h>

#include <jansson.h>
#include <stdio.h>

typedef json_t *shower(const struct field *f, const void *at);

static json_t *show_percent(const struct field *f, const void *at)
{
    (void)f;
    return *(const double *)at > 0 ? json_real(*(const double *)at * 100) : NULL;
}

static json_t *show_number(const struct field *f, const void *at)
{
    (void)f;
    return *(const double *)at > 0 ? json_real(*(const double *)at) : NULL;
}

static json_t *show_count(const struct field *f, const void *at)
{
    (void)f;
    return *(const uint64_t *)at ? json_integer((json_int_t) * (const uint64_t *)at) : NULL;
}

static json_t *show_ms(const struct field *f, const void *at)
{
    (void)f;
    uint64_t ms = *(const uint64_t *)at;
    return ms ? json_sprintf("%llums", (unsigned long long)ms) : NULL;
}

static json_t *show_choice(const struct field *f, const void *at)
{
    return json_string(f->words[*(const uint64_t *)at]);
}

static json_t *show_delay(const struct field *f, const void *at)
{
    const struct delay *d = at;
    (void)f;
    switch (d->kind) {
    case DELAY_FIXED:
        return json_sprintf("%gms", d->a);
    case DELAY_UNIFORM:
        return json_sprintf("%gms to %gms", d->a, d->b);
    case DELAY_LOGNORMAL:
        return json_sprintf("lognormal, median %gms, sigma %g", d->a, d->b);
    default:
        return NULL;
    }
}

static json_t *show_answers(const struct field *f, const void *at)
{
    const struct kr_answers *l = at;
    json_t *list = l->n ? json_array() : NULL;
    (void)f;
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, json_stringn(l->v[i].wire, l->v[i].len - 2));
    return list;
}

static const struct {
    setter *set;
    shower *show;
} showers[] = {{set_percent, show_percent}, {set_number, show_number}, {set_count, show_count},
               {set_duration, show_ms},     {set_choice, show_choice}, {set_delay, show_delay},
               {set_answers, show_answers}};

static json_t *show_field(const struct field *f, const void *at)
{
    for (size_t i = 0; i < sizeof showers / sizeof *showers; i++)
        if (showers[i].set == f->set)
            return showers[i].show(f, at);
    return NULL;
}

static json_t *show_site(const struct kr_site *s)
{
    const struct fields *f = site_fields();
    json_t *o = json_object();
    for (size_t i = 0; i < f->n; i++) {
        json_t *v = show_field(&f->row[i], (const char *)s + f->row[i].offset);
        if (v)
            json_object_set_new(o, f->row[i].key, v);
    }
    return o;
}

static void show_domains(const struct kr_policy *p, json_t *providers)
{
    for (size_t i = 0; i < p->key_room; i++) {
        const struct domain_key *k = &p->key[i];
        json_t *o = k->name ? json_object_get(providers, k->site->name) : NULL;
        if (o && !json_object_get(o, "domains"))
            json_object_set_new(o, "domains", json_array());
        if (o)
            json_array_append_new(json_object_get(o, "domains"),
                                  json_sprintf("%s%s", *k->name == '.' ? "*" : "", k->name));
    }
}

void kr_policy_show(const struct kr_policy *p, struct kr_buf *out)
{
    json_t *o = json_object(), *providers = json_object();
    json_object_set_new(o, "seed", json_integer((json_int_t)p->seed));
    json_object_set_new(o, "compat", json_string(p->compat ? "kumo" : "none"));
    json_object_set_new(o, "special", json_boolean(p->special));
    json_object_set_new(o, "rules", json_integer((json_int_t)p->rules));
    json_object_set_new(o, "default", show_site(p->site[0]));
    for (size_t i = 1; i < p->sites; i++)
        json_object_set_new(providers, p->site[i]->name, show_site(p->site[i]));
    show_domains(p, providers);
    json_object_set_new(o, "providers", providers);
    KR_AUTO_FREE char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    kr_buf_printf(out, "%s", text ? text : "{}");
}

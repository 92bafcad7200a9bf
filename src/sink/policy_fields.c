#include "policy_load.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int load_bad(struct load *l, const struct kr_toml_value *v, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return kr_fail(l->e, KR_USAGE, 0, "%s:%u: %s", kr_toml_name(l->doc), kr_toml_line(v), text);
}

static const char *name_of(const struct kr_toml_value *v)
{
    const char *key = kr_toml_key(v);
    return key ? key : "an element";
}

int load_want(struct load *l, const struct kr_toml_value *v, enum kr_toml_type type)
{
    if (kr_toml_type(v) == type)
        return 0;
    return load_bad(l, v, "%s is a %s; it should be a %s", name_of(v),
                    kr_toml_type_name(kr_toml_type(v)), kr_toml_type_name(type));
}

static const struct field *find(const struct fields *f, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->row[i].key, key) == 0)
            return &f->row[i];
    return NULL;
}

static int unknown(struct load *l, const struct kr_toml_value *v, const struct fields *f)
{
    char list[400] = "";
    for (size_t i = 0, n = 0; i < f->n && n + 40 < sizeof list; i++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", f->row[i].key);
    return load_bad(l, v, "there is no key '%.60s' here; there are: %s", kr_toml_key(v), list);
}

int load_fields(struct load *l, const struct kr_toml_value *table, const struct fields *f,
                void *into)
{
    if (load_want(l, table, KR_TOML_TABLE))
        return -1;
    for (size_t i = 0; i < kr_toml_count(table); i++) {
        const struct kr_toml_value *v = kr_toml_at(table, i);
        const struct field *row = find(f, kr_toml_key(v));
        if (!row)
            return unknown(l, v, f);
        if (row->set(l, v, row, (char *)into + row->offset))
            return -1;
    }
    return 0;
}

int set_bool(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    if (load_want(l, v, KR_TOML_BOOL))
        return -1;
    *(bool *)at = kr_toml_bool(v);
    return 0;
}

int set_number(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    bool whole = kr_toml_type(v) == KR_TOML_INTEGER;
    (void)f;
    if (!whole && load_want(l, v, KR_TOML_FLOAT))
        return -1;
    double x = whole ? (double)kr_toml_integer(v) : kr_toml_float(v);
    if (!(x >= 0 && x <= 1e9))
        return load_bad(l, v, "%s = %g is not a number from 0 to 1e9", name_of(v), x);
    *(double *)at = x;
    return 0;
}

int set_percent(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    double x = 0;
    if (set_number(l, v, f, &x))
        return -1;
    if (x > 100)
        return load_bad(l, v, "%s = %g is more than 100 percent", name_of(v), x);
    *(double *)at = x / 100;
    return 0;
}

int set_count(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    if (load_want(l, v, KR_TOML_INTEGER))
        return -1;
    int64_t x = kr_toml_integer(v);
    if (x < 0 || x > UINT32_MAX)
        return load_bad(l, v, "%s = %lld is not a count", name_of(v), (long long)x);
    *(uint64_t *)at = (uint64_t)x;
    return 0;
}

int set_choice(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    size_t n;
    if (load_want(l, v, KR_TOML_STRING))
        return -1;
    const char *text = kr_toml_string(v, &n);
    char list[200] = "";
    for (size_t i = 0, used = 0; f->words[i] && used < sizeof list; i++) {
        if (strcmp(f->words[i], text) == 0) {
            *(uint64_t *)at = i;
            return 0;
        }
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", f->words[i]);
    }
    return load_bad(l, v, "%s = '%.60s' is none of: %s", name_of(v), text, list);
}

/* A string, or an array of them: each is given to one(). */
static int each_string(struct load *l, const struct kr_toml_value *v, void *at,
                       int (*one)(struct load *l, const struct kr_toml_value *v, const char *text,
                                  void *at))
{
    bool list = kr_toml_type(v) == KR_TOML_ARRAY;
    size_t n = list ? kr_toml_count(v) : 1, len;
    for (size_t i = 0; i < n; i++) {
        const struct kr_toml_value *s = list ? kr_toml_at(v, i) : v;
        if (load_want(l, s, KR_TOML_STRING))
            return -1;
        const char *text = kr_toml_string(s, &len);
        if (!len || strlen(text) != len)
            return load_bad(l, s, "'%s' can't be matched", text);
        if (one(l, s, text, at))
            return -1;
    }
    return n ? 0 : load_bad(l, v, "%s is empty", name_of(v));
}

static int add_pattern(struct load *l, const struct kr_toml_value *v, const char *text, void *at)
{
    struct patterns *p = at;
    (void)l;
    (void)v;
    p->v = kr_grow(p->v, &p->cap, p->n + 1, sizeof(char *));
    p->v[p->n++] = kr_strdup(text);
    return 0;
}

int set_patterns(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    return each_string(l, v, at, add_pattern);
}

static int add_prefix(struct load *l, const struct kr_toml_value *v, const char *text, void *at)
{
    struct kr_prefix p;
    struct kr_err why = {0};
    if (kr_prefix_parse(text, &p, &why))
        return load_bad(l, v, "%s", why.msg);
    kr_prefixset_add(at, &p);
    return 0;
}

int set_prefixes(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    if (each_string(l, v, at, add_prefix))
        return -1;
    kr_prefixset_normalize(at);
    return 0;
}

/* ---- durations and delays -----------------------------------------------------------------------
 */

static const struct {
    const char *name;
    double ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

static int get_duration(struct load *l, const struct kr_toml_value *v, double *ms)
{
    char *end = NULL;
    size_t n;
    if (load_want(l, v, KR_TOML_STRING))
        return -1;
    const char *text = kr_toml_string(v, &n);
    double x = *text >= '0' && *text <= '9' ? strtod(text, &end) : -1;
    for (size_t i = 0; end && i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].name) == 0 && x * units[i].ms <= 86400000.0 * 365) {
            *ms = x * units[i].ms;
            return 0;
        }
    return load_bad(l, v, "%s = '%.60s' is no duration like '200ms', '1.5s', '5m', '4h', '1d'",
                    name_of(v), text);
}

int set_duration(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    double ms = 0;
    (void)f;
    if (get_duration(l, v, &ms))
        return -1;
    *(uint64_t *)at = (uint64_t)ms;
    return 0;
}

static int set_ms(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    return get_duration(l, v, at);
}

static int set_uniform(struct load *l, const struct kr_toml_value *v, const struct field *f,
                       void *at)
{
    struct delay *d = at;
    (void)f;
    if (load_want(l, v, KR_TOML_ARRAY))
        return -1;
    if (kr_toml_count(v) != 2 || get_duration(l, kr_toml_at(v, 0), &d->a) ||
        get_duration(l, kr_toml_at(v, 1), &d->b) || d->b < d->a)
        return load_bad(l, v, "uniform wants two durations, the shorter one first");
    d->kind = DELAY_UNIFORM;
    return 0;
}

static int set_median(struct load *l, const struct kr_toml_value *v, const struct field *f,
                      void *at)
{
    struct delay *d = at;
    d->kind = DELAY_LOGNORMAL;
    return set_ms(l, v, f, &d->a);
}

static const struct field delay_rows[] = {
    {"uniform", set_uniform, 0, NULL},
    {"lognormal", set_median, 0, NULL},
    {"sigma", set_number, offsetof(struct delay, b), NULL},
};

int set_delay(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    static const struct fields rows = {delay_rows, sizeof delay_rows / sizeof *delay_rows};
    struct delay *d = at;
    (void)f;
    *d = (struct delay){.kind = DELAY_FIXED, .b = 0.5};
    if (kr_toml_type(v) == KR_TOML_STRING)
        return get_duration(l, v, &d->a);
    if (load_fields(l, v, &rows, d))
        return -1;
    if (d->kind == DELAY_FIXED || (d->kind == DELAY_LOGNORMAL && d->b > 10))
        return load_bad(l, v,
                        "a delay is a duration, {uniform = [a, b]} or "
                        "{lognormal = median, sigma = 0 to 10}");
    return 0;
}

/* ---- answers ------------------------------------------------------------------------------------
 */

int set_text(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    *(const struct kr_toml_value **)at = v;
    return load_want(l, v, KR_TOML_STRING);
}

static const struct field answer_rows[] = {
    {"code", set_count, offsetof(struct raw_answer, code), NULL},
    {"msg", set_text, offsetof(struct raw_answer, msg), NULL},
    {"weight", set_number, offsetof(struct raw_answer, weight), NULL},
};

int load_answer(struct load *l, const struct kr_toml_value *v, const struct raw_answer *raw,
                struct kr_answers *to)
{
    struct kr_answer a;
    struct kr_err why = {0};
    size_t n = 0;
    if (raw->code < 400 || raw->code > 599)
        return load_bad(l, v, "code = %u is not from 400 to 599", (unsigned)raw->code);
    const char *text = raw->msg ? kr_toml_string(raw->msg, &n) : "";
    if (kr_answer_make(&a, (int)raw->code, text, n, &why))
        return load_bad(l, raw->msg, "msg = %s", why.msg);
    a.weight = raw->weight;
    kr_answers_add(to, &a);
    return 0;
}

static int add_answer(struct load *l, const struct kr_toml_value *v, struct kr_answers *to)
{
    static const struct fields rows = {answer_rows, sizeof answer_rows / sizeof *answer_rows};
    struct raw_answer raw = {.weight = 1};
    return load_fields(l, v, &rows, &raw) ? -1 : load_answer(l, v, &raw, to);
}

int set_answers(struct load *l, const struct kr_toml_value *v, const struct field *f, void *at)
{
    (void)f;
    if (l->replace)
        kr_answers_free(at);
    if (kr_toml_type(v) != KR_TOML_ARRAY)
        return add_answer(l, v, at);
    for (size_t i = 0; i < kr_toml_count(v); i++)
        if (add_answer(l, kr_toml_at(v, i), at))
            return -1;
    return 0;
}

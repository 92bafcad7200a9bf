#include <kr/opt.h>

#include <kr/err.h>
#include <kr/toml.h>

#include "opt_internal.h"

#include <stdbool.h>
#include <string.h>

/* What an option of each kind takes, as one bit a type, and how that is said. */
#define BIT(type) (1u << KR_TOML_##type)
static const struct {
    unsigned types;
    const char *say;
} takes[] = {
    [KR_OPT_FLAG] = {BIT(BOOL), "true or false"},
    [KR_OPT_STRING] = {BIT(STRING), "a string"},
    [KR_OPT_UINT] = {BIT(INTEGER), "an integer"},
    [KR_OPT_CHOICE] = {BIT(STRING), "a string"},
    [KR_OPT_LIST] = {BIT(STRING) | BIT(INTEGER) | BIT(ARRAY), "strings or integers"},
    [KR_OPT_CALL] = {BIT(STRING) | BIT(INTEGER) | BIT(ARRAY), "strings or integers"},
};
_Static_assert(sizeof takes / sizeof *takes == KR_OPT_CALL + 1, "a row for each kind");

struct site {
    const struct kr_toml *doc;
    const struct kr_opt *option;
    void *target;
};

static int fail_type(const struct site *s, const struct kr_toml_value *v, struct kr_err *e)
{
    enum kr_toml_type t = kr_toml_type(v);
    return kr_fail(e, KR_USAGE, 0, "%s:%u: '%s' takes %s, not %s %s", kr_toml_name(s->doc),
                   kr_toml_line(v), s->option->name, takes[s->option->kind].say,
                   t == KR_TOML_INTEGER || t == KR_TOML_ARRAY ? "an" : "a", kr_toml_type_name(t));
}

static int set_one(const struct site *s, const struct kr_toml_value *v, struct kr_err *e)
{
    bool number = kr_toml_type(v) == KR_TOML_INTEGER;
    size_t len = 0;
    const char *text = number ? kr_toml_decimal(v) : kr_toml_string(v, &len);
    if (!number && strlen(text) != len)
        return kr_fail(e, KR_USAGE, 0, "%s:%u: '%s' holds a NUL character after '%s'",
                       kr_toml_name(s->doc), kr_toml_line(v), s->option->name, text);
    if (kr_opt_set(s->option, s->target, text, e))
        return kr_wrap(e, "%s:%u", kr_toml_name(s->doc), kr_toml_line(v));
    return 0;
}

static int set_value(const struct site *s, const struct kr_toml_value *v, struct kr_err *e)
{
    unsigned types = takes[s->option->kind].types;
    if (!(types >> kr_toml_type(v) & 1))
        return fail_type(s, v, e);
    if (kr_toml_type(v) == KR_TOML_BOOL) {
        *(bool *)(void *)((char *)s->target + s->option->offset) = kr_toml_bool(v);
        return 0;
    }
    if (kr_toml_type(v) != KR_TOML_ARRAY)
        return set_one(s, v, e);
    for (size_t i = 0; i < kr_toml_count(v); i++) {
        const struct kr_toml_value *item = kr_toml_at(v, i);
        bool array = kr_toml_type(item) == KR_TOML_ARRAY;
        if (array || !(types >> kr_toml_type(item) & 1))
            return fail_type(s, item, e);
        if (set_one(s, item, e))
            return -1;
    }
    return 0;
}

static const struct kr_opt *find(const struct kr_opt_target *targets, size_t n, const char *key,
                                 size_t len, void **target)
{
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < targets[t].table->n; i++) {
            const struct kr_opt *o = &targets[t].table->rows[i];
            if (strlen(o->name) == len && memcmp(o->name, key, len) == 0) {
                *target = targets[t].target;
                return o;
            }
        }
    return NULL;
}

static int unknown(const struct kr_opt_target *targets, size_t n, const struct kr_toml *doc,
                   const struct kr_toml_value *v, struct kr_err *e)
{
    void *target;
    if (strlen(kr_toml_key(v)) != kr_toml_key_len(v))
        return kr_fail(e, KR_USAGE, 0, "%s:%u: a key holds a NUL character after '%s'",
                       kr_toml_name(doc), kr_toml_line(v), kr_toml_key(v));
    const char *near = kr_opt_nearest(targets, n, kr_toml_key(v));
    const struct kr_opt *o = near ? find(targets, n, near, strlen(near), &target) : NULL;
    bool name_it = o && !(o->flags & KR_OPT_NO_CONFIG);
    return kr_fail(e, KR_USAGE, 0, "%s:%u: unknown key '%s'%s%s%s", kr_toml_name(doc),
                   kr_toml_line(v), kr_toml_key(v), name_it ? "; did you mean '" : "",
                   name_it ? near : "", name_it ? "'?" : "");
}

int kr_opt_from_toml(const struct kr_opt_target *targets, size_t n, const struct kr_toml *doc,
                     struct kr_err *e)
{
    const struct kr_toml_value *root = kr_toml_root(doc);
    for (size_t i = 0; i < kr_toml_count(root); i++) {
        const struct kr_toml_value *v = kr_toml_at(root, i);
        struct site s = {.doc = doc};
        s.option = find(targets, n, kr_toml_key(v), kr_toml_key_len(v), &s.target);
        if (!s.option)
            return unknown(targets, n, doc, v, e);
        if (s.option->flags & KR_OPT_NO_CONFIG)
            return kr_fail(e, KR_USAGE, 0, "%s:%u: '%s' is for the command line only",
                           kr_toml_name(doc), kr_toml_line(v), s.option->name);
        if (set_value(&s, v, e))
            return -1;
    }
    return 0;
}

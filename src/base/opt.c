#include <kr/opt.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/near.h>

#include "opt_internal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void kr_strlist_add(struct kr_strlist *l, const char *s)
{
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
    l->v[l->n++] = s;
}

void kr_strlist_free(struct kr_strlist *l)
{
    free(l->v);
    memset(l, 0, sizeof *l);
}

const char *kr_opt_nearest(const struct kr_opt_target *targets, size_t n, const char *name)
{
    struct kr_near near;
    kr_near_begin(&near, name);
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < targets[t].table->n; i++)
            kr_near_offer(&near, targets[t].table->rows[i].name);
    return near.best;
}

static int set_uint(const struct kr_opt *o, void *field, const char *value, struct kr_err *e)
{
    size_t n = strspn(value, "0123456789");
    unsigned long long v = n && n < 20 ? strtoull(value, NULL, 10) : 0;
    bool number = n && n < 20 && value[n] == '\0';
    if (!number || v < o->min || v > o->max)
        return kr_fail(e, KR_USAGE, 0, "--%s '%s' is not a number of %llu to %llu", o->name, value,
                       (unsigned long long)o->min, (unsigned long long)o->max);
    *(uint64_t *)field = v;
    return 0;
}

static int set_choice(const struct kr_opt *o, void *field, const char *value, struct kr_err *e)
{
    char all[256] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            *(int *)field = i;
            return 0;
        }
        if (strlen(all) + strlen(o->choices[i]) + 3 < sizeof all) {
            strcat(all, i ? ", " : "");
            strcat(all, o->choices[i]);
        }
    }
    return kr_fail(e, KR_USAGE, 0, "--%s '%s' is none of: %s", o->name, value, all);
}

int kr_opt_set(const struct kr_opt *o, void *target, const char *value, struct kr_err *e)
{
    void *field = (char *)target + o->offset;
    switch (o->kind) {
    case KR_OPT_FLAG:
        *(bool *)field = true;
        return 0;
    case KR_OPT_STRING:
        *(const char **)field = value;
        return 0;
    case KR_OPT_UINT:
        return set_uint(o, field, value, e);
    case KR_OPT_CHOICE:
        return set_choice(o, field, value, e);
    case KR_OPT_LIST:
        kr_strlist_add(field, value);
        return 0;
    case KR_OPT_CALL:
        return o->call(target, value, e);
    }
    return kr_fail(e, KR_INTERNAL, 0, "--%s has no kind", o->name);
}

struct parse {
    const struct kr_opt_target *targets;
    size_t n;
    int argc, at;
    char **argv;
    bool seen[256]; /* lists given on the command line: the first one empties what a file said */
};

/* Finds by name (of len bytes) or, with name NULL, by letter. *index counts over all tables. */
static const struct kr_opt *find(struct parse *p, const char *name, size_t len, char letter,
                                 void **target, size_t *index)
{
    *index = 0;
    for (size_t t = 0; t < p->n; t++)
        for (size_t i = 0; i < p->targets[t].table->n; i++, (*index)++) {
            const struct kr_opt *o = &p->targets[t].table->rows[i];
            bool hit = name ? strlen(o->name) == len && strncmp(o->name, name, len) == 0
                            : letter && o->letter == letter;
            if (hit) {
                *target = p->targets[t].target;
                return o;
            }
        }
    return NULL;
}

static int apply(struct parse *p, const struct kr_opt *o, void *target, size_t index,
                 const char *value, struct kr_err *e)
{
    if (o->kind == KR_OPT_LIST && index < sizeof p->seen && !p->seen[index]) {
        p->seen[index] = true;
        ((struct kr_strlist *)(void *)((char *)target + o->offset))->n = 0;
    }
    return kr_opt_set(o, target, value, e);
}

static int unknown(struct parse *p, const char *word, size_t len, struct kr_err *e)
{
    char name[64];
    size_t n = len < sizeof name - 1 ? len : sizeof name - 1;
    memcpy(name, word, n);
    name[n] = '\0';
    const char *near = kr_opt_nearest(p->targets, p->n, name);
    return kr_fail(e, KR_USAGE, 0, "unknown option --%s%s%s%s", name,
                   near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static int missing(const struct kr_opt *o, struct kr_err *e)
{
    return kr_fail(e, KR_USAGE, 0, "--%s needs a value: %s", o->name, o->arg ? o->arg : "VALUE");
}

static int parse_long(struct parse *p, const char *word, struct kr_err *e)
{
    size_t len = strcspn(word, "="), index;
    void *target = NULL;
    const struct kr_opt *o = find(p, word, len, 0, &target, &index);
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (!o)
        return unknown(p, word, len, e);
    if (o->kind == KR_OPT_FLAG && value)
        return kr_fail(e, KR_USAGE, 0, "--%s takes no value, but '%s' was given", o->name, value);
    if (o->kind != KR_OPT_FLAG && !value) {
        if (p->at + 1 >= p->argc)
            return missing(o, e);
        value = p->argv[++p->at];
    }
    return apply(p, o, target, index, value, e);
}

/* "-q", "-qv", "-cFILE", "-c FILE". */
static int parse_letters(struct parse *p, const char *letters, struct kr_err *e)
{
    for (; *letters; letters++) {
        size_t index;
        void *target = NULL;
        const struct kr_opt *o = find(p, NULL, 0, *letters, &target, &index);
        if (!o)
            return kr_fail(e, KR_USAGE, 0, "unknown option -%c", *letters);
        if (o->kind == KR_OPT_FLAG) {
            if (apply(p, o, target, index, NULL, e))
                return -1;
            continue;
        }
        const char *value = letters[1] ? letters + 1 : NULL;
        if (!value && p->at + 1 >= p->argc)
            return missing(o, e);
        return apply(p, o, target, index, value ? value : p->argv[++p->at], e);
    }
    return 0;
}

int kr_opt_parse(const struct kr_opt_target *targets, size_t n, int argc, char **argv,
                 int stop_at_operand, struct kr_strlist *operands, struct kr_err *e)
{
    struct parse p = {.targets = targets, .n = n, .argc = argc, .argv = argv};
    bool ended = false;
    for (p.at = 1; p.at < argc; p.at++) {
        const char *word = argv[p.at];
        bool operand = ended || word[0] != '-' || word[1] == '\0';
        if (operand) {
            kr_strlist_add(operands, word);
            ended |= stop_at_operand != 0;
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else if (word[1] == '-' ? parse_long(&p, word + 2, e) : parse_letters(&p, word + 1, e)) {
            return -1;
        }
    }
    return 0;
}

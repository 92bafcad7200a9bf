#include <kr/run_numbers.h>

#include <kr/mem.h>

#include <stdio.h>
#include <string.h>

#define NAME_OF(name) #name,
static const char *const groups[] = {KR_RUN_GROUP_LIST(NAME_OF)};

const char *kr_run_group_name(enum kr_run_group g)
{
    return groups[g];
}

const struct kr_number *kr_numbers_find(const struct kr_numbers *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].name, name) == 0)
            return &l->v[i];
    return NULL;
}

uint64_t kr_numbers_get(const struct kr_numbers *l, const char *name)
{
    const struct kr_number *x = kr_numbers_find(l, name);
    return x ? x->n : 0;
}

static struct kr_number *have(struct kr_numbers *l, const char *name)
{
    char cut[sizeof l->v->name];
    snprintf(cut, sizeof cut, "%s", name);
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].name, cut) == 0)
            return &l->v[i];
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
    struct kr_number *x = &l->v[l->n++];
    memcpy(x->name, cut, sizeof cut);
    x->n = 0;
    return x;
}

void kr_numbers_set(struct kr_numbers *l, const char *name, uint64_t n)
{
    have(l, name)->n = n;
}

void kr_numbers_add(struct kr_numbers *l, const char *name, uint64_t n)
{
    have(l, name)->n += n;
}

bool kr_numbers_minus(const struct kr_numbers *after, const struct kr_numbers *before,
                      struct kr_numbers *to)
{
    for (size_t i = 0; i < before->n; i++)
        if (before->v[i].n && kr_numbers_get(after, before->v[i].name) < before->v[i].n)
            return false;
    for (size_t i = 0; i < after->n; i++)
        kr_numbers_set(to, after->v[i].name,
                       after->v[i].n - kr_numbers_get(before, after->v[i].name));
    return true;
}

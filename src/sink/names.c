#include <kr/sink_names.h>

#include <kr/shared.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

struct kr_names {
    _Atomic size_t n;
    char name[KR_SINK_PROVIDERS][KR_SINK_NAME_MAX + 1];
};

struct kr_names *kr_names_make(struct kr_err *e)
{
    struct kr_names *n = kr_shared_make(sizeof *n, "names", e);
    if (n)
        kr_names_add(n, "other");
    return n;
}

void kr_names_free(struct kr_names *n)
{
    kr_shared_free(n, sizeof *n);
}

size_t kr_names_count(const struct kr_names *n)
{
    return atomic_load_explicit(&n->n, memory_order_acquire);
}

const char *kr_names_get(const struct kr_names *n, size_t i)
{
    return n->name[i];
}

static bool is(const struct kr_names *n, size_t i, const char *name)
{
    return strncmp(n->name[i], name, KR_SINK_NAME_MAX) == 0;
}

unsigned kr_names_find(const struct kr_names *n, const char *name)
{
    for (size_t i = 0; i < kr_names_count(n); i++)
        if (is(n, i, name))
            return (unsigned)i;
    return 0;
}

void kr_names_add(struct kr_names *n, const char *name)
{
    size_t i = kr_names_count(n);
    if (i == KR_SINK_PROVIDERS || kr_names_find(n, name) || (i && is(n, 0, name)))
        return;
    size_t len = strlen(name);
    memcpy(n->name[i], name, len > KR_SINK_NAME_MAX ? KR_SINK_NAME_MAX : len);
    atomic_store_explicit(&n->n, i + 1, memory_order_release);
}

#include "queue_ids.h"

#include <kr/fnv.h>
#include <kr/mem.h>

#include <stdlib.h>

/* Of a million ids two are one by chance once in thirty million times, and never all. */
void kr_queue_ids_add(struct kr_queue_ids *ids, const char *id, size_t len)
{
    ids->v = kr_grow(ids->v, &ids->cap, ids->n + 1, sizeof *ids->v);
    ids->v[ids->n++] = kr_fnv1a(KR_FNV1A_BASIS, id, len);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t kr_queue_ids_count(struct kr_queue_ids *ids)
{
    size_t kept = 0;
    if (ids->n)
        qsort(ids->v, ids->n, sizeof *ids->v, compare);
    for (size_t i = 0; i < ids->n; i++)
        if (!kept || ids->v[kept - 1] != ids->v[i])
            ids->v[kept++] = ids->v[i];
    return ids->n = kept;
}

void kr_queue_ids_free(struct kr_queue_ids *ids)
{
    free(ids->v);
    *ids = (struct kr_queue_ids){0};
}

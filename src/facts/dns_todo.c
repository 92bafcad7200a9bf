#include "dns_todo.h"

#include <kr/mem.h>

#include <string.h>

void kr_todo_add(struct todo *t, unsigned kind, uint32_t of)
{
    if (t->first == t->n)
        t->first = t->n = 0;
    if (t->n == t->cap && t->first > t->n / 2) {
        memmove(t->v, t->v + t->first, (t->n - t->first) * sizeof *t->v);
        t->n -= t->first;
        t->first = 0;
    }
    t->v = kr_grow(t->v, &t->cap, t->n + 1, sizeof *t->v);
    t->v[t->n++] = (uint64_t)kind << 32 | of;
}

bool kr_todo_take(struct todo *t, unsigned *kind, uint32_t *of)
{
    if (t->first == t->n)
        return false;
    uint64_t x = t->v[t->first++];
    *kind = (unsigned)(x >> 32);
    *of = (uint32_t)x;
    return true;
}

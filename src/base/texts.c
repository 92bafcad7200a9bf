#include <kr/texts.h>

#include <kr/mem.h>

void kr_texts_add(struct kr_texts *l, const char *s)
{
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
    l->v[l->n++] = kr_strdup(s);
}

void kr_texts_free(struct kr_texts *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l->v);
    *l = (struct kr_texts){0};
}

/* A growing list of strings of its own. */
#ifndef KR_TEXTS_H
#define KR_TEXTS_H

#include <stddef.h>

struct kr_texts {
    char **v;
    size_t n, cap;
};
void kr_texts_add(struct kr_texts *l, const char *s); /* copies it */
void kr_texts_free(struct kr_texts *l);

#endif

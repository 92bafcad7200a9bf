/* A growing list of strings that belong to someone else. */
#ifndef KR_STRLIST_H
#define KR_STRLIST_H

#include <stddef.h>

struct kr_strlist {
    const char **v;
    size_t n, cap;
};
void kr_strlist_add(struct kr_strlist *l, const char *s); /* keeps the pointer, not a copy */
void kr_strlist_free(struct kr_strlist *l);

#endif

/* "Did you mean": the name nearest to one that is unknown. */
#ifndef KR_NEAR_H
#define KR_NEAR_H

#include <stddef.h>

struct kr_near {
    const char *name, *best; /* best: NULL when none offered so far is near */
    size_t at;
};
void kr_near_begin(struct kr_near *n, const char *name);
/* Keeps the candidate when it is nearer than those before (Levenshtein distance). */
void kr_near_offer(struct kr_near *n, const char *candidate);

#endif

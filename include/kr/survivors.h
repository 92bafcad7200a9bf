/* What a mail server keeps in mind of a test, and acts upon after it. */
#ifndef KR_SURVIVORS_H
#define KR_SURVIVORS_H

#include <stdbool.h>
#include <stddef.h>

struct kr_queues;

struct kr_survivor {
    const char *mta; /* id of its kind (kr/mta.h) */
    const char *what, *remedy;
};
extern const struct kr_survivor kr_survivors[];
extern const size_t kr_n_survivors;
/* Does it concern one of these mail servers? */
bool kr_survivor_applies(const struct kr_survivor *s, const struct kr_queues *q);

#endif

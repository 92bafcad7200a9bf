/* The watch while a run watches by itself. */
#ifndef KR_WATCH_ASIDE_H
#define KR_WATCH_ASIDE_H

#include <stdbool.h>

struct kr_err;
struct kr_watch;

/* Lets another process watch until the connection `asked`, which it takes over, ends. Returns the
 * answer to it. */
const char *kr_watch_stand_aside(struct kr_watch *w, int *asked);
bool kr_watch_is_aside(const struct kr_watch *w);
void kr_watch_aside_ended(struct kr_watch *w);
void kr_watch_return(struct kr_watch *w); /* when it can, and it is due */
/* This process becomes the one that watches: the record is its. -1 (KR_CANNOT): another one is. */
int kr_watch_become(struct kr_watch *w, struct kr_err *e);

#endif

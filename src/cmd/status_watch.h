/* status --watch. */
#ifndef KR_STATUS_WATCH_H
#define KR_STATUS_WATCH_H

#include <kr/cmd.h>
#include <kr/screen.h>

/* Looks again and again until it is ended: a screen when standard output is a terminal, else a line
 * each time. *last is the last look, to be freed. Returns 0, or -1. */
int kr_status_watch(const struct kr_common *c, const struct kr_paths *paths, uint64_t every,
                    struct kr_look *last, struct kr_err *e);

#endif

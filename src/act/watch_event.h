/* What the watch tells, and the problems that last. */
#ifndef KR_WATCH_EVENT_H
#define KR_WATCH_EVENT_H

#include <kr/watch.h>

/* Told once, and once more when it is over. */
struct kr_ongoing {
    char id[64];
    uint64_t hash; /* of what was said */
    bool seen;     /* in the present round */
};

void kr_watch_tell(struct kr_watch *w, enum kr_event_kind kind, bool breach, const char *id,
                   unsigned us, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* A problem that lasts: told when it is new or another than before. */
void kr_watch_problem(struct kr_watch *w, const char *id, const char *what);
/* A round of checks (ids that begin with KR_WATCH_CHECK) or of looks (all others): what was not
 * seen again between its beginning and its end is over. */
#define KR_WATCH_CHECK "check "
void kr_watch_round(struct kr_watch *w, bool checks);
void kr_watch_settle(struct kr_watch *w, bool checks);
bool kr_watch_has_problem(const struct kr_watch *w, const char *check);

#endif

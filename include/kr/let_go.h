/* The record of a `down --force`: what was queued when the guards were taken away all the same. */
#ifndef KR_LET_GO_H
#define KR_LET_GO_H

#include <kr/state.h>

struct kr_err;
struct kr_queues;

struct kr_let_go {
    char at[32];    /* RFC 3339, UTC; "": never */
    char what[400]; /* for people: "Postfix (/etc/postfix): 12 messages queued" */
};
/* Written before the guards go, and kept until a down that finds every queue empty. Returns 0, or
 * -1 (KR_CANNOT). `why`: what could not be told, or NULL. */
int kr_let_go_write(const struct kr_paths *paths, const struct kr_queues *q, const char *why,
                    struct kr_err *e);
void kr_let_go_read(const struct kr_paths *paths, struct kr_let_go *out);
struct json_t *kr_let_go_json(const struct kr_let_go *l); /* {at, what} or null; the caller's */
int kr_let_go_forget(const struct kr_paths *paths, struct kr_err *e);

/* One line about a queue: "Postfix (/etc/postfix): 12 messages, 3 of them on hold". */
struct kr_buf;
struct kr_queue;
void kr_queue_line(const struct kr_queue *q, struct kr_buf *out);

#endif

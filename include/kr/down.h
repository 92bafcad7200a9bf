/* down: redirect → blocked → off, and off only when no test mail is left that could go out. */
#ifndef KR_DOWN_H
#define KR_DOWN_H

#include <kr/queue.h>
#include <kr/up.h>

struct kr_down_how {
    bool force; /* off although mail is queued, or may be: recorded (kr/let_go.h) */
    bool purge; /* throw away what is queued, once it is blocked */
    struct kr_queue_how queue;
    kr_stage_cb on_stage;
    bool (*may_purge)(const struct kr_queues *q, void *arg); /* asked before; NULL: yes */
    /* After each look while something is waited for: so many seconds are left. */
    void (*on_look)(const struct kr_queues *q, unsigned seconds, void *arg);
    void *arg;
};
struct kr_down_result {
    enum kr_ended ended; /* KR_ENDED_OFF, KR_ENDED_BLOCKED: refused */
    bool was_off, forced, purged;
    struct kr_queues queues; /* as they answered last */
    struct kr_cut_count cut;
    struct kr_buf *account; /* the sink's last words, JSON; may be NULL */
};

/* redirect → blocked → off. Needs the lock. Finds leftovers without a state file too. Every mail
 * server is asked for its queue twice, right before the guards go, and once more between tries of a
 * purge (30 s). What is queued or can't be told leaves it blocked: that is no error. A message that
 * is handed in after the last answer is not seen: end the generator first. */
int kr_down(const struct kr_paths *paths, const struct kr_down_how *how, struct kr_down_result *out,
            struct kr_err *e);
void kr_down_result_free(struct kr_down_result *r);

/* Waits until every queue is empty, at most so many seconds; whatever stands goes on standing, so
 * that a sink can take what is left. Needs no lock. 1: empty; 0: time is over; -1 (KR_CANNOT:
 * interrupted). */
int kr_down_drain(const struct kr_down_how *how, unsigned seconds, struct kr_err *e);

#endif

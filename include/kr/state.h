/* What `up` leaves behind for `status`, `down` and the next `up`: one JSON file a network
 * namespace, named after its inode number, under /run/kumo-redirect. */
#ifndef KR_STATE_H
#define KR_STATE_H

#include <kr/places.h>
#include <kr/plan.h>

#include <sys/types.h>

struct kr_paths {
    char state[96], lock[96], control[96], log[96], evidence[96];
    char watch[96], watch_control[96], events[96], let_go[96];
};
/* The files of the current network namespace; makes the folder (0755) when it is missing. */
int kr_paths_find(struct kr_paths *out, struct kr_err *e);

struct kr_state {
    struct kr_plan plan;
    char since[32]; /* RFC 3339, UTC */
    char nonce[40]; /* of the built-in sink; "" without one */
    char hole[16];  /* kind of the hole device */
    pid_t sink_pid; /* 0 without one */
};

/* Locks the namespace against other runs (flock(2)), waiting at most so many milliseconds; the
 * descriptor holds the lock. Returns it, or -1 (KR_CANNOT, names the process that holds it). */
int kr_state_lock(const struct kr_paths *paths, unsigned wait_ms, struct kr_err *e);
/* 1: read; 0: there is none; -1 (KR_UNKNOWN): unreadable or not ours. */
int kr_state_read(const struct kr_paths *paths, struct kr_state *out, struct kr_err *e);
/* Written to a temporary file and renamed: the old one or the new one, never a part. Not synced:
 * the folder is gone after a crash of the machine anyway, as are the rules. With `rehearse` the
 * temporary file is removed instead: proof that the real one could be written. */
int kr_state_write(const struct kr_paths *paths, const struct kr_state *s, bool rehearse,
                   struct kr_err *e);
int kr_state_remove(const struct kr_paths *paths, struct kr_err *e);
/* Removes the evidence, which is about one state and goes with it. Returns 0, also when there is
 * none, or -1 (KR_CANNOT). */
int kr_evidence_drop(const struct kr_paths *paths, struct kr_err *e);
void kr_state_free(struct kr_state *s);
void kr_state_now(char out[static 32]);

#endif

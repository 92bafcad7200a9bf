/* The watch of a network namespace, as other processes see it: who it is, and how it is asked to
 * let go of the tables. */
#ifndef KR_WATCHER_H
#define KR_WATCHER_H

#include <kr/state.h>

#include <stdint.h>

struct kr_watcher {
    pid_t pid;
    uint64_t start; /* of the process, in clock ticks since boot (proc(5), field 22 of stat) */
    uint32_t port;  /* of the netlink socket that owns the tables; 0: they belong to nobody */
    char since[32]; /* RFC 3339, UTC */
};
/* 1: one lives, and holds its record locked; 0: none; -1 (KR_UNKNOWN): one lives, but its record
 * can't be read. */
int kr_watcher_find(const struct kr_paths *paths, struct kr_watcher *out, struct kr_err *e);
/* Asks a watch to give the tables up, at most 10 s; they stay as they are, and belong to nobody.
 * It takes them again once the lock of the state, which the caller holds, is free. Nobody there is
 * fine. -1: KR_CANNOT when it refuses or does not answer. */
int kr_watcher_release(const struct kr_paths *paths, struct kr_err *e);
/* Asks a watch to let the caller's own be the only one, in the same way. It is back once *held is
 * closed, by whatever end of the caller; -1 there: nobody watched. */
int kr_watcher_aside(const struct kr_paths *paths, int *held, struct kr_err *e);
#define KR_WATCH_RELEASE "release\n"
#define KR_WATCH_ASIDE "stand aside\n"

/* For the watch itself: becomes the only one (-1, KR_CANNOT: there is one already). The descriptor
 * holds the record until it is closed. */
int kr_watcher_become(const struct kr_paths *paths, struct kr_err *e);
int kr_watcher_write(int record, const struct kr_watcher *w, struct kr_err *e);

#endif

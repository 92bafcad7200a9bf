/* Raising: hooks and the signal. */
#ifndef KR_WATCH_HOOK_H
#define KR_WATCH_HOOK_H

#include <kr/watch.h>

#include <stddef.h>

struct kr_hooks {
    int running; /* pidfd, or -1 */
    uint64_t deadline;
    char *queue[16];
    size_t n;
};

void kr_watch_raise(struct kr_watch *w, const char *json);
void kr_watch_hook_ended(struct kr_watch *w);
void kr_watch_hooks_late(struct kr_watch *w); /* kills one that hangs */
void kr_watch_hooks_end(struct kr_watch *w);  /* waits for them */

#endif

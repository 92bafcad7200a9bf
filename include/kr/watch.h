/* Watching what stands: holds the tables, mends what is ours, fences new ways out, and tells. */
#ifndef KR_WATCH_H
#define KR_WATCH_H

#include <kr/state.h>

#include <stdint.h>

enum kr_event_kind {
    KR_EVENT_STARTED,  /* the watch began; what: who owns the tables */
    KR_EVENT_REPAIRED, /* something of ours was changed by somebody, and stands again */
    KR_EVENT_BROKEN,   /* something is wrong that can't be mended here */
    KR_EVENT_CLEARED,  /* that is over */
    KR_EVENT_FENCED,   /* a device that leads out now got its fence, or lost it with its device */
    KR_EVENT_BLOCKED,  /* the sink is gone: no redirect any more, the guards stand */
    KR_EVENT_COUNTED,  /* a guard stopped packets */
    KR_EVENT_LOST,     /* the kernel could not deliver all events; everything was read again */
    KR_EVENT_RELEASED, /* the tables belong to nobody: up or down asked for them */
    KR_EVENT_OWNED,    /* and are ours again */
    KR_EVENT_ENDED,
    KR_EVENTS
};
const char *kr_event_name(enum kr_event_kind k); /* "repaired" ... */
struct kr_event {
    enum kr_event_kind kind;
    bool breach;      /* a promise did not hold for a moment, or does not now */
    char time[40];    /* RFC 3339, UTC, milliseconds */
    const char *id;   /* of a check, or "rules", "failsafe", "sink", "devices", "watch" */
    const char *what; /* lines */
    unsigned us;      /* from the bell to the deed; 0: nothing was done */
};
/* One line of JSON (kumo-redirect/event/1), LF included; the caller frees it. */
char *kr_event_json(const struct kr_event *ev);

struct kr_watch_options {
    const struct kr_paths *paths;     /* must outlive the watch */
    const struct kr_waivers *waivers; /* besides those that were recorded by up; or NULL */
    bool keep;        /* up and down of others are refused instead of given way to */
    const char *hook; /* a program run for each breach, or NULL */
    int signal_fd;    /* pidfd that gets SIGUSR1 for each breach, or -1 */
    void (*on_event)(const struct kr_event *ev, void *arg);
    void *arg;
};
struct kr_watch;
/* Takes ownership of the tables where the kernel can. Needs CAP_NET_ADMIN. Returns 0, or -1:
 * KR_UNSAFE when nothing stands here, KR_CANNOT when another watch is at work, KR_UNKNOWN. */
int kr_watch_open(const struct kr_watch_options *o, struct kr_watch **out, struct kr_err *e);
int kr_watch_fd(const struct kr_watch *w); /* to be polled for POLLIN ... */
int kr_watch_wait(struct kr_watch *w);     /* ... at most so many milliseconds */
/* Does what is due. 1: go on; 0: down was run, there is nothing left to watch. */
int kr_watch_step(struct kr_watch *w);
void kr_watch_reload(struct kr_watch *w); /* looks at everything again at the next step */
unsigned kr_watch_breaches(const struct kr_watch *w); /* so far */
bool kr_watch_good(const struct kr_watch *w);         /* the last look was good, and not long ago */
/* The guards stay. Waits at most 10 s for hooks that run. */
void kr_watch_close(struct kr_watch *w);

#endif

/* Theory of operation: the watch.
 *
 * Guards must not need a watch: it is what puts right, in milliseconds, what they can bear to miss
 * for that long, and what tells. Events only ring; everything is read anew (watch_look.c). A ring
 * is answered at once while looks took less than a sixteenth of the time, with some saved up from
 * before. When it does not stop ringing the bells are not heard for a while after each look,
 * sixteen times as long as the look took, so that however many changes others make, looking takes a
 * sixteenth of one processor in the long run; what the kernel could not keep for us by then
 * (ENOBUFS) is as good as a ring. Without any ring it looks every few seconds. */
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/standing.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOCK_MS 2000
#define RETURN_MS 100
#define ROUTINE 5000000u /* µs between looks without a ring */
#define FRESH (3u * ROUTINE)
#define SHARE 16u      /* of so much time looks may take one part ... */
#define SAVED 200000u  /* ... of which so many µs can be saved up */
#define GAP 50000u     /* µs, the least that a storm is not heard */
#define TOLD 10000000u /* lost events are told once in so many µs */

int kr_watch_listen(struct kr_watch *w, int fd, enum kr_watch_source s, struct kr_err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = s};
    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev) ? kr_fail(e, KR_CANNOT, errno, "epoll") : 0;
}

/* Taken out by name: a child may hold the same file open for a moment. */
void kr_watch_forget(struct kr_watch *w, int *fd)
{
    if (*fd >= 0)
        epoll_ctl(w->epoll, EPOLL_CTL_DEL, *fd, NULL);
    kr_close_fd(fd);
    *fd = -1;
}

void kr_watch_hear(struct kr_watch *w, bool on)
{
    const struct {
        int fd;
        uint32_t source;
    } bells[] = {{kr_bell_fd(&w->rules), KR_RULES}, {kr_bell_fd(&w->routing), KR_ROUTING}};
    for (size_t i = 0; i < 2; i++) {
        struct epoll_event ev = {.events = on ? EPOLLIN : 0, .data.u32 = bells[i].source};
        epoll_ctl(w->epoll, EPOLL_CTL_MOD, bells[i].fd, &ev);
    }
    w->listening = on;
}

static void ring(struct kr_watch *w)
{
    uint64_t now = kr_now_us();
    w->rang = w->rang ? w->rang : now;
    kr_watch_prove_rang(w);
    w->due = now;
}

static void on_bell(struct kr_watch *w)
{
    bool lost = false;
    bool rang = kr_bell_drain(&w->rules, &lost);
    rang |= kr_bell_drain(&w->routing, &lost);
    if (rang)
        ring(w);
    if (lost && (!w->lost || kr_now_us() - w->lost > TOLD)) {
        w->lost = kr_now_us();
        kr_watch_tell(w, KR_EVENT_LOST, false, "watch", 0,
                      "more changes at once than the kernel could tell; everything is read again");
    }
}

static void on_sink(struct kr_watch *w)
{
    w->sink_gone = true;
    kr_watch_forget(w, &w->sink);
    ring(w);
}

static void (*const handlers[])(struct kr_watch *) = {
    [KR_RULES] = on_bell,
    [KR_ROUTING] = on_bell,
    [KR_CONTROL] = kr_watch_control,
    [KR_SINK] = on_sink,
    [KR_HOOK] = kr_watch_hook_ended,
    [KR_PROVER] = kr_watch_proved,
    [KR_ASIDE] = kr_watch_aside_ended,
};

static int open_sources(struct kr_watch *w, struct kr_err *e)
{
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0)
        return kr_fail(e, KR_CANNOT, errno, "epoll");
    if (kr_bell_open_rules(&w->rules, e) || kr_bell_open_routing(&w->routing, e) ||
        kr_watch_listen(w, kr_bell_fd(&w->rules), KR_RULES, e) ||
        kr_watch_listen(w, kr_bell_fd(&w->routing), KR_ROUTING, e))
        return -1;
    w->listening = true;
    return 0;
}

/* Field 22 of /proc/self/stat, behind the name, which may hold anything. */
static uint64_t started(void)
{
    char text[1024] = "";
    unsigned long long ticks = 0;
    FILE *in = fopen("/proc/self/stat", "re");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    const char *s = n ? strrchr(text, ')') : NULL;
    if (in)
        fclose(in);
    for (int i = 0; s && i < 20; i++)
        s = strchr(s + 1, ' ');
    return s && sscanf(s, "%llu", &ticks) == 1 ? ticks : 0;
}

int kr_watch_become(struct kr_watch *w, struct kr_err *e)
{
    w->record = kr_watcher_become(w->o.paths, e);
    if (w->record < 0)
        return -1;
    w->me = (struct kr_watcher){.pid = getpid(), .start = started()};
    kr_state_now(w->me.since);
    return kr_watcher_write(w->record, &w->me, e);
}

static int begin(struct kr_watch *w, struct kr_err *e)
{
    struct kr_err why = {0};
    KR_AUTO_FD int lock = kr_state_lock(w->o.paths, LOCK_MS, e);
    if (lock < 0 || kr_watch_become(w, e) || open_sources(w, e))
        return -1;
    int recorded = kr_watch_read_state(w, &why);
    if (recorded != 1)
        return recorded ? kr_fail(e, KR_UNKNOWN, 0, "%s", why.msg)
                        : kr_fail(e, KR_UNSAFE, 0,
                                  "nothing stands here to be watched: kumo-redirect up first");
    return kr_watch_control_open(w, e) || kr_watch_take(w, e) ? -1 : 0;
}

static void say_started(struct kr_watch *w)
{
    kr_watch_tell(w, KR_EVENT_STARTED, false, "watch", 0,
                  w->owns ? "%s: the tables are held (owner, persist)"
                          : "%s: this kernel can't hold tables for a process and keep them after "
                            "it (Linux 6.9); changes are put right instead of refused",
                  kr_mode_name(w->state.plan.mode));
}

int kr_watch_open(const struct kr_watch_options *o, struct kr_watch **out, struct kr_err *e)
{
    struct kr_watch *w = kr_calloc(1, sizeof *w);
    *w = (struct kr_watch){
        .o = *o, .epoll = -1, .record = -1, .control = -1, .sink = -1, .aside = -1};
    w->can_own = true;
    w->saved = SAVED;
    w->hooks.running = w->prover.line = -1;
    if (begin(w, e)) {
        kr_watch_close(w);
        return -1;
    }
    w->last = kr_now_us();
    say_started(w);
    kr_watch_look(w);
    kr_watch_count(w);
    *out = w;
    return 0;
}

int kr_watch_fd(const struct kr_watch *w)
{
    return w->epoll;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return b && b < a ? b : a;
}

int kr_watch_wait(struct kr_watch *w)
{
    uint64_t now = kr_now_us(), at = earlier(w->last + ROUTINE, w->due);
    if (kr_watch_is_aside(w))
        return w->returning ? RETURN_MS : ROUTINE / 1000;
    at = earlier(at, w->count_due);
    at = earlier(at, kr_watch_prove_due(w));
    if (!w->listening)
        at = earlier(at, w->quiet);
    if (w->hooks.running >= 0)
        at = earlier(at, w->hooks.deadline);
    return at <= now ? 0 : (int)((at - now + 999) / 1000);
}

/* Does a look that took so many µs need no rest after it? */
static bool had_saved(struct kr_watch *w, uint64_t now, uint64_t cost)
{
    uint64_t saved = w->saved + (now - w->last) / SHARE;
    saved = saved < SAVED ? saved : SAVED;
    w->saved = saved > cost ? saved - cost : 0;
    return saved > cost;
}

/* What was heard since begin_at counts as well. */
static void look(struct kr_watch *w, uint64_t begin_at)
{
    kr_watch_look(w);
    uint64_t now = kr_now_us(), cost = now - begin_at;
    bool go_on = had_saved(w, now, cost);
    w->last = now;
    if (go_on)
        return;
    w->quiet = now + (SHARE * cost > GAP ? SHARE * cost : GAP);
    kr_watch_hear(w, false);
}

int kr_watch_step(struct kr_watch *w)
{
    struct epoll_event ev[8];
    uint64_t begin_at = kr_now_us();
    int n = epoll_wait(w->epoll, ev, 8, 0);
    for (int i = 0; i < n; i++)
        handlers[ev[i].data.u32](w);
    if (kr_watch_is_aside(w)) {
        kr_watch_hooks_late(w);
        kr_watch_return(w);
        return 1;
    }
    uint64_t now = kr_now_us();
    if (!w->listening && now >= w->quiet) {
        kr_watch_hear(w, true);
        on_bell(w);
    }
    if ((w->due && now >= w->due) || now - w->last >= ROUTINE)
        look(w, begin_at);
    if (now >= w->count_due)
        kr_watch_count(w);
    kr_watch_prove(w);
    kr_watch_hooks_late(w);
    return !w->over;
}

void kr_watch_reload(struct kr_watch *w)
{
    memset(&w->file, 0, sizeof w->file);
    w->due = kr_now_us();
}

unsigned kr_watch_breaches(const struct kr_watch *w)
{
    return w->breaches;
}

bool kr_watch_good(const struct kr_watch *w)
{
    if (kr_watch_is_aside(w))
        return true;
    return w->good && kr_now_us() - w->last < FRESH && kr_watch_proof_is_fresh(w);
}

void kr_watch_close(struct kr_watch *w)
{
    if (w->control >= 0)
        unlink(w->o.paths->watch_control);
    if (w->control >= 0 || kr_watch_is_aside(w))
        kr_watch_tell(w, KR_EVENT_ENDED, false, "watch", 0,
                      w->over ? "down was run: nothing is left to watch" : "the guards stay");
    kr_watch_prove_end(w);
    kr_watch_hooks_end(w);
    if (w->owns)
        kr_watch_give(w);
    kr_bell_close(&w->rules);
    kr_bell_close(&w->routing);
    int *const fds[] = {&w->control, &w->aside, &w->sink, &w->record, &w->epoll};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        kr_close_fd(fds[i]);
    kr_state_free(&w->state);
    free(w->ongoing);
    free(w->counts);
    free(w);
}

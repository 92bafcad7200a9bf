#include "worker_internal.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_filter.h>
#include <kr/sink_hist.h>
#include <kr/sink_knobs.h>
#include <kr/sink_listen.h>
#include <kr/sink_memory.h>
#include <kr/sink_names.h>
#include <kr/sink_policy.h>
#include <kr/sink_shared.h>
#include <kr/sink_store.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define ACCEPTS 64u /* at once, before the connections get their turn */
#define LINGER_MS 2000
#define DRAIN_MS 50    /* how often the end of draining is looked for */
#define PAUSE_MS 100   /* without accepting, when the system is out of files or memory */
#define MUCH_LATER 500 /* ms */
#define CROWDED 8u     /* a worker is, with this part of its connections open */

void worker_clock(struct worker *w)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    w->x.now = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    w->now = w->x.now / 1000;
}

/* One that does not compile here, though it did in the master, leaves the old one in force. */
static void take_policy(struct worker *w, const struct kr_sink_shared *shared)
{
    struct kr_err why = {0};
    uint64_t generation = kr_store_generation(shared->store);
    if (generation == w->generation)
        return;
    w->generation = generation;
    struct kr_policy *p = kr_store_get(shared->store, &shared->how, &why);
    if (why.msg[0]) {
        kr_error("worker %u: %s", w->x.worker, why.msg);
        return;
    }
    if (p) {
        kr_policy_number(p, shared->names);
        kr_memory_warm(shared->memory);
    }
    kr_policy_drop(w->x.policy);
    w->x.policy = p;
}

/* The event loop's own descriptors. */
struct loop {
    struct worker *w;
    struct ref signals, timer, *listeners;
    int64_t alarm; /* ms when the timer wakes; 0: never */
    size_t n;
    const struct kr_sink_shared *shared;
    uint64_t turn, accepted; /* of the loop: this one, and the last that brought connections */
    unsigned burst;          /* as many connections as are expected to wait at once */
    bool stop, told;         /* told: those in reserve are called */
    int64_t paused_until;    /* 0: accepting */
};

static int add(struct worker *w, struct ref *r)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = r};
    return epoll_ctl(w->epoll, EPOLL_CTL_ADD, r->fd, &ev);
}

/* The master starts them. */
static void call_reserve(struct loop *l)
{
    const uint64_t one = 1;
    if (!l->told && write(l->shared->crowd, &one, sizeof one) < 0)
        kr_debug("worker %u: eventfd: %s", l->w->x.worker, strerror(errno));
    l->told = true;
}

static void pause_accepting(struct loop *l)
{
    kr_warn("worker %u accepts nothing for %d ms: %s", l->w->x.worker, PAUSE_MS, strerror(errno));
    for (size_t i = 0; i < l->n; i++)
        epoll_ctl(l->w->epoll, EPOLL_CTL_DEL, l->listeners[i].fd, NULL);
    l->paused_until = l->w->now + PAUSE_MS;
    call_reserve(l);
}

static void resume_accepting(struct loop *l)
{
    l->paused_until = 0;
    for (size_t i = 0; i < l->n; i++)
        if (add(l->w, &l->listeners[i]))
            pause_accepting(l);
}

static bool is_shortage(int why)
{
    return why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM;
}

/* Where connections come one by one, no call is spent on hearing that there is no second one. */
static unsigned expected(struct loop *l)
{
    bool more = l->turn == l->accepted + 1;
    l->burst = !more || !l->burst ? 1 : l->burst < ACCEPTS ? 2 * l->burst : ACCEPTS;
    l->accepted = l->turn;
    return l->burst;
}

/* Other errors belong to the connection that was not accepted (accept(2)). */
static void accept_some(struct loop *l, const struct ref *listener)
{
    const struct kr_endpoint *bound = &l->w->cfg->listen[listener - l->listeners];
    for (unsigned left = expected(l); left; left--) {
        struct sockaddr_storage from;
        socklen_t n = sizeof from;
        int fd = accept4(listener->fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            conn_open(l->w, fd, &from, bound);
        } else if (is_shortage(errno)) {
            pause_accepting(l);
            break;
        } else if (errno == EAGAIN) {
            l->burst = 0;
            break;
        }
    }
    if (l->w->open > l->w->cfg->max_connections / CROWDED)
        call_reserve(l);
}

/* Nobody new; who is in a transaction may finish it. */
static void drain(struct loop *l)
{
    for (size_t i = 0; i < l->n; i++)
        kr_close_fd(&l->listeners[i].fd);
    l->paused_until = 0;
    l->w->drained_at = l->w->now + (int64_t)l->w->cfg->drain * 1000;
    conn_drain_all(l->w);
}

static void on_signal(struct loop *l)
{
    struct signalfd_siginfo si;
    while (read(l->signals.fd, &si, sizeof si) == (ssize_t)sizeof si) {
        if (si.ssi_signo == SIGHUP)
            take_policy(l->w, l->shared);
        else if (si.ssi_signo == SIGQUIT)
            drain(l);
        else
            l->stop = true;
    }
}

static void on_timer(struct loop *l)
{
    uint64_t times;
    if (read(l->timer.fd, &times, sizeof times) == (ssize_t)sizeof times)
        l->alarm = 0;
}

static void dispatch(struct loop *l, const struct epoll_event *ev)
{
    struct ref *r = ev->data.ptr;
    if (r->kind == REF_CONN)
        conn_event(l->w, (struct conn *)(void *)r, ev->events);
    else if (r->kind == REF_LISTENER)
        accept_some(l, r);
    else if (r->kind == REF_TIMER)
        on_timer(l);
    else
        on_signal(l);
}

/* ms to wait; -1: for as long as nothing happens. */
static int next_wait(struct loop *l)
{
    int wait = conn_expire(l->w);
    if (l->w->draining && (wait < 0 || wait > DRAIN_MS))
        wait = DRAIN_MS;
    if (!l->paused_until)
        return wait;
    if (l->paused_until <= l->w->now) {
        resume_accepting(l);
        return 0;
    }
    int pause = (int)(l->paused_until - l->w->now);
    return wait < 0 || wait > pause ? pause : wait;
}

static bool set_alarm(struct loop *l, int64_t at)
{
    struct itimerspec to = {.it_value = {at / 1000, at % 1000 * 1000000}};
    if (timerfd_settime(l->timer.fd, TFD_TIMER_ABSTIME, &to, NULL))
        return false;
    l->alarm = at;
    return true;
}

/* epoll_wait() with a time sets a timer in each call. What is due much later is left to one timer
 * that is set once for many of them: it may wake for nothing, but never too late. */
static int soon(struct loop *l)
{
    int wait = next_wait(l);
    int64_t due = l->w->now + wait;
    if (wait < MUCH_LATER)
        return wait;
    return (l->alarm && l->alarm <= due) || set_alarm(l, due) ? -1 : wait;
}

static bool is_over(const struct loop *l)
{
    const struct worker *w = l->w;
    return l->stop || (w->draining && (w->open == 0 || w->now >= w->drained_at));
}

static int run(struct loop *l)
{
    struct epoll_event ev[EVENTS];
    while (!is_over(l)) {
        int n = epoll_wait(l->w->epoll, ev, EVENTS, soon(l));
        if (n < 0 && errno != EINTR)
            return KR_INTERNAL;
        worker_clock(l->w);
        kr_knobs_obey(l->w->x.knobs, l->w->x.worker, l->w->x.stats);
        int64_t began = l->w->x.now;
        l->turn++;
        for (int i = 0; i < n; i++)
            dispatch(l, &ev[i]);
        worker_clock(l->w);
        kr_sink_time(l->w->x.stats, KR_HIST_busy, l->w->x.now - began);
    }
    return KR_OK;
}

static int open_loop(struct loop *l, const struct kr_sink_worker *arg)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGHUP);
    sigaddset(&stops, SIGQUIT);
    l->w->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->signals = (struct ref){REF_SIGNAL, signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK)};
    l->timer = (struct ref){REF_TIMER, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
    l->n = arg->cfg->listens;
    l->listeners = kr_calloc(l->n, sizeof *l->listeners);
    if (l->w->epoll < 0 || l->signals.fd < 0 || l->timer.fd < 0 || add(l->w, &l->signals) ||
        add(l->w, &l->timer))
        return -1;
    for (size_t i = 0; i < l->n; i++) {
        l->listeners[i] = (struct ref){REF_LISTENER, arg->listeners[i]};
        if (kr_sink_listen(arg->listeners[i]) || add(l->w, &l->listeners[i]))
            return -1;
    }
    return 0;
}

static unsigned offers(const struct kr_sink_config *cfg)
{
    return (cfg->lmtp ? KR_OFFER_LMTP : 0u) | (cfg->chunking ? KR_OFFER_CHUNKING : 0u) |
           (cfg->auth ? KR_OFFER_AUTH : 0u) | (cfg->tls ? KR_OFFER_STARTTLS : 0u);
}

static void set_capture(struct worker *w, const struct kr_sink_worker *arg)
{
    const struct kr_targets *t = &arg->cfg->targets;
    if (!arg->shared->queue)
        return;
    w->capture = (struct kr_capture){.queue = arg->shared->queue,
                                     .messages = kr_targets_messages(t),
                                     .content = kr_targets_content(t),
                                     .connections = kr_targets_connections(t),
                                     .sample = arg->cfg->sample,
                                     .most = arg->cfg->capture_buffer << 20};
    w->x.capture = &w->capture;
}

static struct worker *make_worker(const struct kr_sink_worker *arg)
{
    struct kr_sink_stats *stats = kr_sink_stats_of(arg->shared->stats, arg->index);
    struct worker *w = kr_calloc(1, sizeof *w);
    *w = (struct worker){.cfg = arg->cfg, .epoll = -1, .tls = arg->shared->tls};
    w->x = (struct kr_sink_ctx){.nonce = arg->cfg->nonce,
                                .worker = arg->index,
                                .offers = offers(arg->cfg),
                                .max_size = arg->cfg->max_size,
                                .max_messages = arg->cfg->max_messages,
                                .max_recipients = arg->cfg->max_recipients,
                                .next_id = kr_sink_count(stats, KR_SINK_messages),
                                .memory = arg->shared->memory,
                                .limits = arg->shared->limits,
                                .knobs = arg->shared->knobs,
                                .stats = stats};
    for (size_t i = 0; i < KR_IDLE_N; i++)
        w->waits.idle[i].after = arg->cfg->idle.after[i] * 1000LL;
    w->waits.linger.after = LINGER_MS;
    set_capture(w, arg);
    /* One that crashed before left its connections counted. */
    kr_sink_add(stats, KR_SINK_open, -(int64_t)kr_sink_count(stats, KR_SINK_open));
    worker_clock(w);
    take_policy(w, arg->shared);
    return w;
}

static int say_started(int fd)
{
    KR_AUTO_FD int said = fd;
    return fd >= 0 && write(fd, "", 1) != 1 ? -1 : 0;
}

static int begin(struct loop *l, const struct kr_sink_worker *arg)
{
    struct kr_err e = {0};
    if (open_loop(l, arg))
        return -1;
    if (kr_sink_filter(&e) == 0)
        return say_started(arg->started);
    kr_error("worker %u: %s", arg->index, e.msg);
    return -1;
}

int kr_sink_worker_run(const struct kr_sink_worker *arg)
{
    struct loop l = {
        .w = make_worker(arg), .signals.fd = -1, .timer.fd = -1, .shared = arg->shared};
    int status = begin(&l, arg) ? KR_CANNOT : run(&l);
    if (status)
        kr_error("worker %u: %s", arg->index, strerror(errno));
    for (size_t i = 0; i < l.n; i++)
        kr_close_fd(&l.listeners[i].fd);
    conn_reset_all(l.w);
    kr_close_fd(&l.signals.fd);
    kr_close_fd(&l.timer.fd);
    kr_close_fd(&l.w->epoll);
    kr_buf_free(&l.w->x.out);
    kr_policy_drop(l.w->x.policy);
    free(l.listeners);
    free(l.w);
    return status;
}

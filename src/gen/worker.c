#include "actions.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/mix.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVENTS 256
#define OPENING 256u     /* connections a worker opens at the same time */
#define LOOK_US 100000   /* how often the end is looked for */
#define BACKOFF_US 10000 /* of the first level; each has twice that of the one before */
#define DEBT_US 1e6      /* a throttle makes good for so much time in which nobody was free */

static int64_t at(const _Atomic uint64_t *v)
{
    return (int64_t)atomic_load_explicit(v, memory_order_relaxed);
}

bool worker_over(const struct worker *w)
{
    return w->now >= at(&w->run->shared->stop_at);
}

/* The time since the beginning, as a schedule counts it. */
static double elapsed(const struct worker *w)
{
    return (double)(w->now - w->run->began) / 1e6;
}

enum claim worker_claim(struct worker *w, struct letter *out)
{
    const struct kr_gen_config *cfg = w->run->cfg;
    int64_t from = w->now;
    if (w->exhausted || worker_over(w))
        return NONE_LEFT;
    if (cfg->rate > 0) {
        if (!cfg->open_loop)
            kr_arrivals_skip(&w->arrivals, elapsed(w) - DEBT_US / 1e6);
        if (w->arrivals.next > elapsed(w))
            return NOT_DUE;
        if (cfg->open_loop)
            from = w->run->began + (int64_t)(w->arrivals.next * 1e6);
    }
    uint64_t n = atomic_fetch_add_explicit(&w->run->shared->claimed, 1, memory_order_relaxed);
    w->exhausted = cfg->message_count && n >= cfg->message_count;
    if (w->exhausted)
        return NONE_LEFT;
    if (cfg->rate > 0)
        kr_arrivals_take(&w->arrivals);
    kr_gen_add(w->stats, KR_GEN_offered, 1);
    *out = (struct letter){.n = n, .from = from};
    return CLAIMED;
}

static struct client *first(const struct worker *w, enum list_name l)
{
    return w->list[l].first;
}

/* Who waits for a message, and there is one, or there will be none. */
static void serve_idle(struct worker *w)
{
    struct client *c;
    while ((c = first(w, IDLE)) != NULL) {
        bool over = w->exhausted || worker_over(w);
        if (!over && w->run->cfg->rate > 0 && w->arrivals.next > elapsed(w))
            return;
        list_take(w, c);
        client_proceed(w, c);
        if (c->list == IDLE)
            return;
    }
}

static void open_some(struct worker *w)
{
    struct client *c;
    while (w->connecting < OPENING && (c = first(w, TO_OPEN)) != NULL) {
        if (worker_over(w) || (w->exhausted && !c->held))
            client_end(w, c);
        else
            client_open(w, c);
    }
}

static int64_t patience(const struct worker *w, enum list_name l)
{
    return l == BUSY ? (int64_t)w->run->cfg->timeout * 1000000 : BACKOFF_US << (l - BACKOFF);
}

static void expire_busy(struct worker *w)
{
    struct client *c;
    while ((c = first(w, BUSY)) != NULL && c->since + patience(w, BUSY) <= w->now) {
        list_put(w, c, BUSY);
        c->since = c->active;
        if (c->active + patience(w, BUSY) <= w->now)
            client_lost(w, c, KR_GEN_timeouts, "no answer in time");
    }
}

static void expire_backoff(struct worker *w)
{
    struct client *c;
    for (unsigned l = BACKOFF; l < LISTS; l++)
        while ((c = first(w, l)) != NULL && (c->since + patience(w, l) <= w->now || worker_over(w)))
            list_put(w, c, TO_OPEN);
}

/* us until something is due. */
static int64_t next_wait(const struct worker *w)
{
    int64_t until = w->now + LOOK_US, due;
    for (unsigned l = BUSY; l < LISTS; l++)
        if (first(w, l) && (due = first(w, l)->since + patience(w, l)) < until)
            until = due;
    if (first(w, IDLE) && w->run->cfg->rate > 0) {
        due = w->run->began + (int64_t)(w->arrivals.next * 1e6) + 1;
        until = due < until ? due : until;
    }
    due = at(&w->run->shared->stop_at);
    until = due > w->now && due < until ? due : until;
    due = at(&w->run->shared->cut_at);
    until = due < until ? due : until;
    return until > w->now ? until - w->now : 0;
}

static int wait_events(struct worker *w, struct epoll_event *ev)
{
    static bool coarse; /* a kernel, or a tool that stands for one, without epoll_pwait2 */
    int64_t us = next_wait(w);
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    int n = coarse ? -1 : epoll_pwait2(w->epoll, ev, EVENTS, &t, NULL);
    coarse |= n < 0 && errno == ENOSYS;
    return coarse ? epoll_wait(w->epoll, ev, EVENTS, (int)((us + 999) / 1000)) : n;
}

static void cut_all(struct worker *w)
{
    for (unsigned i = 0; i < w->clients && w->alive; i++) {
        struct client *c = &w->client[i];
        if (c->list == NO_LIST)
            continue;
        if (c->fd >= 0 && c->step > READY)
            client_lost(w, c, KR_GEN_timeouts, "given up at the end");
        if (c->list != NO_LIST)
            client_end(w, c);
    }
}

static int loop(struct worker *w)
{
    struct epoll_event ev[EVENTS];
    while (w->alive) {
        open_some(w);
        serve_idle(w);
        if (w->now >= at(&w->run->shared->cut_at))
            cut_all(w);
        if (!w->alive)
            break;
        int n = wait_events(w, ev);
        if (n < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < n; i++) {
            w->now = (int64_t)kr_now_us();
            client_event(w, ev[i].data.ptr, ev[i].events);
        }
        w->now = (int64_t)kr_now_us();
        expire_busy(w);
        expire_backoff(w);
    }
    return 0;
}

/* In an open loop what was due is due, though nobody was there to send it. */
static void count_unsent(struct worker *w)
{
    const struct kr_gen_shared *s = w->run->shared;
    const struct kr_gen_config *cfg = w->run->cfg;
    if (!cfg->open_loop || w->exhausted)
        return;
    int64_t end = at(&s->stop_at) < w->now ? at(&s->stop_at) : w->now;
    uint64_t n = kr_arrivals_skip(&w->arrivals, (double)(end - w->run->began) / 1e6);
    kr_gen_add(w->stats, KR_GEN_unsent, (int64_t)n);
}

static void count_cpu(struct worker *w)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    kr_gen_add(w->stats, KR_GEN_cpu_user_us, u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec);
    kr_gen_add(w->stats, KR_GEN_cpu_system_us, u.ru_stime.tv_sec * 1000000 + u.ru_stime.tv_usec);
}

/* The clients are dealt out like cards: worker 0 has clients 0, W, 2W, ... */
static int begin(struct worker *w)
{
    const struct kr_gen_config *cfg = w->run->cfg;
    w->clients = (unsigned)((cfg->concurrency + w->run->workers - 1 - w->index) / w->run->workers);
    w->alive = w->clients;
    w->client = kr_calloc(w->clients, sizeof *w->client);
    w->in = kr_calloc(IN_SIZE, 1);
    w->record = kr_calloc(RECORD, 1);
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->now = (int64_t)kr_now_us();
    kr_arrivals_begin(&w->arrivals, cfg, w->index, w->run->workers);
    kr_gen_add(w->stats, KR_GEN_clients, w->clients);
    for (unsigned i = 0; i < w->clients; i++) {
        w->client[i].fd = -1;
        w->client[i].index = i;
        list_put(w, &w->client[i], TO_OPEN);
    }
    prctl(PR_SET_TIMERSLACK, 1000); /* ns */
    return w->epoll < 0 ? -1 : 0;
}

static void end(struct worker *w)
{
    for (unsigned i = 0; i < w->clients; i++)
        kr_buf_free(&w->client[i].out.rest);
    kr_close_fd(&w->epoll);
    kr_buf_free(&w->head);
    kr_buf_free(&w->tail);
    free(w->client);
    free(w->in);
    free(w->record);
}

int kr_gen_worker_run(const struct kr_gen_run *run, unsigned index)
{
    struct worker w = {.run = run, .index = index, .stats = &run->shared->worker[index]};
    int status = begin(&w) || loop(&w) ? KR_CANNOT : KR_OK;
    if (status)
        kr_error("worker %u: %s", index, strerror(errno));
    count_unsent(&w);
    count_cpu(&w);
    end(&w);
    return status;
}

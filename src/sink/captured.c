/* Capture, seen from the master: files, queue and writer, and that something was lost. */
#include "children.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_listen.h>
#include <kr/sink_queue.h>
#include <kr/sink_stats.h>
#include <kr/sink_writer.h>

#include <inttypes.h>
#include <signal.h>
#include <time.h>

#define STOP_MS 10000 /* a writer that takes longer for what is left is killed */
#define LOOK_MS 1000
#define SAY_MS 10000

int open_capture(struct master *m, struct kr_err *e)
{
    const struct kr_sink_config *cfg = m->cfg;
    if (!cfg->targets.n)
        return 0;
    m->shared.queue = kr_queue_make(master_workers(m), cfg->capture_buffer << 20, e);
    return m->shared.queue ? kr_targets_open(&m->cfg->targets, cfg->user, e) : -1;
}

int be_writer(struct master *m)
{
    kr_sink_unlisten(m->listeners, master_workers(m) * m->cfg->listens);
    kr_close_fd(&m->started[1]);
    unsigned block = master_workers(m) + 1;
    struct kr_writer w = {.queue = m->shared.queue,
                          .targets = &m->cfg->targets,
                          .names = m->shared.names,
                          .stats = kr_sink_stats_of(m->shared.stats, block),
                          .nonce = m->cfg->nonce,
                          .knobs = m->shared.knobs,
                          .block = block};
    return kr_writer_run(&w);
}

static uint64_t sum(const struct master *m, enum kr_sink_counter which)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < master_workers(m); i++)
        n += kr_sink_count(kr_sink_stats_of(m->shared.stats, i), which);
    return n;
}

int say_dropped(struct master *m, bool last)
{
    int64_t now = master_clock();
    if (!m->shared.queue)
        return -1;
    uint64_t messages = sum(m, KR_SINK_capture_dropped), lines = sum(m, KR_SINK_log_dropped);
    bool due = last || !m->dropped_at || now - m->dropped_at >= SAY_MS;
    if (messages + lines > m->dropped && due) {
        kr_warn("the queue to the disk was full (--capture-buffer): %" PRIu64
                " messages are not captured, %" PRIu64 " connections not logged",
                messages, lines);
        m->dropped_at = now;
        m->dropped = messages + lines;
    }
    return LOOK_MS;
}

/* SIGTERM: it writes what is left first. */
void stop_writer(struct master *m)
{
    struct slot *s = &m->slot[master_workers(m)];
    int64_t until = master_clock() + STOP_MS;
    if (!m->shared.queue)
        return;
    if (s->pid)
        kill(s->pid, SIGTERM);
    for (bool killed = false; s->pid; reap(m)) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        if (killed || master_clock() < until)
            continue;
        kr_warn("the writer waits for a file for too long; what it did not write is lost");
        killed = kill(s->pid, SIGKILL) == 0;
    }
    say_dropped(m, true);
}

/* The worker processes: started, watched over, replaced, stopped. */
#include "children.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_control.h>
#include <kr/sink_limits.h>
#include <kr/sink_listen.h>
#include <kr/sink_metrics.h>
#include <kr/sink_stats.h>
#include <kr/sink_target.h>
#include <kr/sink_worker.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESTART_MS 1000 /* a worker that ended is not started again sooner than this */
#define STOP_MS 5000    /* a worker that takes longer to stop is killed */

int64_t master_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned master_workers(const struct master *m)
{
    return (unsigned)m->cfg->workers;
}

unsigned master_blocks(const struct master *m)
{
    return master_workers(m) + 2;
}

static unsigned slots(const struct master *m)
{
    return master_workers(m) + (m->shared.queue ? 1 : 0);
}

bool is_wanted(const struct master *m, unsigned index)
{
    return m->crowded || index == master_workers(m) || !kr_sink_in_reserve(index);
}

/* What is the master's alone. */
static void let_go(struct master *m)
{
    kr_close_fd(&m->started[0]);
    if (m->cfg->ready_fd != KR_SINK_NO_FD)
        close((int)m->cfg->ready_fd);
    kr_control_abandon(m->control);
    kr_metrics_close(m->metrics);
    kr_close_fd(&m->signals);
    kr_close_fd(&m->lifeline);
    kr_close_fd(&m->account);
}

/* Not SIGKILL: clients of a sink whose master died must see RST, as at any other end. */
static int be_child(struct master *m, unsigned index, pid_t parent)
{
    size_t mine = index * m->cfg->listens, n = m->cfg->listens;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return KR_OK;
    let_go(m);
    if (index == master_workers(m))
        return be_writer(m);
    kr_targets_close(&m->cfg->targets);
    kr_sink_unlisten(m->listeners, mine);
    kr_sink_unlisten(m->listeners + mine + n, master_workers(m) * n - mine - n);
    struct kr_sink_worker w = {m->cfg, &m->shared, index, m->listeners + mine, m->started[1]};
    return kr_sink_worker_run(&w);
}

int start_worker(struct master *m, unsigned index, struct kr_err *e)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        _exit(be_child(m, index, parent));
    m->slot[index].started = master_clock();
    m->slot[index].pid = pid > 0 ? pid : 0;
    return pid > 0 ? 0
                   : kr_fail(e, KR_CANNOT, errno, "can't start %s %u",
                             index == master_workers(m) ? "the writer, process" : "worker", index);
}

static void report_end(struct master *m, unsigned index, pid_t pid, int status)
{
    bool killed = WIFSIGNALED(status), writer = index == master_workers(m);
    kr_sink_add(kr_sink_stats_of(m->shared.stats, master_workers(m)), KR_SINK_worker_restarts, 1);
    if (!writer)
        kr_limits_forget(m->shared.limits, index);
    kr_warn("%s %u (process %d) ended by %s %d; it is started again",
            writer ? "writer, after worker" : "worker", writer ? index - 1 : index, (int)pid,
            killed ? "signal" : "itself, status", killed ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* A pid is ours until it was waited for: one that was not can't belong to anybody else. ECHILD:
 * somebody waited for it in our place; it is gone, and its number may be another's. */
void reap(struct master *m)
{
    for (unsigned i = 0; i < slots(m); i++) {
        int status = 0;
        pid_t pid = m->slot[i].pid, got = pid ? waitpid(pid, &status, WNOHANG) : 0;
        if (got == 0 || (got < 0 && errno != ECHILD))
            continue;
        m->slot[i].pid = 0;
        if (!m->stop)
            report_end(m, i, pid, status);
    }
}

/* Starts what should run; returns ms until the next one may be started, or -1. */
int tend(struct master *m)
{
    int wait = -1;
    for (unsigned i = 0; i < slots(m); i++) {
        if (m->slot[i].pid || !is_wanted(m, i))
            continue;
        int64_t left = m->slot[i].started + RESTART_MS - master_clock();
        struct kr_err why = {0};
        if (left <= 0 && start_worker(m, i, &why) == 0)
            continue;
        if (left <= 0)
            kr_warn("%s", why.msg);
        left = left <= 0 ? RESTART_MS : left;
        wait = wait < 0 || left < wait ? (int)left : wait;
    }
    return wait;
}

/* Returns how many workers there are. Sends nothing for sig 0. */
size_t signal_all(struct master *m, int sig)
{
    size_t n = 0;
    reap(m);
    for (unsigned i = 0; i < master_workers(m); i++)
        if (m->slot[i].pid) {
            kill(m->slot[i].pid, sig);
            n++;
        }
    return n;
}

void stop_workers(struct master *m)
{
    int64_t until = master_clock() + STOP_MS + (m->drain ? (int64_t)m->cfg->drain * 1000 : 0);
    size_t left = signal_all(m, m->drain ? SIGQUIT : SIGTERM);
    while (left) {
        int64_t ms = until - master_clock();
        struct pollfd p = {.fd = m->signals, .events = POLLIN};
        struct signalfd_siginfo si;
        if (ms <= 0)
            kr_warn("%zu workers do not stop; they are killed", signal_all(m, SIGKILL));
        if (poll(&p, 1, ms > 0 ? (int)ms : 100) > 0 && read(m->signals, &si, sizeof si) < 0)
            kr_debug("signalfd: %s", strerror(errno));
        left = signal_all(m, 0);
    }
}

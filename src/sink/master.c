/* Order of the start: the lab CA, sockets, control socket and the file for the final account come
 * first, as root perhaps; then privileges go; then the workers are forked, which never had any. The
 * master keeps the listening sockets of all, so that a worker can be replaced without a port below
 * 1024 being bound again, and without refusing whoever connects meanwhile. */
#include "children.h"
#include "secure.h"
#include "steer.h"

#include <kr/drop.h>
#include <kr/err.h>
#include <kr/file.h>
#include <kr/files.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_control.h>
#include <kr/sink_knobs.h>
#include <kr/sink_limits.h>
#include <kr/sink_listen.h>
#include <kr/sink_master.h>
#include <kr/sink_memory.h>
#include <kr/sink_metrics.h>
#include <kr/sink_names.h>
#include <kr/sink_queue.h>
#include <kr/sink_stats.h>
#include <kr/sink_store.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define START_MS 10000 /* in which all workers must be ready */
#define FDS (3 + KR_CONTROL_FDS + KR_METRICS_FDS)
#define FD_RESERVE 64 /* descriptors of a worker that are no connections */

static void on_hangup(struct master *m)
{
    if (m->cfg->policy)
        reload_policy(m);
}

static void on_signal(struct master *m)
{
    struct signalfd_siginfo si;
    while (read(m->signals, &si, sizeof si) == (ssize_t)sizeof si) {
        if (si.ssi_signo == SIGHUP)
            on_hangup(m);
        else if (si.ssi_signo != SIGCHLD)
            m->stop = true;
        m->drain |= si.ssi_signo == SIGQUIT;
    }
    reap(m);
}

/* 'K': keep running when the pipe closes. EOF before that: whoever started us is gone. */
static void on_lifeline(struct master *m)
{
    char c = 0;
    ssize_t n = read(m->lifeline, &c, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        kr_info("the lifeline is cut; stopping");
        m->stop = true;
    } else if (c == 'K') {
        kr_close_fd(&m->lifeline);
    }
}

static void metrics_text(void *arg, struct kr_buf *out)
{
    struct master *m = arg;
    struct kr_sink_about about = about_sink(m, 0);
    kr_sink_stats_prometheus(m->shared.stats, master_blocks(m), &about, out);
}

/* Of two waits, of which -1 has no end. */
static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int watch(struct master *m, struct kr_err *e)
{
    struct pollfd p[FDS];
    struct kr_control_ops ops = {run_command, command_body, m};
    while (!m->stop) {
        p[0] = (struct pollfd){.fd = m->signals, .events = POLLIN};
        p[1] = (struct pollfd){.fd = m->lifeline, .events = POLLIN};
        p[2] = (struct pollfd){.fd = m->crowded ? -1 : m->shared.crowd, .events = POLLIN};
        kr_control_poll(m->control, p + 3);
        kr_metrics_poll(m->metrics, p + 3 + KR_CONTROL_FDS);
        if (poll(p, FDS, sooner(sooner(tend(m), live_line(m)), say_dropped(m, false))) < 0) {
            if (errno != EINTR)
                return kr_fail(e, KR_INTERNAL, errno, "poll");
            continue;
        }
        if (p[0].revents)
            on_signal(m);
        if (p[1].revents)
            on_lifeline(m);
        m->crowded |= p[2].revents != 0;
        kr_control_handle(m->control, p + 3, &ops);
        kr_metrics_handle(m->metrics, p + 3 + KR_CONTROL_FDS, metrics_text, m);
    }
    return 0;
}

static int take_signals(struct master *m, struct kr_err *e)
{
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, as it may be inherited, children vanish unseen */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    m->signals =
        sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signals < 0 ? kr_fail(e, KR_CANNOT, errno, "signalfd") : 0;
}

static int raise_files(struct kr_sink_config *cfg, struct kr_err *e)
{
    uint64_t wanted = cfg->max_connections ? cfg->max_connections : KR_FILES_SINK, files = 0;
    if (kr_files_raise(wanted + FD_RESERVE, &files, e))
        return -1;
    uint64_t room = files > 2 * FD_RESERVE ? files - FD_RESERVE : FD_RESERVE;
    if (cfg->max_connections > room)
        kr_warn("--max-connections %llu: the open-file limit leaves room for %llu",
                (unsigned long long)cfg->max_connections, (unsigned long long)room);
    if (!cfg->max_connections || cfg->max_connections > room)
        cfg->max_connections = room;
    return 0;
}

static int open_account(struct master *m, struct kr_err *e)
{
    const char *path = m->cfg->stats_file;
    if (!path)
        return 0;
    m->account = strcmp(path, "-") == 0
                     ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                     : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    return m->account < 0 ? kr_fail(e, KR_CANNOT, errno, "--stats-on-exit '%s'", path) : 0;
}

static int say_ready(struct master *m, struct kr_err *e)
{
    if (m->cfg->ready_fd == KR_SINK_NO_FD)
        return 0;
    KR_AUTO_FD int fd = (int)m->cfg->ready_fd;
    return kr_write_all(fd, "READY\n", 6)
               ? kr_fail(e, KR_CANNOT, errno, "--ready-fd %d", (int)m->cfg->ready_fd)
               : 0;
}

static int make_shared(struct master *m, struct kr_err *e)
{
    struct kr_sink_shared *s = &m->shared;
    s->how =
        (struct kr_policy_how){.compat = m->cfg->compat == KR_COMPAT_KUMO, .seed = m->cfg->seed};
    s->stats = kr_sink_stats_make(master_blocks(m), e);
    s->knobs = s->stats ? kr_knobs_make(master_blocks(m), e) : NULL;
    s->names = s->knobs ? kr_names_make(e) : NULL;
    s->limits = s->names ? kr_limits_make(master_workers(m), e) : NULL;
    s->memory = s->limits ? kr_memory_make(m->cfg->memory, e) : NULL;
    s->store = s->memory ? kr_store_make(e) : NULL;
    if (!s->store)
        return -1;
    s->crowd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->crowd < 0)
        return kr_fail(e, KR_CANNOT, errno, "eventfd");
    s->tls = m->cfg->tls ? secure->make((enum kr_tls_mode)m->cfg->tls, m->cfg->ca_dir,
                                        &m->cfg->tls_names, e)
                         : NULL;
    return m->cfg->tls && !s->tls ? -1 : 0;
}

static void free_shared(struct master *m)
{
    struct kr_sink_shared *s = &m->shared;
    kr_sink_stats_free(s->stats, master_blocks(m));
    kr_knobs_free(s->knobs, master_blocks(m));
    kr_names_free(s->names);
    kr_limits_free(s->limits);
    kr_memory_free(s->memory);
    kr_store_free(s->store);
    kr_queue_free(s->queue);
    kr_close_fd(&s->crowd);
    if (s->tls)
        secure->release(s->tls);
}

static int open_all(struct master *m, struct kr_err *e)
{
    struct kr_sink_config *cfg = m->cfg;
    /* Whoever can connect finds the lab CA made. */
    if (take_signals(m, e) || raise_files(cfg, e) || make_shared(m, e) ||
        kr_sink_bind(cfg, &m->listeners, e))
        return -1;
    if (cfg->control && !(m->control = kr_control_open(cfg->control, e)))
        return -1;
    if (cfg->metrics.port && !(m->metrics = kr_metrics_open(&cfg->metrics, e)))
        return -1;
    m->live = live_wanted(cfg);
    if (open_account(m, e))
        return -1;
    m->slot = kr_calloc(master_workers(m) + 1, sizeof *m->slot);
    if (open_capture(m, e) || (cfg->policy && load_policy(m, e)))
        return -1;
    return kr_drop(cfg->user, e) || kr_targets_check(&cfg->targets, e) ? -1 : 0;
}

/* Reads what workers say; 1: no worker is left that will say more, 0: not yet, -1. */
static int hear(struct master *m, size_t *ready)
{
    char octets[64];
    ssize_t n = read(m->started[0], octets, sizeof octets);
    *ready += n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)) ? 0 : n < 0 ? -1 : 1;
}

/* Told to stop meanwhile: that is no error, and nothing is ready. */
static int await_workers(struct master *m, struct kr_err *e)
{
    int64_t until = master_clock() + START_MS;
    size_t ready = 0, want = 0;
    for (unsigned i = 0; i < master_workers(m); i++)
        want += is_wanted(m, i);
    int end = 0;
    while (!end && !m->stop) {
        struct pollfd p[] = {{.fd = m->started[0], .events = POLLIN},
                             {.fd = m->signals, .events = POLLIN}};
        int64_t ms = until - master_clock();
        if (ms <= 0)
            break;
        if (poll(p, 2, (int)ms) <= 0)
            continue;
        if (p[0].revents)
            end = hear(m, &ready);
        if (p[1].revents)
            on_signal(m);
    }
    kr_close_fd(&m->started[0]);
    return m->stop || ready == want
               ? 0
               : kr_fail(e, KR_CANNOT, 0, "only %zu of %zu workers have started", ready, want);
}

static int start_all(struct master *m, struct kr_err *e)
{
    if (pipe2(m->started, O_CLOEXEC | O_NONBLOCK))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    for (unsigned i = 0; i < master_workers(m) + (m->shared.queue ? 1 : 0); i++)
        if (is_wanted(m, i) && start_worker(m, i, e))
            return -1;
    kr_close_fd(&m->started[1]);
    if (await_workers(m, e))
        return -1;
    return m->stop ? 0 : say_ready(m, e);
}

static int final_account(struct master *m, struct kr_buf *line, struct kr_err *e)
{
    if (stats_line(m, 0, line, e))
        return -1;
    return m->account >= 0 && kr_write_all(m->account, line->s, line->len)
               ? kr_fail(e, KR_CANNOT, errno, "writing --stats-on-exit '%s'", m->cfg->stats_file)
               : 0;
}

int kr_sink_run(struct kr_sink_config *cfg, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf line = {0};
    struct master m = {.cfg = cfg,
                       .shared.crowd = -1,
                       .signals = -1,
                       .account = -1,
                       .started = {-1, -1},
                       .born = master_clock()};
    m.lifeline = cfg->lifeline_fd == KR_SINK_NO_FD ? -1 : (int)cfg->lifeline_fd;
    int bad = open_all(&m, e);
    if (!bad) {
        bad = start_all(&m, e) || watch(&m, e) ? -1 : 0;
        m.stop = true;
        kr_sink_unlisten(m.listeners, master_workers(&m) * cfg->listens);
        stop_workers(&m);
        stop_writer(&m);
        live_end(&m);
        if (final_account(&m, &line, bad ? NULL : e))
            bad = -1;
    }
    kr_control_close(m.control, &line);
    kr_metrics_close(m.metrics);
    free_shared(&m);
    steer_free(&m);
    free(m.listeners);
    free(m.slot);
    kr_targets_close(&cfg->targets);
    kr_close_fd(&m.started[0]);
    kr_close_fd(&m.started[1]);
    kr_close_fd(&m.account);
    kr_close_fd(&m.signals);
    return bad;
}

/* Order of the start: sockets, control socket and the file for the final account are opened first,
 * as root perhaps; then privileges go; then the workers are forked, which never had any. The
 * master keeps the listening sockets of all, so that a worker can be replaced without a port below
 * 1024 being bound again, and without refusing whoever connects meanwhile. */
#include <kr/sink_master.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_config.h>
#include <kr/sink_control.h>
#include <kr/sink_drop.h>
#include <kr/sink_listen.h>
#include <kr/sink_stats.h>
#include <kr/sink_worker.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESTART_MS 1000 /* a worker that ended is not started again sooner than this */
#define STOP_MS 5000    /* a worker that takes longer to stop is killed */
#define START_MS 10000  /* in which all workers must be ready */
#define LISTED 1000     /* destinations in the answer to stats */
#define FD_RESERVE 64   /* descriptors of a worker that are no connections */

struct slot {
    pid_t pid; /* 0: not running */
    int64_t started;
};

struct master {
    struct kr_sink_config *cfg;
    struct kr_sink_stats *stats; /* a block for each worker, then ours */
    struct kr_control *control;
    struct slot *slot;
    int *listeners;
    int signals, lifeline, account;
    int started[2]; /* a pipe: each of the first workers writes one octet once it serves */
    int64_t born;
    bool stop;
};

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned workers(const struct master *m)
{
    return (unsigned)m->cfg->workers;
}

/* With the `listed` busiest destinations, 0: all. */
static int stats_line(struct master *m, size_t listed, struct kr_buf *out, struct kr_err *e)
{
    struct kr_sink_about about = {m->cfg->nonce, (int)getpid(), workers(m),
                                  (uint64_t)(clock_ms() - m->born) / 1000, listed};
    return kr_sink_stats_json(m->stats, workers(m) + 1, &about, out, e);
}

/* ---- workers ------------------------------------------------------------------------------------
 */

static int be_worker(struct master *m, unsigned index, pid_t parent)
{
    size_t mine = index * m->cfg->listens, n = m->cfg->listens;
    /* Not SIGKILL: clients of a sink whose master died must see RST, as at any other end. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return KR_OK;
    kr_close_fd(&m->started[0]);
    if (m->cfg->ready_fd != KR_SINK_NO_FD)
        close((int)m->cfg->ready_fd);
    kr_control_abandon(m->control);
    kr_close_fd(&m->signals);
    kr_close_fd(&m->lifeline);
    kr_close_fd(&m->account);
    kr_sink_unlisten(m->listeners, mine);
    kr_sink_unlisten(m->listeners + mine + n, workers(m) * n - mine - n);
    struct kr_sink_worker w = {m->cfg, kr_sink_stats_of(m->stats, index), index,
                               m->listeners + mine, m->started[1]};
    return kr_sink_worker_run(&w);
}

static int start_worker(struct master *m, unsigned index, struct kr_err *e)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        _exit(be_worker(m, index, parent));
    m->slot[index].started = clock_ms();
    m->slot[index].pid = pid > 0 ? pid : 0;
    return pid > 0 ? 0 : kr_fail(e, KR_CANNOT, errno, "can't start worker %u", index);
}

static void report_end(struct master *m, unsigned index, pid_t pid, int status)
{
    bool killed = WIFSIGNALED(status);
    kr_sink_add(kr_sink_stats_of(m->stats, workers(m)), KR_SINK_worker_restarts, 1);
    kr_warn("worker %u (process %d) ended by %s %d; it is started again", index, (int)pid,
            killed ? "signal" : "itself, status", killed ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* A pid is ours until it was waited for: one that was not can't belong to anybody else. ECHILD:
 * somebody waited for it in our place; it is gone, and its number may be another's. */
static void reap(struct master *m)
{
    for (unsigned i = 0; i < workers(m); i++) {
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
static int tend(struct master *m)
{
    int wait = -1;
    for (unsigned i = 0; i < workers(m); i++) {
        if (m->slot[i].pid)
            continue;
        int64_t left = m->slot[i].started + RESTART_MS - clock_ms();
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
static size_t signal_all(struct master *m, int sig)
{
    size_t n = 0;
    reap(m);
    for (unsigned i = 0; i < workers(m); i++)
        if (m->slot[i].pid) {
            kill(m->slot[i].pid, sig);
            n++;
        }
    return n;
}

static void stop_workers(struct master *m)
{
    int64_t until = clock_ms() + STOP_MS;
    size_t left = signal_all(m, SIGTERM);
    while (left) {
        int64_t ms = until - clock_ms();
        struct pollfd p = {.fd = m->signals, .events = POLLIN};
        struct signalfd_siginfo si;
        if (ms <= 0)
            kr_warn("%zu workers do not stop; they are killed", signal_all(m, SIGKILL));
        if (poll(&p, 1, ms > 0 ? (int)ms : 100) > 0 && read(m->signals, &si, sizeof si) < 0)
            kr_debug("signalfd: %s", strerror(errno));
        left = signal_all(m, 0);
    }
}

/* ---- what the master listens to -----------------------------------------------------------------
 */

static bool do_ping(struct master *m, struct kr_buf *out)
{
    kr_buf_printf(out, "{\"pong\":\"%s\",\"pid\":%d}\n", m->cfg->nonce, (int)getpid());
    return true;
}

static bool say_stats(struct master *m, size_t listed, struct kr_buf *out)
{
    struct kr_err why = {0};
    if (stats_line(m, listed, out, &why))
        kr_buf_printf(out, "{\"error\":\"%s\"}\n", why.msg);
    return true;
}

static bool do_stats(struct master *m, struct kr_buf *out)
{
    return say_stats(m, LISTED, out);
}

static bool do_stats_all(struct master *m, struct kr_buf *out)
{
    return say_stats(m, 0, out);
}

static bool do_stop(struct master *m, struct kr_buf *out)
{
    (void)out;
    m->stop = true;
    return false;
}

static const struct {
    const char *name;
    bool (*run)(struct master *m, struct kr_buf *out);
} commands[] = {
    {"ping", do_ping}, {"stats", do_stats}, {"stats all", do_stats_all}, {"stop", do_stop}};

static bool run_command(void *arg, const char *name, struct kr_buf *out)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(arg, out);
    kr_buf_printf(out,
                  "{\"error\":\"unknown command; there are: stats, stats all, ping, stop\"}\n");
    return true;
}

static void on_signal(struct master *m)
{
    struct signalfd_siginfo si;
    while (read(m->signals, &si, sizeof si) == (ssize_t)sizeof si)
        if (si.ssi_signo != SIGCHLD)
            m->stop = true;
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

static int watch(struct master *m, struct kr_err *e)
{
    struct pollfd p[2 + KR_CONTROL_FDS];
    struct kr_control_ops ops = {run_command, m};
    while (!m->stop) {
        p[0] = (struct pollfd){.fd = m->signals, .events = POLLIN};
        p[1] = (struct pollfd){.fd = m->lifeline, .events = POLLIN};
        kr_control_poll(m->control, p + 2);
        if (poll(p, 2 + KR_CONTROL_FDS, tend(m)) < 0) {
            if (errno != EINTR)
                return kr_fail(e, KR_INTERNAL, errno, "poll");
            continue;
        }
        if (p[0].revents)
            on_signal(m);
        if (p[1].revents)
            on_lifeline(m);
        kr_control_handle(m->control, p + 2, &ops);
    }
    return 0;
}

/* ---- start and end ------------------------------------------------------------------------------
 */

static int take_signals(struct master *m, struct kr_err *e)
{
    sigset_t set;
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, as it may be inherited, children vanish unseen */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    m->signals =
        sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signals < 0 ? kr_fail(e, KR_CANNOT, errno, "signalfd") : 0;
}

static int raise_files(struct kr_sink_config *cfg, struct kr_err *e)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return kr_fail(e, KR_CANNOT, errno, "RLIMIT_NOFILE");
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r))
        return kr_fail(e, KR_CANNOT, errno, "RLIMIT_NOFILE");
    uint64_t room = r.rlim_max > 2 * FD_RESERVE ? r.rlim_max - FD_RESERVE : FD_RESERVE;
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

static int write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t r = write(fd, data, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        data += r;
        n -= (size_t)r;
    }
    return 0;
}

static int say_ready(struct master *m, struct kr_err *e)
{
    if (m->cfg->ready_fd == KR_SINK_NO_FD)
        return 0;
    KR_AUTO_FD int fd = (int)m->cfg->ready_fd;
    return write_all(fd, "READY\n", 6)
               ? kr_fail(e, KR_CANNOT, errno, "--ready-fd %d", (int)m->cfg->ready_fd)
               : 0;
}

static int open_all(struct master *m, struct kr_err *e)
{
    struct kr_sink_config *cfg = m->cfg;
    if (take_signals(m, e) || raise_files(cfg, e) || kr_sink_listen(cfg, &m->listeners, e))
        return -1;
    if (cfg->control && !(m->control = kr_control_open(cfg->control, e)))
        return -1;
    if (open_account(m, e))
        return -1;
    m->stats = kr_sink_stats_make(workers(m) + 1, e);
    m->slot = kr_calloc(workers(m), sizeof *m->slot);
    return m->stats ? kr_sink_drop(cfg->user, e) : -1;
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
    int64_t until = clock_ms() + START_MS;
    size_t ready = 0;
    int end = 0;
    while (!end && !m->stop) {
        struct pollfd p[] = {{.fd = m->started[0], .events = POLLIN},
                             {.fd = m->signals, .events = POLLIN}};
        int64_t ms = until - clock_ms();
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
    return m->stop || ready == workers(m)
               ? 0
               : kr_fail(e, KR_CANNOT, 0, "only %zu of %u workers have started", ready, workers(m));
}

static int start_all(struct master *m, struct kr_err *e)
{
    if (pipe2(m->started, O_CLOEXEC | O_NONBLOCK))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    for (unsigned i = 0; i < workers(m); i++)
        if (start_worker(m, i, e))
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
    return m->account >= 0 && write_all(m->account, line->s, line->len)
               ? kr_fail(e, KR_CANNOT, errno, "writing --stats-on-exit '%s'", m->cfg->stats_file)
               : 0;
}

int kr_sink_run(struct kr_sink_config *cfg, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf line = {0};
    struct master m = {
        .cfg = cfg, .signals = -1, .account = -1, .started = {-1, -1}, .born = clock_ms()};
    m.lifeline = cfg->lifeline_fd == KR_SINK_NO_FD ? -1 : (int)cfg->lifeline_fd;
    int bad = open_all(&m, e);
    if (!bad) {
        bad = start_all(&m, e) || watch(&m, e) ? -1 : 0;
        m.stop = true;
        kr_sink_unlisten(m.listeners, workers(&m) * cfg->listens);
        stop_workers(&m);
        if (final_account(&m, &line, bad ? NULL : e))
            bad = -1;
    }
    kr_control_close(m.control, &line);
    kr_sink_stats_free(m.stats, workers(&m) + 1);
    free(m.listeners);
    free(m.slot);
    kr_close_fd(&m.started[0]);
    kr_close_fd(&m.started[1]);
    kr_close_fd(&m.account);
    kr_close_fd(&m.signals);
    return bad;
}

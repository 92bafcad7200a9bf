#include "session.h"

#include <kr/clock.h>
#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/notify.h>
#include <kr/report.h>
#include <kr/watch.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define URGENT (-15)

#define AT(field) offsetof(struct kr_watch_command, field)
static const struct kr_opt rows[] = {
    {.name = "hook",
     .kind = KR_OPT_STRING,
     .offset = AT(hook),
     .arg = "FILE",
     .help = "run this program for each breach, the event as JSON on its standard input",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "signal",
     .kind = KR_OPT_UINT,
     .offset = AT(signal),
     .arg = "PID",
     .min = 1,
     .max = 4194304, /* PID_MAX_LIMIT */
     .help = "send SIGUSR1 to this process for each breach",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "exit-on-breach",
     .kind = KR_OPT_FLAG,
     .offset = AT(exit_on_breach),
     .help = "end with status 5 at the first breach; the guards stay",
     .flags = KR_OPT_NO_CONFIG},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

static void on_event(const struct kr_event *ev, void *arg)
{
    const struct kr_common *c = arg;
    if (c->format == KR_FORMAT_JSON)
        kr_json_event(ev, stdout);
    else if (!c->quiet || ev->breach)
        kr_text_event(ev, stdout);
    fflush(stdout);
}

static int open_signals(struct kr_err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    int fd =
        sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? kr_fail(e, KR_CANNOT, errno, "signalfd") : fd;
}

static int open_options(const struct kr_watch_command *o, struct kr_watch_options *w,
                        struct kr_err *e)
{
    w->hook = o->hook;
    w->signal_fd = o->signal ? (int)syscall(SYS_pidfd_open, (pid_t)o->signal, 0) : -1;
    if (o->signal && w->signal_fd < 0)
        return kr_fail(e, KR_USAGE, errno, "--signal '%ju'", (uintmax_t)o->signal);
    if (o->hook && (*o->hook != '/' || access(o->hook, X_OK)))
        return kr_fail(e, KR_USAGE, *o->hook == '/' ? errno : 0,
                       "--hook '%s' is no program by its full name", o->hook);
    return 0;
}

/* True when it is time to go. */
static bool take_signal(int fd, struct kr_watch *w)
{
    struct signalfd_siginfo s;
    if (read(fd, &s, sizeof s) != sizeof s)
        return false;
    if (s.ssi_signo != SIGHUP)
        return true;
    kr_watch_reload(w);
    return false;
}

/* Only as long as the last look was good: else the manager is to start it anew. */
static void ping(const struct kr_watch *w, uint64_t now, uint64_t *due)
{
    if (!kr_notify_interval() || now < *due || !kr_watch_good(w))
        return;
    kr_notify("WATCHDOG=1");
    *due = now + kr_notify_interval() / 2;
}

static int wait_ms(struct kr_watch *w)
{
    int ms = kr_watch_wait(w), ping_ms = (int)(kr_notify_interval() / 4000);
    return ping_ms && ping_ms < ms ? ping_ms : ms;
}

static int loop(struct kr_watch *w, int signals, const struct kr_watch_command *o)
{
    uint64_t due = 0;
    for (;;) {
        struct pollfd p[] = {{.fd = kr_watch_fd(w), .events = POLLIN},
                             {.fd = signals, .events = POLLIN}};
        if (poll(p, 2, wait_ms(w)) < 0 && errno != EINTR)
            return KR_INTERNAL;
        if (p[1].revents && take_signal(signals, w))
            return KR_OK;
        if (!kr_watch_step(w))
            return KR_OK;
        if (o->exit_on_breach && kr_watch_breaches(w))
            return KR_BREACH;
        ping(w, kr_now_us(), &due);
    }
}

static int watch(const struct kr_common *c, const struct kr_watch_command *o,
                 const struct kr_paths *paths, struct kr_err *e)
{
    struct kr_watch *w;
    struct kr_common mine = *c;
    struct kr_watch_options how = {.paths = paths, .on_event = on_event, .arg = &mine};
    KR_AUTO_FD int signals = open_signals(e);
    if (signals < 0 || open_options(o, &how, e) || kr_watch_open(&how, &w, e))
        return (int)e->exit;
    kr_notify("READY=1\nSTATUS=watching");
    int status = loop(w, signals, o);
    kr_notify("STOPPING=1");
    kr_watch_close(w);
    kr_close_fd(&how.signal_fd);
    return status;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_session session;
    kr_notify_setup();
    setpriority(PRIO_PROCESS, 0, URGENT); /* while the test saturates every processor; if it may */
    if (kr_session_open(&session, "watch", KR_JOB_WATCH, c, false, e))
        return (int)e->exit;
    int status = watch(c, &o->watch, &session.paths, e);
    kr_session_close(&session);
    return status;
}

static const char *const examples[] = {
    "sudo kumo-redirect watch                               until it is ended; the guards stay",
    "sudo kumo-redirect watch --exit-on-breach || stop-the-test",
    "sudo kumo-redirect watch --signal 4711 --format json   SIGUSR1 to the generator",
    NULL,
};
const struct kr_command kr_cmd_watch = {
    .name = "watch",
    .summary = "hold what stands, mend it, fence new devices, tell",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, watch),
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

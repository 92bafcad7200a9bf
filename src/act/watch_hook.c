/* Hooks run one after the other, without a shell, as the user who called sudo or else as nobody,
 * with no capability and the event on standard input. A hook that hangs is killed. */
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 30000000u /* µs */
#define AT_END 10000       /* ms */
#define NOBODY 65534u

static unsigned number(const char *name)
{
    const char *s = getenv(name);
    char *end;
    unsigned long n = s ? strtoul(s, &end, 10) : 0;
    return s && !*end && n && n < NOBODY ? (unsigned)n : NOBODY;
}

/* Should: leave nothing of root. Mustn't: run the hook when that fails. */
static void become_nobody(void)
{
    const unsigned uid = number("SUDO_UID"), gid = number("SUDO_GID");
    if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _exit(126);
}

static void child(const char *file, int in)
{
    char *const argv[] = {(char *)(uintptr_t)file, NULL};
    char *const env[] = {(char[]){"PATH=/usr/local/bin:/usr/bin:/bin"}, NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    setpriority(PRIO_PROCESS, 0, 0);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
        close_range(3, ~0u, 0))
        _exit(126);
    become_nobody();
    execve(file, argv, env);
    _exit(127);
}

/* The whole event fits into the pipe, so nobody waits for the hook to read. */
static int start(struct kr_watch *w, const char *json)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    KR_AUTO_FD int in = ends[0];
    KR_AUTO_FD int out = ends[1];
    fcntl(out, F_SETFL, O_NONBLOCK);
    if (write(out, json, strlen(json)) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        child(w->o.hook, in);
    if (pid < 0)
        return -1;
    w->hooks.running = (int)syscall(SYS_pidfd_open, pid, 0);
    w->hooks.deadline = kr_now_us() + PATIENCE;
    return w->hooks.running < 0 || kr_watch_listen(w, w->hooks.running, KR_HOOK, NULL) ? -1 : 0;
}

static void next(struct kr_watch *w)
{
    struct kr_hooks *h = &w->hooks;
    while (h->running < 0 && h->n) {
        KR_AUTO_FREE char *json = h->queue[0];
        memmove(h->queue, h->queue + 1, --h->n * sizeof *h->queue);
        if (start(w, json))
            kr_warn("hook %s: %s", w->o.hook, strerror(errno));
    }
}

void kr_watch_raise(struct kr_watch *w, const char *json)
{
    struct kr_hooks *h = &w->hooks;
    if (w->o.signal_fd >= 0)
        syscall(SYS_pidfd_send_signal, w->o.signal_fd, SIGUSR1, NULL, 0);
    if (!w->o.hook)
        return;
    if (h->n == sizeof h->queue / sizeof *h->queue) {
        kr_warn("hook %s: too slow, an event is left out (it is in %s)", w->o.hook,
                w->o.paths->events);
        return;
    }
    h->queue[h->n++] = kr_strdup(json);
    next(w);
}

static void reap(struct kr_watch *w)
{
    siginfo_t how = {0};
    struct kr_hooks *h = &w->hooks;
    if (waitid(P_PIDFD, (id_t)h->running, &how, WEXITED) == 0 &&
        (how.si_code != CLD_EXITED || how.si_status))
        kr_warn("hook %s: ended with %s %d", w->o.hook,
                how.si_code == CLD_EXITED ? "status" : "signal", how.si_status);
    kr_watch_forget(w, &h->running);
}

void kr_watch_hook_ended(struct kr_watch *w)
{
    if (w->hooks.running >= 0)
        reap(w);
    next(w);
}

static void kill_hook(struct kr_hooks *h)
{
    syscall(SYS_pidfd_send_signal, h->running, SIGKILL, NULL, 0);
}

void kr_watch_hooks_late(struct kr_watch *w)
{
    if (w->hooks.running >= 0 && kr_now_us() > w->hooks.deadline)
        kill_hook(&w->hooks);
}

void kr_watch_hooks_end(struct kr_watch *w)
{
    uint64_t until = kr_now_us() + AT_END * 1000u;
    struct kr_hooks *h = &w->hooks;
    while (h->running >= 0) {
        struct pollfd p = {.fd = h->running, .events = POLLIN};
        uint64_t now = kr_now_us();
        if (poll(&p, 1, now < until ? (int)((until - now) / 1000) : 0) <= 0)
            kill_hook(h);
        reap(w);
        next(w);
    }
}

#include <kr/tool.h>

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct line {
    char s[KR_TOOL_LINE];
    size_t len;
    bool any; /* a byte since the last line feed, also one that had no room */
    char last;
};
struct run {
    const struct kr_tool *t;
    struct kr_tool_end *end;
    pid_t pid;
    int out, err; /* -1 once it is at its end */
    struct line lines[2];
};

/* ---- in the child ---------------------------------------------------------------------------- */

static bool become(const struct kr_tool *t)
{
    return !t->uid || (setgroups(0, NULL) == 0 && setresgid(t->gid, t->gid, t->gid) == 0 &&
                       setresuid(t->uid, t->uid, t->uid) == 0);
}

static bool arrange(int out, int err)
{
    sigset_t none;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigemptyset(&none);
    sigaction(SIGPIPE, &usual, NULL);
    int in = open("/dev/null", O_RDONLY);
    return in >= 0 && dup2(in, STDIN_FILENO) == STDIN_FILENO &&
           dup2(out, STDOUT_FILENO) == STDOUT_FILENO && dup2(err, STDERR_FILENO) == STDERR_FILENO &&
           sigprocmask(SIG_SETMASK, &none, NULL) == 0 && setpgid(0, 0) == 0 && chdir("/") == 0;
}

/* The death signal is asked for after the user changed, which clears it (prctl(2)). */
static void __attribute__((noreturn))
be_tool(const struct kr_tool *t, pid_t parent, int out, int err)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *const env[] = {path, locale, NULL};
    if (arrange(out, err) && become(t) && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
        getppid() == parent)
        execve(t->argv[0], (char *const *)(uintptr_t)t->argv, env);
    _exit(127);
}

/* ---- in this process ------------------------------------------------------------------------- */

static int start(struct run *r, struct kr_err *e)
{
    int out[2], err[2];
    pid_t parent = getpid();
    if (pipe2(out, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int w_out = out[1];
    r->out = out[0];
    if (pipe2(err, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int w_err = err[1];
    r->err = err[0];
    r->pid = fork();
    if (r->pid == 0)
        be_tool(r->t, parent, w_out, w_err);
    if (r->pid < 0)
        return kr_fail(e, KR_CANNOT, errno, "fork");
    setpgid(r->pid, r->pid); /* also done by the child: whoever is first */
    return 0;
}

static bool give(struct run *r, struct line *l)
{
    bool go_on = true;
    l->s[l->len] = '\0';
    if (l == &r->lines[1])
        snprintf(r->end->said, sizeof r->end->said, "%.199s", l->s);
    else if (r->t->on_line)
        go_on = r->t->on_line(l->s, l->len, l->last, r->t->arg);
    l->len = 0;
    l->any = false;
    return go_on;
}

static bool take(struct run *r, struct line *l, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\n') {
            if (!give(r, l))
                return false;
            continue;
        }
        l->any = true;
        l->last = s[i];
        if (l->len < sizeof l->s - 1)
            l->s[l->len++] = s[i];
    }
    return true;
}

/* False when on_line has had enough. */
static bool read_some(struct run *r, int *fd, struct line *l)
{
    char chunk[65536];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR)
        return true;
    if (n > 0 && fd == &r->out && r->t->on_bytes)
        return r->t->on_bytes(chunk, (size_t)n, r->t->arg);
    if (n > 0)
        return take(r, l, chunk, (size_t)n);
    kr_close_fd(fd);
    *fd = -1;
    return !l->any || give(r, l);
}

static int wait_ms(uint64_t now, uint64_t idle_until, uint64_t until)
{
    uint64_t end = idle_until < until ? idle_until : until;
    return now >= end ? 0 : (int)((end - now + 999) / 1000);
}

static int over(const struct run *r, bool idle, struct kr_err *e)
{
    return kr_fail(e, KR_UNKNOWN, 0, "%s does not %s within %u s", r->t->argv[0],
                   idle ? "say anything" : "come to an end",
                   (idle ? r->t->idle_ms : r->t->most_ms) / 1000);
}

static int follow(struct run *r, struct kr_err *e)
{
    uint64_t until = kr_now_us() + r->t->most_ms * 1000ull;
    uint64_t idle = kr_now_us() + r->t->idle_ms * 1000ull;
    while (r->out >= 0 || r->err >= 0) {
        struct pollfd p[] = {{.fd = r->out, .events = POLLIN}, {.fd = r->err, .events = POLLIN}};
        uint64_t now = kr_now_us();
        int got = poll(p, 2, wait_ms(now, idle, until));
        if (got < 0 && errno != EINTR)
            return kr_fail(e, KR_CANNOT, errno, "poll");
        now = kr_now_us();
        if (now >= until || (got == 0 && now >= idle))
            return over(r, now < until, e);
        if (got <= 0)
            continue;
        idle = now + r->t->idle_ms * 1000ull;
        if ((p[0].revents && !read_some(r, &r->out, &r->lines[0])) ||
            (p[1].revents && !read_some(r, &r->err, &r->lines[1]))) {
            r->end->stopped = true;
            return 0;
        }
    }
    return 0;
}

/* Both pipes may be closed long before the end. */
static int reap(struct run *r, struct kr_err *e)
{
    int status = 0;
    for (unsigned ms = 0; waitpid(r->pid, &status, WNOHANG) == 0; ms += 5) {
        if (ms >= r->t->idle_ms)
            return over(r, false, e);
        poll(NULL, 0, 5);
    }
    r->pid = 0;
    r->end->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

static void finish(struct run *r)
{
    kr_close_fd(&r->out);
    kr_close_fd(&r->err);
    if (r->pid <= 0)
        return;
    kill(-r->pid, SIGKILL);
    kill(r->pid, SIGKILL);
    while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int kr_tool_run(const struct kr_tool *t, struct kr_tool_end *end, struct kr_err *e)
{
    struct run r = {.t = t, .end = end, .out = -1, .err = -1};
    memset(end, 0, sizeof *end);
    int bad = start(&r, e) || follow(&r, e) || (!end->stopped && reap(&r, e));
    finish(&r);
    return bad ? -1 : 0;
}

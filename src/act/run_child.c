#include <kr/run_child.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define NOT_THERE 127
#define NOT_RUN 126
#define OWN_FAILURE 125
#define REAL 'r'
#define KEPT 'k'

/* ---- looking for the program ------------------------------------------------------------------*/

static int look(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return errno == ENOENT || errno == ENOTDIR ? NOT_THERE : NOT_RUN;
    return S_ISREG(st.st_mode) && st.st_mode & 0111 ? 0 : NOT_RUN;
}

static int look_in_path(const char *name)
{
    const char *path = getenv("PATH");
    char file[PATH_MAX];
    int best = NOT_THERE;
    for (const char *p = path ? path : "/usr/bin:/bin"; best && *p;) {
        size_t n = strcspn(p, ":");
        int got = snprintf(file, sizeof file, "%.*s/%s", (int)n, p, name) < PATH_MAX ? look(file)
                                                                                     : NOT_THERE;
        best = got != NOT_THERE ? got : best;
        p += n + (p[n] == ':');
    }
    return best;
}

static int cannot(const char *name, int status, int sys, struct kr_err *e)
{
    kr_fail(e, KR_CANNOT, sys ? sys : status == NOT_THERE ? ENOENT : EACCES, "'%s'", name);
    return status;
}

int kr_run_child_lookup(const char *name, struct kr_err *e)
{
    int status = strchr(name, '/') ? look(name) : *name ? look_in_path(name) : NOT_THERE;
    return status ? cannot(name, status, 0, e) : 0;
}

/* ---- its side ---------------------------------------------------------------------------------*/

struct ends {
    int go[2], failed[2], out[2]; /* [0] is read from; out[1] is the command's */
};

static void reset_signals(const sigset_t *mask)
{
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static void say_failed(const struct ends *x, int sys)
{
    if (write(x->failed[1], &sys, sizeof sys) != sizeof sys)
        _exit(OWN_FAILURE);
    _exit(sys == ENOENT ? NOT_THERE : NOT_RUN);
}

/* It dies with its parent: changing ids clears that, so it is said afterwards. */
static void be_command(const struct kr_run_child *c, const struct kr_cage *cage,
                       const struct kr_run_user *u, const struct kr_run_argvs *argvs,
                       const struct ends *x, pid_t parent)
{
    char word;
    if (kr_run_user_become(u, NULL))
        say_failed(x, EPERM);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent ||
        dup2(x->out[1], STDOUT_FILENO) < 0)
        _exit(OWN_FAILURE);
    putenv((char *)(uintptr_t)cage->mark);
    reset_signals(&c->mask);
    ssize_t n;
    close(x->go[1]);
    do
        n = read(x->go[0], &word, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        _exit(OWN_FAILURE);
    char *const *argv = word == REAL ? argvs->real : argvs->kept;
    execvp(argv[0], argv);
    say_failed(x, errno);
}

/* ---- our side ---------------------------------------------------------------------------------*/

static void make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t))
        return;
    cfmakeraw(&t); /* what is written comes out as it is: the real terminal does the rest */
    tcsetattr(fd, TCSANOW, &t);
}

static int open_terminal(int out[2], struct kr_err *e)
{
    char name[64];
    struct winsize w;
    out[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (out[0] < 0 || grantpt(out[0]) || unlockpt(out[0]) || ptsname_r(out[0], name, sizeof name))
        return kr_fail(e, KR_CANNOT, errno, "a pseudoterminal");
    out[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (out[1] < 0)
        return kr_fail(e, KR_CANNOT, errno, "%s", name);
    make_raw(out[1]);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
        ioctl(out[1], TIOCSWINSZ, &w);
    return 0;
}

static int open_ends(struct kr_run_child *c, struct ends *x, struct kr_err *e)
{
    c->terminal = isatty(STDOUT_FILENO);
    if (c->terminal)
        return open_terminal(x->out, e);
    return pipe2(x->out, O_CLOEXEC) ? kr_fail(e, KR_CANNOT, errno, "pipe") : 0;
}

/* What it writes to belongs to the user, who may open it again (/dev/stdout). */
static int open_all(struct kr_run_child *c, const struct kr_run_user *u, struct ends *x,
                    struct kr_err *e)
{
    if (pipe2(x->go, O_CLOEXEC) || pipe2(x->failed, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    uid_t was = geteuid();
    setfsuid(u->uid);
    int bad = open_ends(c, x, e);
    setfsuid(was);
    return bad;
}

static void close_pair(int fd[2])
{
    kr_close_fd(&fd[0]);
    kr_close_fd(&fd[1]);
}

int kr_run_child_start(struct kr_run_child *c, struct kr_cage *cage, const struct kr_run_user *u,
                       const struct kr_run_argvs *argvs, struct kr_err *e)
{
    struct ends x = {{-1, -1}, {-1, -1}, {-1, -1}};
    pid_t parent = getpid();
    int bad = open_all(c, u, &x, e);
    if (!bad) {
        c->pid = fork();
        if (c->pid == 0)
            be_command(c, cage, u, argvs, &x, parent);
        bad = c->pid < 0 ? kr_fail(e, KR_CANNOT, errno, "fork") : 0;
    }
    if (!bad)
        bad = kr_cage_put(cage, c->pid, e);
    c->out = x.out[0];
    c->go = x.go[1];
    c->failed = x.failed[0];
    x.out[0] = x.go[1] = x.failed[0] = -1;
    close_pair(x.out);
    close_pair(x.go);
    close_pair(x.failed);
    return bad;
}

int kr_run_child_release(struct kr_run_child *c, bool real, const char *name, struct kr_err *e)
{
    int sys = 0;
    char word = real ? REAL : KEPT;
    bool told = write(c->go, &word, 1) == 1;
    kr_close_fd(&c->go);
    ssize_t n;
    do
        n = told ? read(c->failed, &sys, sizeof sys) : -1;
    while (n < 0 && told && errno == EINTR);
    kr_close_fd(&c->failed);
    if (told && n == 0)
        return 0;
    return cannot(name, n > 0 && sys == ENOENT ? NOT_THERE : NOT_RUN, sys, e);
}

void kr_run_child_resize(const struct kr_run_child *c, int out)
{
    struct winsize w;
    if (c->terminal && out >= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
        ioctl(out, TIOCSWINSZ, &w);
}

void kr_run_child_close(struct kr_run_child *c)
{
    int *const fds[] = {&c->out, &c->go, &c->failed};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        kr_close_fd(fds[i]);
        *fds[i] = -1;
    }
}

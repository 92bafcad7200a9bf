#include <kr/sinkctl.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/files.h>
#include <kr/mem.h>
#include <kr/program.h>
#include <kr/state.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000
#define CROWD 4u /* workers a processor, at most */

static int make_nonce(char out[static 40], struct kr_err *e)
{
    uint8_t raw[12];
    if (getrandom(raw, sizeof raw, 0) != sizeof raw)
        return kr_fail(e, KR_CANNOT, errno, "getrandom");
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

/* Files a worker may have open: the sink raises its limit, if it starts as a root that may. */
static uint64_t files_of_worker(void)
{
    struct rlimit files;
    bool may = geteuid() == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 1;
    uint64_t most = may ? kr_files_most() : 0;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return most;
    return files.rlim_max > most ? files.rlim_max : most;
}

unsigned kr_sink_workers(long cpus, uint64_t files)
{
    unsigned n = cpus > 0 ? (unsigned)cpus : 1;
    uint64_t room = files > 256 ? files - 128 : 128;
    uint64_t need = (KR_FILES_SINK - 1) / room + 1, most = (uint64_t)n * CROWD;
    return need <= n ? n : (unsigned)(need < most ? need : most);
}

/* What becomes of the sink's files, signals and session. */
struct spawn {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
};

static void prepare_spawn(struct spawn *s, const struct kr_paths *paths, int ready, int lifeline)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&s->how);
    posix_spawnattr_setsigmask(&s->how, &none);
    posix_spawnattr_setflags(&s->how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_init(&s->files);
    posix_spawn_file_actions_addopen(&s->files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&s->files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&s->files, STDERR_FILENO, paths->log, flags, 0644);
    posix_spawn_file_actions_adddup2(&s->files, ready, ready); /* not closed on exec */
    posix_spawn_file_actions_adddup2(&s->files, lifeline, lifeline);
}

static void end_spawn(struct spawn *s)
{
    posix_spawn_file_actions_destroy(&s->files);
    posix_spawnattr_destroy(&s->how);
}

/* Not by fork(2): every page that is written behind it would have to be copied. Returns the pid. */
static pid_t spawn_sink(const char *program, const struct kr_paths *paths, uint16_t port,
                        const char *nonce, int ready, int lifeline, struct kr_err *e)
{
    char listen4[32], listen6[32], fd_ready[12], fd_life[12], count[12];
    snprintf(count, sizeof count, "%u",
             kr_sink_workers(sysconf(_SC_NPROCESSORS_ONLN), files_of_worker()));
    snprintf(listen4, sizeof listen4, "0.0.0.0:%u", port);
    snprintf(listen6, sizeof listen6, "[::]:%u", port);
    snprintf(fd_ready, sizeof fd_ready, "%d", ready);
    snprintf(fd_life, sizeof fd_life, "%d", lifeline);
    const char *const args[] = {program,        "--listen",      listen4,        "--listen",
                                listen6,        "--range",       KR_SINK_RANGE4, "--range",
                                KR_SINK_RANGE6, "--workers",     count,          "--nonce",
                                nonce,          "--control",     paths->control, "--ready-fd",
                                fd_ready,       "--lifeline-fd", fd_life,        NULL};
    char *const env[] = {NULL};
    struct spawn s;
    pid_t pid = -1;
    prepare_spawn(&s, paths, ready, lifeline);
    int err = posix_spawn(&pid, program, &s.files, &s.how, (char *const *)(uintptr_t)args, env);
    end_spawn(&s);
    return err ? kr_fail(e, KR_CANNOT, err, "starting %s", program) : pid;
}

static int last_words(const struct kr_paths *paths, const char *what, struct kr_err *e)
{
    char text[600] = "";
    KR_AUTO_FD int fd = open(paths->log, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
        n--;
    text[n > 0 ? n : 0] = '\0';
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    return kr_fail(e, KR_CANNOT, 0, "kumo-sink %s: %s", what, *line ? line : "it said nothing");
}

static int wait_ready(int fd, const struct kr_paths *paths, struct kr_err *e)
{
    char text[8] = "";
    size_t have = 0;
    while (have < 6) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int got = poll(&p, 1, START_MS);
        if (got < 0)
            return kr_fail(e, KR_CANNOT, errno, "waiting for kumo-sink");
        if (got == 0)
            return last_words(paths, "does not get ready", e);
        ssize_t n = read(fd, text + have, 6 - have);
        if (n <= 0)
            return last_words(paths, "did not start", e);
        have += (size_t)n;
    }
    return strcmp(text, "READY\n") == 0 ? 0 : last_words(paths, "answers oddly", e);
}

int kr_sink_launch(const struct kr_paths *paths, uint16_t port, struct kr_sinkproc *out,
                   struct kr_err *e)
{
    char program[PATH_MAX];
    int ready[2], life[2];
    *out = (struct kr_sinkproc){.lifeline = -1, .ready = -1};
    if (kr_program_find("kumo-sink", KR_BINDIR, program, e) || make_nonce(out->nonce, e))
        return -1;
    if (pipe2(ready, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int r1 = ready[1];
    out->ready = ready[0];
    if (pipe2(life, O_CLOEXEC))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    KR_AUTO_FD int l0 = life[0];
    out->lifeline = life[1];
    out->pid = spawn_sink(program, paths, port, out->nonce, r1, l0, e);
    if (out->pid >= 0)
        return 0;
    kr_sink_abandon(out);
    return -1;
}

int kr_sink_await(struct kr_sinkproc *s, const struct kr_paths *paths, struct kr_err *e)
{
    int bad = wait_ready(s->ready, paths, e);
    kr_close_fd(&s->ready);
    if (bad)
        kr_sink_abandon(s);
    return bad;
}

int kr_sink_keep(struct kr_sinkproc *s, struct kr_err *e)
{
    if (s->lifeline < 0)
        return 0;
    if (write(s->lifeline, "K", 1) != 1)
        return kr_fail(e, KR_CANNOT, errno, "telling kumo-sink to stay");
    kr_close_fd(&s->lifeline);
    return 0;
}

void kr_sink_abandon(struct kr_sinkproc *s)
{
    kr_close_fd(&s->ready);
    if (s->lifeline < 0)
        return;
    kr_close_fd(&s->lifeline);
    for (int tries = 0; s->pid > 0 && tries < 300; tries++) {
        kill(s->pid, tries < 200 ? SIGTERM : SIGKILL);
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            s->pid = 0;
        else
            poll(NULL, 0, 10);
    }
}

#include <kr/run_guard.h>
#include <kr/run_guard_said.h>

#include "run_guard_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/up.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENCE 5000000u /* µs */
#define START_MS 15000
#define END_MS 15000
#define LOCK_MS 3000
#define TRIES 60

static int hear_within(struct kr_guard *g, struct kr_guard_said *s, unsigned ms)
{
    uint64_t until = kr_now_us() + (uint64_t)ms * 1000;
    for (;;) {
        int got = kr_guard_hear(g, s);
        uint64_t now = kr_now_us();
        if (got || now >= until)
            return got;
        struct pollfd p = {.fd = g->line, .events = POLLIN};
        poll(&p, 1, (int)((until - now) / 1000 + 1));
    }
}

/* ALIVE, or the reason why not, with the exit status it leads to. */
static int wait_started(struct kr_guard *g, struct kr_err *e)
{
    struct kr_guard_said s;
    int got;
    do
        got = hear_within(g, &s, START_MS);
    while (got == 1 && s.word != KR_GUARD_ALIVE && s.word != KR_GUARD_NOT_YET);
    if (got == 1 && s.word == KR_GUARD_ALIVE)
        return 0;
    kr_guard_end(g, true);
    if (got == 1)
        return kr_fail(e, (enum kr_exit)s.us, 0, "%.900s", s.text);
    return kr_fail(e, KR_UNKNOWN, 0, "the guard of the run did not start");
}

int kr_guard_start(struct kr_guard *g, const struct kr_guard_want *want, struct kr_err *e)
{
    int ends[2];
    *g = (struct kr_guard){.line = -1, .heard = kr_now_us()};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return kr_fail(e, KR_CANNOT, errno, "socketpair");
    g->pid = fork();
    if (g->pid == 0) {
        close(ends[0]);
        kr_guard_run(want, ends[1]);
    }
    close(ends[1]);
    g->line = ends[0];
    if (g->pid < 0) {
        g->pid = 0;
        kr_guard_end(g, true);
        return kr_fail(e, KR_CANNOT, errno, "fork");
    }
    return wait_started(g, e);
}

int kr_guard_hear(struct kr_guard *g, struct kr_guard_said *out)
{
    ssize_t n = g->line < 0 ? 0 : recv(g->line, out, sizeof *out, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= (ssize_t)offsetof(struct kr_guard_said, text))
        return -1;
    out->text[(size_t)n - offsetof(struct kr_guard_said, text) - 1] = '\0';
    g->heard = kr_now_us();
    return 1;
}

bool kr_guard_silent(const struct kr_guard *g)
{
    return kr_now_us() - g->heard > SILENCE;
}

static void ask(struct kr_guard *g, char word)
{
    send(g->line, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int kr_guard_arm(struct kr_guard *g, unsigned ms, struct kr_err *e)
{
    struct kr_guard_said s;
    uint64_t until = kr_now_us() + (uint64_t)ms * 1000;
    char problem[512] = "the guard of the run does not answer";
    ask(g, KR_ASK_ARM);
    while (kr_now_us() < until) {
        int got = hear_within(g, &s, 100);
        if (got < 0)
            return kr_fail(e, KR_UNKNOWN, 0, "the guard of the run ended");
        if (!got || s.word == KR_GUARD_ALIVE || s.word == KR_GUARD_EVENT)
            continue;
        if (s.word == KR_GUARD_ARMED)
            return 0;
        snprintf(problem, sizeof problem, "%.500s", s.text);
        if (s.word == KR_GUARD_NOT_YET)
            break;
    }
    return kr_fail(e, KR_UNSAFE, 0, "the watch can't be armed: %s", problem);
}

void kr_guard_end(struct kr_guard *g, bool lost)
{
    struct kr_guard_said s;
    if (!lost && g->line >= 0) {
        ask(g, KR_ASK_END);
        for (uint64_t until = kr_now_us() + END_MS * 1000u; kr_now_us() < until;)
            if (hear_within(g, &s, 100) < 0)
                break;
    }
    if (g->pid > 0) {
        kill(g->pid, SIGKILL);
        waitpid(g->pid, NULL, 0);
    }
    kr_close_fd(&g->line);
    *g = (struct kr_guard){.line = -1};
}

/* The tables are given up by the kernel once the last process that held their socket is gone. */
int kr_guard_block(const struct kr_paths *paths, struct kr_err *e)
{
    struct kr_state s;
    struct kr_cut_count cut = {0};
    KR_AUTO_FD int lock = kr_state_lock(paths, LOCK_MS, e);
    if (lock < 0)
        return -1;
    int got = kr_state_read(paths, &s, e);
    if (got != 1)
        return got ? -1 : kr_fail(e, KR_UNKNOWN, 0, "nothing is recorded that could be blocked");
    struct kr_err why = {0};
    int bad = s.plan.mode == KR_MODE_REDIRECT;
    for (int i = 0; bad && i < TRIES; i++) {
        bad = kr_block(paths, &s, NULL, &cut, &why);
        if (bad)
            poll(NULL, 0, 50);
    }
    kr_state_free(&s);
    return bad ? kr_fail(e, why.exit, why.sys, "%.900s", why.msg) : 0;
}

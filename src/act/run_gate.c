/* Theory of operation. Two processes look at each other: this one and the guard. The guard freezes
 * and blocks by itself; what is left to the gate is to see that it does, to do it when the guard is
 * lost, and to end the command. Nothing in this loop waits for anything else than its poll(2). */
#include <kr/run_gate.h>
#include <kr/run_guard_said.h>

#include "run_pump.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000u
#define FREEZE_MS 500
#define KILL_MS 5000
#define DEAL 20000000u     /* µs for the guard to go to blocked */
#define GRACE 2000000u     /* µs for what outlived the command */
#define LAST_WORDS 500000u /* µs for output after the last process */

static const int handed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT};

struct gate {
    const struct kr_gate_want *want;
    struct kr_gate_end *end;
    struct kr_pump pump;
    int signals;
    bool exited;
    pid_t prover;
    uint64_t next, prove_at; /* when: the second, the next proof */
    uint64_t breach_at;      /* since when; 0: none */
    uint64_t ended_at, empty_at, asked_at;
};

void kr_gate_signals(sigset_t *was)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGWINCH);
    for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++)
        sigaddset(&set, handed_on[i]);
    sigprocmask(SIG_BLOCK, &set, was);
}

static int open_signals(struct kr_err *e)
{
    sigset_t set, was;
    kr_gate_signals(&was);
    sigprocmask(SIG_BLOCK, NULL, &set);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? kr_fail(e, KR_CANNOT, errno, "signalfd") : fd;
}

/* ---- breaches ---------------------------------------------------------------------------------*/

static void note(struct kr_gate_end *end, const char *id, const char *what)
{
    if (!end->breach)
        snprintf(end->why, sizeof end->why, "%s%s%.400s", id, *id ? ": " : "", what);
    end->breach = true;
}

/* The guard can't: freeze, let the kernel give up what it held, block. */
static void deal_alone(const struct kr_gate_want *want, struct kr_gate_end *end)
{
    struct kr_err why = {0};
    uint64_t begin = kr_now_us();
    end->frozen = kr_cage_freeze(want->cage, FREEZE_MS);
    end->us = (unsigned)(kr_now_us() - begin);
    end->lost = true;
    kr_guard_end(want->guard, true);
    end->blocked = kr_guard_block(want->paths, &why) == 0;
    if (!end->blocked)
        snprintf(end->why + strlen(end->why), sizeof end->why - strlen(end->why), "; %.200s",
                 why.msg);
}

static void lost(const struct kr_gate_want *want, struct kr_gate_end *end, const char *how)
{
    note(end, "watch", how);
    deal_alone(want, end);
}

static void tell_event(const struct kr_gate_want *want, const struct kr_guard_said *s)
{
    const bool breach = s->word == KR_GUARD_BREACH;
    struct kr_event ev = {
        .kind = s->kind, .breach = breach, .id = s->id, .what = s->text, .us = s->deed_us};
    snprintf(ev.time, sizeof ev.time, "%s", s->time);
    want->on_event(&ev, want->arg);
}

/* True when there is more to hear. */
static bool hear(const struct kr_gate_want *want, struct kr_gate_end *end)
{
    struct kr_guard_said s;
    int got = end->lost ? 0 : kr_guard_hear(want->guard, &s);
    if (got < 0)
        lost(want, end, "the guard of the run was ended");
    if (got != 1)
        return false;
    if (s.word == KR_GUARD_BREACH && !end->breach) {
        end->frozen = s.frozen;
        end->us = s.us;
        note(end, s.id, s.text);
    }
    if (s.word == KR_GUARD_BREACH || s.word == KR_GUARD_EVENT)
        tell_event(want, &s);
    end->blocked |= s.word == KR_GUARD_BLOCKED;
    if (s.word == KR_GUARD_UNBLOCKED)
        deal_alone(want, end);
    return true;
}

static void listen_to_guard(const struct kr_gate_want *want, struct kr_gate_end *end,
                            uint64_t breach_at)
{
    if (!want->guard || end->lost)
        return;
    while (hear(want, end))
        ;
    if (end->lost)
        return;
    bool late = breach_at && !end->blocked && kr_now_us() - breach_at > DEAL;
    if (late || (!breach_at && kr_guard_silent(want->guard)))
        lost(want, end, "the guard of the run does not answer");
}

static bool dealt_with(const struct kr_gate_end *end)
{
    return end->breach && (end->blocked || end->lost);
}

/* ---- processes --------------------------------------------------------------------------------*/

static int shell_status(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A command that stops itself stops the job that the shell sees (as sudo(8) does it). */
static void stopped(const struct gate *g, int sig)
{
    if (sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU)
        return;
    kill(getpid(), SIGTSTP);
    kill(g->want->child->pid, SIGCONT);
}

static void reap(struct gate *g)
{
    int status;
    while (!g->exited && waitpid(g->want->child->pid, &status, WNOHANG | WUNTRACED) > 0) {
        if (WIFSTOPPED(status)) {
            stopped(g, WSTOPSIG(status));
            continue;
        }
        g->exited = true;
        g->ended_at = kr_now_us();
        g->end->status = shell_status(status);
    }
    if (g->prover > 0 && waitpid(g->prover, &status, WNOHANG) == g->prover) {
        g->prover = 0;
        if (shell_status(status) != 0 && !g->end->breach) {
            note(g->end, "verify", "what stands could not be proven again");
            deal_alone(g->want, g->end);
        }
    }
}

/* The command may have looked before its output had the new size. */
static void resized(const struct gate *g)
{
    kr_run_child_resize(g->want->child, g->pump.from);
    if (g->want->child->terminal && !g->exited)
        kill(g->want->child->pid, SIGWINCH);
}

/* What came from the terminal has reached the command already: it is in our process group. */
static void hand_on(struct gate *g, const struct signalfd_siginfo *s)
{
    if (s->ssi_signo == SIGWINCH)
        resized(g);
    else if (s->ssi_signo != SIGCHLD && s->ssi_code != SI_KERNEL && !g->exited)
        kill(g->want->child->pid, (int)s->ssi_signo);
}

static void take_signals(struct gate *g)
{
    struct signalfd_siginfo s;
    while (read(g->signals, &s, sizeof s) == sizeof s)
        hand_on(g, &s);
}

/* What outlives the command would go on unwatched: it is asked to end, then ended. */
static void end_stragglers(struct gate *g)
{
    uint64_t now = kr_now_us();
    if (!g->exited || g->empty_at)
        return;
    if (kr_cage_empty(g->want->cage)) {
        g->empty_at = now;
        return;
    }
    g->end->stragglers = true;
    if (!g->asked_at) {
        g->asked_at = now;
        kr_cage_signal(g->want->cage, SIGTERM);
    } else if (now - g->asked_at > GRACE) {
        kr_cage_kill(g->want->cage, KILL_MS);
        g->empty_at = kr_now_us();
    }
}

static void end_all(struct gate *g)
{
    int status;
    if (!kr_cage_kill(g->want->cage, KILL_MS))
        note(g->end, "", "processes of the command can't be ended");
    if (!g->exited && waitpid(g->want->child->pid, &status, 0) > 0)
        g->end->status = shell_status(status);
    g->exited = true;
}

/* ---- the loop ---------------------------------------------------------------------------------*/

static void each_second(struct gate *g)
{
    uint64_t now = kr_now_us();
    if (now < g->next)
        return;
    g->next = now + SECOND;
    kr_run_child_resize(g->want->child, g->pump.from);
    g->want->on_second(g->want->arg);
    if (!g->want->prove_s || now < g->prove_at || g->prover > 0)
        return;
    g->prove_at = now + (uint64_t)g->want->prove_s * SECOND;
    g->prover = g->want->on_prove(g->want->arg);
}

static int wait_ms(const struct gate *g)
{
    uint64_t now = kr_now_us();
    if (g->exited || g->end->breach)
        return 10;
    return now >= g->next ? 0 : (int)((g->next - now + 999) / 1000);
}

static bool over(const struct gate *g)
{
    if (dealt_with(g->end))
        return true;
    bool said = kr_pump_done(&g->pump) || kr_now_us() - g->empty_at > LAST_WORDS;
    return !g->end->breach && g->exited && g->empty_at && said;
}

static void step(struct gate *g)
{
    struct pollfd p[4] = {{.fd = g->signals, .events = POLLIN},
                          {.fd = g->want->guard ? g->want->guard->line : -1, .events = POLLIN}};
    kr_pump_wants(&g->pump, p + 2);
    poll(p, 4, wait_ms(g));
    listen_to_guard(g->want, g->end, g->breach_at);
    if (g->end->breach && !g->breach_at)
        g->breach_at = kr_now_us();
    take_signals(g);
    reap(g);
    kr_pump_step(&g->pump, p + 2, g->want->on_output, g->want->arg);
    each_second(g);
    if (!g->end->breach)
        end_stragglers(g);
}

int kr_gate_run(const struct kr_gate_want *want, struct kr_gate_end *end, struct kr_err *e)
{
    KR_AUTO_FREE struct gate *g = kr_calloc(1, sizeof *g);
    uint64_t now = kr_now_us();
    *end = (struct kr_gate_end){0};
    g->want = want;
    g->end = end;
    g->next = now + SECOND;
    g->prove_at = now + (uint64_t)want->prove_s * SECOND;
    g->signals = open_signals(e);
    if (g->signals < 0)
        return -1;
    kr_pump_open(&g->pump, want->child->out);
    want->child->out = -1;
    while (!over(g))
        step(g);
    if (end->breach)
        end_all(g);
    if (g->prover > 0) {
        kill(g->prover, SIGKILL);
        waitpid(g->prover, NULL, 0);
    }
    kr_pump_close(&g->pump);
    kr_close_fd(&g->signals);
    return 0;
}

int kr_gate_idle(const struct kr_gate_want *want, unsigned ms, struct kr_gate_end *end)
{
    uint64_t until = kr_now_us() + (uint64_t)ms * 1000, breach_at = 0;
    for (;;) {
        listen_to_guard(want, end, breach_at);
        uint64_t now = kr_now_us();
        if (end->breach && !breach_at)
            breach_at = now;
        if (dealt_with(end) || (now >= until && !end->breach))
            return end->breach;
        struct pollfd p = {.fd = want->guard->line, .events = POLLIN};
        poll(&p, 1, (int)(end->breach ? 10 : (until - now) / 1000 + 1));
    }
}

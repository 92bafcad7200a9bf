/* What has no event is polled by the checks of the registry, in a process of its own, so that a
 * look at all processes of the machine, or a check that hangs, never keeps the guards waiting. */
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OFTEN 700000u    /* µs between rounds of what is cheap */
#define SELDOM 10000000u /* µs between whole rounds, at least ... */
#define SHARE 500u       /* ... and so many times as long as one takes */
#define RUNG_SHARE 12u   /* the same when something rang */
#define PATIENCE 10000000u
#define FRESH 60000000u

static void child(struct kr_watch *w, int line)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpriority(PRIO_PROCESS, 0, 0); /* its own work is not as urgent as mending */
    if (getppid() != w->me.pid)
        _exit(0);
    kr_nl_end(&w->owner);
    kr_bell_close(&w->rules);
    kr_bell_close(&w->routing);
    int *const fds[] = {&w->control, &w->record, &w->epoll, &w->sink, &w->hooks.running};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        kr_close_fd(fds[i]);
    kr_prover_run(w->o.paths, w->o.waivers, line);
}

static int start(struct kr_watch *w)
{
    int ends[2];
    struct kr_prover *p = &w->prover;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return -1;
    p->pid = fork();
    if (p->pid == 0) {
        close(ends[0]);
        child(w, ends[1]);
    }
    close(ends[1]);
    p->line = ends[0];
    p->full_due = 0;
    if (p->pid > 0 && kr_watch_listen(w, p->line, KR_PROVER, NULL) == 0)
        return 0;
    kr_watch_prove_end(w);
    return -1;
}

bool kr_watch_proof_is_fresh(const struct kr_watch *w)
{
    return w->prover.last && kr_now_us() - w->prover.last < FRESH;
}

void kr_watch_prove_end(struct kr_watch *w)
{
    struct kr_prover *p = &w->prover;
    kr_watch_forget(w, &p->line);
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
    p->pid = 0;
    p->asked = 0;
    kr_buf_free(&p->said);
}

static void fail(struct kr_watch *w, const char *what)
{
    kr_watch_problem(w, KR_WATCH_CHECK "checks", what);
    kr_watch_prove_end(w);
    w->prover.due = kr_now_us() + OFTEN;
}

static void ask(struct kr_watch *w)
{
    struct kr_prover *p = &w->prover;
    uint64_t now = kr_now_us();
    char what = now >= p->full_due ? KR_PROVE_ALL : KR_PROVE_CHEAP;
    if ((!p->pid && start(w)) || send(p->line, &what, 1, MSG_NOSIGNAL) != 1) {
        fail(w, "the checks can't be run");
        return;
    }
    p->full = what == KR_PROVE_ALL;
    if (p->full)
        kr_watch_round(w, true);
    p->again = false;
    p->asked = now;
}

uint64_t kr_watch_prove_due(const struct kr_watch *w)
{
    const struct kr_prover *p = &w->prover;
    return p->asked ? p->asked + PATIENCE : p->due;
}

void kr_watch_prove(struct kr_watch *w)
{
    if (kr_now_us() < kr_watch_prove_due(w) || w->busy || w->gave_way)
        return;
    if (w->prover.asked)
        fail(w, "a check does not come to an end");
    else
        ask(w);
}

void kr_watch_prove_rang(struct kr_watch *w)
{
    struct kr_prover *p = &w->prover;
    uint64_t soon = p->last + RUNG_SHARE * p->cost;
    p->again = true;
    if (p->full_due > soon)
        p->full_due = soon;
    if (!p->asked)
        p->due = 0;
}

/* Doubt may come of a change in the middle of a look: it counts when the next look has it too. */
static bool counts(const struct kr_watch *w, const char *id, bool doubt, struct kr_buf *doubts)
{
    char word[80];
    snprintf(word, sizeof word, " %s ", id);
    if (!doubt || kr_watch_has_problem(w, id))
        return true;
    kr_buf_printf(doubts, "%s", word);
    return strstr(w->prover.doubt, word) != NULL;
}

/* Lines of one check follow each other. */
static void take_lines(struct kr_watch *w, char *text, struct kr_buf *doubts)
{
    char *save = NULL;
    KR_AUTO_BUF struct kr_buf what = {0};
    char id[64] = "", last[80] = "";
    bool doubt = false;
    for (char *line = strtok_r(text, "\n", &save);; line = strtok_r(NULL, "\n", &save)) {
        char *verdict = line ? strchr(line, '\t') : NULL;
        char *detail = verdict ? strchr(verdict + 1, '\t') : NULL;
        if (detail)
            *verdict = *detail = '\0';
        if (*id && (!detail || strcmp(line, id) != 0)) {
            snprintf(last, sizeof last, KR_WATCH_CHECK "%s", id);
            if (counts(w, id, doubt, doubts))
                kr_watch_problem(w, last, kr_buf_str(&what));
            kr_buf_free(&what);
        }
        if (!detail)
            return;
        snprintf(id, sizeof id, "%s", line);
        doubt = strcmp(verdict + 1, "unknown") == 0;
        kr_buf_printf(&what, "%s: %s\n", verdict + 1, detail + 1);
    }
}

static void finish(struct kr_watch *w)
{
    struct kr_prover *p = &w->prover;
    KR_AUTO_BUF struct kr_buf doubts = {0};
    uint64_t now = kr_now_us();
    bool quiet = w->busy || w->gave_way; /* up or down is changing what was looked at */
    if (!quiet)
        take_lines(w, p->said.s, &doubts);
    snprintf(p->doubt, sizeof p->doubt, "%s", kr_buf_str(&doubts));
    if (p->full) {
        p->cost = now - p->asked;
        p->full_due = now + (SHARE * p->cost > SELDOM ? SHARE * p->cost : SELDOM);
        if (!quiet)
            kr_watch_settle(w, true);
    }
    p->last = now;
    if (p->full && doubts.len)
        p->full_due = now;
    p->due = p->again || doubts.len ? now : now + OFTEN;
    p->asked = 0;
    kr_buf_free(&p->said);
}

void kr_watch_proved(struct kr_watch *w)
{
    char chunk[4096];
    struct kr_prover *p = &w->prover;
    ssize_t n = recv(p->line, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !p->asked) {
        fail(w, "the process that runs the checks ended");
        return;
    }
    kr_buf_add(&p->said, chunk, (size_t)n);
    if (p->said.len >= 2 && strcmp(p->said.s + p->said.len - 2, ".\n") == 0 &&
        (p->said.len == 2 || p->said.s[p->said.len - 3] == '\n'))
        finish(w);
}

/* Theory of operation: the guard's loop is the watch's, with two more things to hear: the gate's
 * words, and the gate's end. Nothing here waits for the gate: what is told to it is told without
 * waiting, so that a gate that is stopped, or stuck in a write, holds nothing up. */
#include "run_guard_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/watch.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define URGENT (-15)
#define FREEZE_MS 500
#define KILL_MS 5000
#define ALIVE 1000000u /* µs */
#define ARM 10000000u  /* µs: the first look of all checks must be through by then */

#define MOST_KEPT 8

struct guard {
    const struct kr_guard_want *want;
    struct kr_watch *w;
    int line;
    uint64_t told, asked; /* asked: to be armed, since when; 0: not */
    bool armed, breach, dealt, over;
    char problem[512];                    /* the first one before it was armed */
    struct kr_guard_said kept[MOST_KEPT]; /* what matters, and could not be told yet */
    size_t n_kept;
};

/* True when it is told, or can't ever be. */
static bool push(const struct guard *g, const struct kr_guard_said *s)
{
    size_t n = offsetof(struct kr_guard_said, text) + strlen(s->text) + 1;
    ssize_t got = send(g->line, s, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

/* The gate may be stopped: what it must know is kept for it. */
static void push_kept(struct guard *g)
{
    while (g->n_kept && push(g, &g->kept[0])) {
        g->n_kept--;
        memmove(g->kept, g->kept + 1, g->n_kept * sizeof *g->kept);
    }
}

static void say(struct guard *g, const struct kr_guard_said *s)
{
    bool matters = s->word >= KR_GUARD_BREACH;
    push_kept(g);
    g->told = kr_now_us();
    if ((g->n_kept || !push(g, s)) && matters && g->n_kept < MOST_KEPT)
        g->kept[g->n_kept++] = *s;
}

static void tell(struct guard *g, enum kr_guard_word word, const char *text)
{
    struct kr_guard_said s = {.word = word};
    snprintf(s.text, sizeof s.text, "%s", text);
    say(g, &s);
}

/* Before anything else, in the middle of a look. */
static void freeze(struct guard *g, struct kr_guard_said *s)
{
    uint64_t begin = kr_now_us();
    s->word = KR_GUARD_BREACH;
    s->frozen = kr_cage_freeze(g->want->cage, FREEZE_MS);
    s->us = (unsigned)(kr_now_us() - begin);
    g->breach = true;
}

static void on_event(const struct kr_event *ev, void *arg)
{
    struct guard *g = arg;
    struct kr_guard_said s = {.word = KR_GUARD_EVENT, .kind = ev->kind, .deed_us = ev->us};
    snprintf(s.time, sizeof s.time, "%s", ev->time);
    snprintf(s.id, sizeof s.id, "%s", ev->id);
    snprintf(s.text, sizeof s.text, "%s", ev->what);
    if (ev->breach && g->armed)
        freeze(g, &s);
    else if (ev->breach)
        s.word = KR_GUARD_PROBLEM;
    if (s.word == KR_GUARD_PROBLEM && !*g->problem)
        snprintf(g->problem, sizeof g->problem, "%s: %.400s", ev->id, ev->what);
    say(g, &s);
}

static void taken_down(struct guard *g)
{
    struct kr_guard_said s = {.kind = KR_EVENT_BROKEN, .id = "watch"};
    snprintf(s.text, sizeof s.text, "what stood was taken down");
    freeze(g, &s);
    say(g, &s);
}

static void block(struct guard *g)
{
    struct kr_err why = {0};
    g->dealt = true;
    if (kr_guard_block(g->want->paths, &why))
        tell(g, KR_GUARD_UNBLOCKED, why.msg);
    else
        tell(g, KR_GUARD_BLOCKED, "");
}

/* The gate is gone: nobody else will end the generator. */
static void orphaned(struct guard *g)
{
    struct kr_cage cage = *g->want->cage;
    kr_cage_freeze(&cage, FREEZE_MS);
    kr_warn("the run was ended from outside: its generator is stopped%s",
            g->want->own ? ", and mail is blocked" : "; the redirect stands as it was found");
    if (g->want->own && !g->dealt)
        block(g);
    kr_cage_kill(&cage, KILL_MS);
    kr_cage_close(&cage);
    g->over = true;
}

static void arm(struct guard *g)
{
    if (*g->problem) {
        tell(g, KR_GUARD_NOT_YET, g->problem);
        g->asked = 0;
    } else if (kr_watch_good(g->w)) {
        g->armed = true;
        g->asked = 0;
        tell(g, KR_GUARD_ARMED, "");
    } else if (kr_now_us() - g->asked > ARM) {
        tell(g, KR_GUARD_NOT_YET, "the watch has not seen that all is good");
        g->asked = 0;
    }
}

static void take_word(struct guard *g)
{
    char word = 0;
    ssize_t n = recv(g->line, &word, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        orphaned(g);
    else if (word == KR_ASK_END)
        g->over = true;
    else if (word == KR_ASK_ARM)
        g->asked = kr_now_us();
}

static int wait_ms(struct guard *g)
{
    int ms = kr_watch_wait(g->w), most = g->asked ? 20 : (int)(ALIVE / 2000);
    return ms < most ? ms : most;
}

static void loop(struct guard *g)
{
    while (!g->over) {
        struct pollfd p[] = {{.fd = kr_watch_fd(g->w), .events = POLLIN},
                             {.fd = g->line, .events = POLLIN}};
        if (poll(p, 2, wait_ms(g)) < 0 && errno != EINTR)
            return;
        if (p[1].revents)
            take_word(g);
        if (g->over)
            return;
        bool stands = kr_watch_step(g->w);
        if (!stands && g->armed && !g->breach)
            taken_down(g);
        if (g->breach && !g->dealt)
            block(g);
        if (g->asked)
            arm(g);
        if (g->n_kept)
            push_kept(g);
        if (kr_now_us() - g->told >= ALIVE / 2)
            tell(g, KR_GUARD_ALIVE, "");
        if (!stands)
            return;
    }
}

/* Out of reach of the terminal and of what is sent to the run's process group. */
static void stand_apart(void)
{
    const int deaf[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGUSR1, SIGUSR2};
    sigset_t none;
    sigemptyset(&none);
    setsid();
    for (size_t i = 0; i < sizeof deaf / sizeof *deaf; i++)
        signal(deaf[i], SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpriority(PRIO_PROCESS, 0, URGENT); /* if it may */
    prctl(PR_SET_NAME, "kumo-run-guard");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
}

static struct kr_guard_said refusal(const struct kr_err *why)
{
    struct kr_guard_said s = {.word = KR_GUARD_NOT_YET, .us = (unsigned)why->exit};
    snprintf(s.text, sizeof s.text, "%s", why->msg);
    return s;
}

/* What the gate holds open for its command is none of the guard's. */
static void close_others(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);
    if (a < 0 || b < 0)
        low = high;
    if (low > 3)
        close_range(3, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0u, 0);
}

void kr_guard_run(const struct kr_guard_want *want, int line)
{
    struct guard g = {.want = want, .line = line};
    struct kr_err why = {0};
    const struct kr_watch_options o = {.paths = want->paths,
                                       .waivers = want->waivers,
                                       .keep = true,
                                       .signal_fd = -1,
                                       .on_event = on_event,
                                       .arg = &g};
    stand_apart();
    close_others(line, want->cage->fd);
    struct kr_watch *w = NULL;
    if (kr_watch_open(&o, &w, &why)) {
        const struct kr_guard_said s = refusal(&why);
        say(&g, &s);
        _exit(1);
    }
    g.w = w;
    tell(&g, KR_GUARD_ALIVE, "");
    loop(&g);
    kr_watch_close(g.w);
    _exit(0);
}

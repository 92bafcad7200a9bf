#include "status_watch.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/report.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct watch {
    const struct kr_common *common;
    const struct kr_paths *paths;
    struct kr_look was, now;
    bool screen, color, keys, ended;
    struct termios before;
    int signals;
};

/* False when nobody reads any more. */
static bool put(const char *s, size_t n)
{
    while (n) {
        ssize_t w = write(STDOUT_FILENO, s, n);
        if (w < 0 && errno != EINTR)
            return false;
        s += w > 0 ? w : 0;
        n -= w > 0 ? (size_t)w : 0;
    }
    return true;
}

/* ---- the terminal ---------------------------------------------------------------------------- */

/* The other screen, no cursor, no wrapping; keys as they are pressed. */
static void enter(struct watch *w)
{
    static const char on[] = "\033[?1049h\033[?25l\033[?7l\033[2J";
    put(on, sizeof on - 1);
    w->keys = tcgetattr(STDIN_FILENO, &w->before) == 0;
    if (w->keys) {
        struct termios t = w->before;
        t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
    }
}

static void leave(const struct watch *w)
{
    static const char off[] = "\033[?7h\033[?25h\033[?1049l";
    put(off, sizeof off - 1);
    if (w->keys)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &w->before);
}

static void draw(struct watch *w)
{
    KR_AUTO_BUF struct kr_buf out = {0};
    const struct kr_look *was = w->was.us ? &w->was : NULL;
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    if (!w->screen && w->common->format == KR_FORMAT_JSON) {
        kr_json_status(&w->now.standing, stdout);
        w->ended |= fflush(stdout) != 0;
        return;
    }
    if (!w->screen)
        kr_screen_line(was, &w->now, &out);
    else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
        kr_screen_draw(w->paths, was, &w->now, 24, 80, w->color, &out);
    else
        kr_screen_draw(w->paths, was, &w->now, size.ws_row, size.ws_col, w->color, &out);
    w->ended |= !put(out.s, out.len);
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void stop_for_a_while(struct watch *w)
{
    if (w->screen)
        leave(w);
    raise(SIGSTOP);
    if (w->screen) {
        enter(w);
        draw(w);
    }
}

static void take_signal(struct watch *w)
{
    struct signalfd_siginfo s;
    if (read(w->signals, &s, sizeof s) != sizeof s)
        return;
    if (s.ssi_signo == SIGTSTP)
        stop_for_a_while(w);
    else if (s.ssi_signo == SIGWINCH)
        draw(w);
    else
        w->ended = true;
}

static void take_key(struct watch *w)
{
    char key = 0;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    bool gone = n == 0 || (n < 0 && errno != EINTR);
    if (gone || key == 'q' || key == 'Q')
        w->ended = true;
    else if (key == '\f')
        draw(w);
}

/* Until it is time for the next look. */
static void wait_until(struct watch *w, uint64_t due)
{
    for (uint64_t now = kr_now_us(); !w->ended && now < due; now = kr_now_us()) {
        struct pollfd p[] = {{.fd = w->signals, .events = POLLIN},
                             {.fd = w->screen && w->keys ? STDIN_FILENO : -1, .events = POLLIN}};
        if (poll(p, 2, (int)((due - now + 999) / 1000)) <= 0)
            continue;
        if (p[0].revents)
            take_signal(w);
        if (p[1].revents)
            take_key(w);
    }
}

static int look(struct watch *w, struct kr_err *e)
{
    kr_look_free(&w->was);
    w->was = w->now;
    w->now = (struct kr_look){0};
    if (kr_look(w->paths, &w->now, e))
        return -1;
    draw(w);
    return 0;
}

static int loop(struct watch *w, uint64_t every, struct kr_err *e)
{
    uint64_t due = kr_now_us();
    while (!w->ended) {
        if (look(w, e))
            return -1;
        due += every * 1000000;
        if (due < kr_now_us())
            due = kr_now_us();
        wait_until(w, due);
    }
    return 0;
}

static int open_signals(struct kr_err *e)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH, SIGPIPE};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
        sigaddset(&set, caught[i]);
    int fd =
        sigprocmask(SIG_BLOCK, &set, NULL) ? -1 : signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? kr_fail(e, KR_CANNOT, errno, "signalfd") : fd;
}

int kr_status_watch(const struct kr_common *c, const struct kr_paths *paths, uint64_t every,
                    struct kr_look *last, struct kr_err *e)
{
    const char *term = getenv("TERM");
    struct watch w = {.common = c, .paths = paths, .color = kr_log_color(STDOUT_FILENO)};
    w.signals = open_signals(e);
    if (w.signals < 0)
        return -1;
    w.screen = c->format == KR_FORMAT_TEXT && isatty(STDOUT_FILENO) && term && *term &&
               strcmp(term, "dumb") != 0;
    if (w.screen)
        enter(&w);
    int bad = loop(&w, every ? every : 1, e);
    if (w.screen)
        leave(&w);
    close(w.signals);
    kr_look_free(&w.was);
    *last = w.now;
    return bad;
}

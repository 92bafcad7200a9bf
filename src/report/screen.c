#include <kr/screen.h>

#include <kr/clock.h>
#include <kr/mem.h>
#include <kr/nft_kernel.h>
#include <kr/sinkctl.h>

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TAIL 16384 /* bytes of the events that are looked at */

int kr_look(const struct kr_paths *paths, struct kr_look *out, struct kr_err *e)
{
    memset(out, 0, sizeof *out);
    if (kr_standing_read(paths, &out->standing, e)) {
        kr_look_free(out);
        return -1;
    }
    if (out->standing.state.plan.builtin)
        kr_sink_ask(paths, "stats", &out->sink, NULL);
    out->us = kr_now_us();
    return 0;
}

void kr_look_free(struct kr_look *l)
{
    kr_standing_free(&l->standing);
    kr_buf_free(&l->sink);
    memset(l, 0, sizeof *l);
}

/* ---- figures --------------------------------------------------------------------------------- */

static double rate(const struct kr_look *was, const struct kr_look *now, uint64_t a, uint64_t b)
{
    double s = was ? (double)(now->us - was->us) / 1e6 : 0;
    return s > 0 && b >= a ? (double)(b - a) / s : 0;
}

static uint64_t packets(const struct kr_look *l, const char *name)
{
    return l ? kr_standing_packets(&l->standing, name) : 0;
}

static uint64_t of_sink(const struct kr_look *l, const char *key)
{
    json_t *j = l && l->sink.len ? json_loads(l->sink.s, 0, NULL) : NULL;
    json_int_t n = json_integer_value(json_object_get(j, key));
    json_decref(j);
    return n > 0 ? (uint64_t)n : 0;
}

void kr_screen_line(const struct kr_look *was, const struct kr_look *now, struct kr_buf *out)
{
    char time[32];
    uint64_t redirected = packets(now, "redirected_v4") + packets(now, "redirected_v6");
    uint64_t before = packets(was, "redirected_v4") + packets(was, "redirected_v6");
    uint64_t blocked = packets(now, "blocked_output") + packets(now, "blocked_forward") +
                       packets(now, "blocked_postrouting");
    uint64_t mails = of_sink(now, "messages");
    kr_state_now(time);
    kr_buf_printf(out,
                  "%s %s: redirected %" PRIu64 " (%.0f/s), messages %" PRIu64 " (%.0f/s), "
                  "blocked %" PRIu64 "\n",
                  time, kr_standing_name(&now->standing), redirected,
                  rate(was, now, before, redirected), mails,
                  rate(was, now, of_sink(was, "messages"), mails), blocked);
}

/* ---- the screen ------------------------------------------------------------------------------ */

struct canvas {
    struct kr_buf *out;
    unsigned left, columns; /* rows that are left */
    bool color;
};

/* A line; what does not fit is cut, what is no printable character is shown as one. */
static void __attribute__((format(printf, 3, 4)))
line(struct canvas *c, const char *color, const char *fmt, ...)
{
    char text[512];
    va_list args;
    if (!c->left)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (c->columns < sizeof text)
        text[c->columns] = '\0';
    for (char *s = text; *s; s++)
        if (*s < ' ' || *s > '~')
            *s = '?';
    kr_buf_printf(c->out, "%s%s%s\033[K%s", c->color ? color : "", text,
                  c->color && *color ? "\033[0m" : "", --c->left ? "\n" : "");
}

static void head(struct canvas *c, const struct kr_look *now)
{
    const struct kr_standing *s = &now->standing;
    bool good = kr_standing_whole(s);
    char time[32];
    kr_state_now(time);
    line(c, good ? "\033[1;32m" : "\033[1;31m", "%s%s%s", kr_standing_name(s),
         good ? " since " : "", good ? s->state.since : "");
    line(c, "", "%s   %s", time,
         s->watched == 1 ? "watched" : "nobody watches (kumo-redirect watch)");
    if (*s->let_go.at)
        line(c, "\033[1;31m", "down --force at %s: %s", s->let_go.at, s->let_go.what);
}

static void counters(struct canvas *c, const struct kr_look *was, const struct kr_look *now)
{
    line(c, "", " ");
    line(c, "\033[1m", "%-24s %16s %10s", "in the kernel", "total", "a second");
    for (size_t i = 0; i < now->standing.n_counts; i++) {
        const struct kr_nft_count *n = &now->standing.counts[i];
        if (n->packets)
            line(c, strncmp(n->name, "blocked", 7) == 0 ? "\033[33m" : "",
                 "%-24s %16" PRIu64 " %10.0f", n->name, n->packets,
                 rate(was, now, packets(was, n->name), n->packets));
    }
}

static void sink(struct canvas *c, const struct kr_look *was, const struct kr_look *now)
{
    static const char *const keys[] = {"connections",      "messages",          "recipients",
                                       "messages_refused", "messages_deferred", "not_redirected"};
    if (!now->sink.len)
        return;
    line(c, "", " ");
    line(c, "\033[1m", "%-24s %16s %10s", "at the sink", "total", "a second");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        uint64_t n = of_sink(now, keys[i]);
        line(c, "", "%-24s %16" PRIu64 " %10.0f", keys[i], n,
             rate(was, now, of_sink(was, keys[i]), n));
    }
}

static void problems(struct canvas *c, const char *why)
{
    while (*why) {
        size_t n = strcspn(why, "\n");
        line(c, "\033[1;31m", "problem: %.*s", (int)n, why);
        why += n + (why[n] == '\n');
    }
}

static size_t read_tail(const char *path, char text[static TAIL + 1])
{
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    ssize_t n = size <= 0 ? 0 : pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static void event(struct canvas *c, const char *text)
{
    json_t *j = json_loads(text, 0, NULL);
    const char *at = json_string_value(json_object_get(j, "time"));
    const char *kind = json_string_value(json_object_get(j, "event"));
    const char *id = json_string_value(json_object_get(j, "id"));
    const char *what = json_string_value(json_object_get(j, "what"));
    if (at && kind)
        line(c, json_is_true(json_object_get(j, "breach")) ? "\033[1;31m" : "", "%s %s %s: %s", at,
             kind, id ? id : "", what ? what : "");
    json_decref(j);
}

/* The last ones that there is room for. */
static void events(struct canvas *c, const struct kr_paths *paths)
{
    KR_AUTO_FREE char *text = kr_calloc(TAIL + 1, 1);
    size_t n = read_tail(paths->events, text), from = n;
    if (!n || c->left < 4)
        return;
    line(c, "", " ");
    line(c, "\033[1m", "last events");
    for (unsigned lines = 0; from > 0 && lines <= c->left - 1; from--)
        lines += text[from - 1] == '\n';
    from += from > 0;
    for (char *at = text + from, *end; c->left > 1 && (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        event(c, at);
    }
}

void kr_screen_draw(const struct kr_paths *paths, const struct kr_look *was,
                    const struct kr_look *now, unsigned rows, unsigned columns, bool color,
                    struct kr_buf *out)
{
    struct canvas c = {.out = out, .left = rows, .columns = columns, .color = color};
    kr_buf_printf(out, "\033[H");
    head(&c, now);
    problems(&c, kr_buf_str(&now->standing.why));
    counters(&c, was, now);
    sink(&c, was, now);
    events(&c, paths);
    kr_buf_printf(out, "\033[J");
}

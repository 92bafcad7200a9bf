#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/fnv.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MOST (1 << 20) /* bytes; the one before it is kept too */

static const char *const names[] = {
    [KR_EVENT_STARTED] = "started",   [KR_EVENT_REPAIRED] = "repaired",
    [KR_EVENT_BROKEN] = "broken",     [KR_EVENT_CLEARED] = "cleared",
    [KR_EVENT_FENCED] = "fenced",     [KR_EVENT_BLOCKED] = "blocked",
    [KR_EVENT_COUNTED] = "counted",   [KR_EVENT_LOST] = "lost",
    [KR_EVENT_RELEASED] = "released", [KR_EVENT_OWNED] = "owned",
    [KR_EVENT_ENDED] = "ended"};
_Static_assert(sizeof names / sizeof *names == KR_EVENTS, "a name for each kind");

const char *kr_event_name(enum kr_event_kind k)
{
    return names[k];
}

static json_t *lines(const char *what)
{
    json_t *a = json_array();
    while (*what) {
        size_t n = strcspn(what, "\n");
        json_array_append_new(a, json_stringn(what, n));
        what += n + (what[n] == '\n');
    }
    return a;
}

char *kr_event_json(const struct kr_event *ev)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:I}", "schema", "kumo-redirect/event/1",
                          "time", ev->time, "event", kr_event_name(ev->kind), "breach", ev->breach,
                          "id", ev->id, "what", lines(ev->what), "us", (json_int_t)ev->us);
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    size_t n = text ? strlen(text) : 0;
    char *line = kr_calloc(n + 2, 1);
    if (n)
        memcpy(line, text, n);
    line[n] = '\n';
    free(text);
    return line;
}

static void append(const struct kr_paths *p, const char *line)
{
    char old[sizeof p->events + 4];
    KR_AUTO_FD int fd =
        open(p->events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || write(fd, line, strlen(line)) < 0) {
        kr_warn("%s: %s", p->events, strerror(errno));
        return;
    }
    snprintf(old, sizeof old, "%s.1", p->events);
    if (lseek(fd, 0, SEEK_END) > LOG_MOST && rename(p->events, old))
        kr_warn("%s: %s", p->events, strerror(errno));
}

static void tell(struct kr_watch *w, struct kr_event *ev)
{
    kr_stamp(ev->time);
    KR_AUTO_FREE char *json = kr_event_json(ev);
    append(w->o.paths, json);
    w->breaches += ev->breach;
    if (w->o.on_event)
        w->o.on_event(ev, w->o.arg);
    if (ev->breach)
        kr_watch_raise(w, json);
}

void kr_watch_tell(struct kr_watch *w, enum kr_event_kind kind, bool breach, const char *id,
                   unsigned us, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct kr_event ev = {.kind = kind, .breach = breach, .id = id, .what = text, .us = us};
    tell(w, &ev);
}

void kr_watch_problem(struct kr_watch *w, const char *id, const char *what)
{
    uint64_t h = kr_fnv1a(KR_FNV1A_BASIS, what, strlen(what));
    struct kr_ongoing *x = NULL;
    for (size_t i = 0; i < w->n_ongoing && !x; i++)
        if (strcmp(w->ongoing[i].id, id) == 0)
            x = &w->ongoing[i];
    if (!x) {
        w->ongoing = kr_grow(w->ongoing, &w->cap_ongoing, w->n_ongoing + 1, sizeof *w->ongoing);
        x = &w->ongoing[w->n_ongoing++];
        *x = (struct kr_ongoing){.hash = ~h};
        snprintf(x->id, sizeof x->id, "%s", id);
    }
    x->seen = true;
    if (x->hash == h)
        return;
    x->hash = h;
    kr_watch_tell(w, KR_EVENT_BROKEN, true, id, 0, "%s", what);
}

static bool of_check(const struct kr_ongoing *x)
{
    return strncmp(x->id, KR_WATCH_CHECK, strlen(KR_WATCH_CHECK)) == 0;
}

bool kr_watch_has_problem(const struct kr_watch *w, const char *check)
{
    for (size_t i = 0; i < w->n_ongoing; i++)
        if (of_check(&w->ongoing[i]) &&
            strcmp(w->ongoing[i].id + strlen(KR_WATCH_CHECK), check) == 0)
            return true;
    return false;
}

void kr_watch_round(struct kr_watch *w, bool checks)
{
    for (size_t i = 0; i < w->n_ongoing; i++)
        if (of_check(&w->ongoing[i]) == checks)
            w->ongoing[i].seen = false;
}

void kr_watch_settle(struct kr_watch *w, bool checks)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_ongoing; i++) {
        struct kr_ongoing x = w->ongoing[i];
        if (of_check(&x) == checks && !x.seen)
            kr_watch_tell(w, KR_EVENT_CLEARED, false, x.id, 0, "as it should be again");
        else
            w->ongoing[n++] = x;
    }
    w->n_ongoing = n;
}

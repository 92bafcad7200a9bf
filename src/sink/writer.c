/* Takes record after record out of the queue and writes each to whoever wants it, whole or not at
 * all: what a full disk left of one is cut off again, and a message of a Maildir appears in new by
 * rename(2). Nothing is synced: these files are for looking at, not for keeping mail safe. */
#include "writer_internal.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/sink_filter.h>
#include <kr/sink_knobs.h>
#include <kr/sink_queue.h>
#include <kr/sink_target.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

struct writer {
    const struct kr_writer *w;
    int signals;
    unsigned long files; /* of Maildirs so far */
    char host[65];
    struct kr_buf text;
};

static int write_all(int fd, const char *data, size_t n)
{
    while (n) {
        ssize_t r = write(fd, data, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && errno == EAGAIN) { /* somebody else's non-blocking pipe */
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        if (r < 0)
            return -1;
        data += r;
        n -= (size_t)r;
    }
    return 0;
}

static int append(const struct kr_target *t, const struct kr_buf *text)
{
    off_t before = t->regular ? lseek(t->fd, 0, SEEK_END) : -1;
    if (write_all(t->fd, text->s, text->len) == 0)
        return 0;
    int why = errno;
    if (before >= 0 && ftruncate(t->fd, before))
        kr_debug("%s: what was written in part stays", t->path);
    errno = why;
    return -1;
}

/* Unique by time, process, number and host (cr.yp.to/proto/maildir.html). */
static void name_file(struct writer *w, char *out, size_t n)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    snprintf(out, n, "%lld.M%06ldP%dQ%lu.%s", (long long)t.tv_sec, t.tv_nsec / 1000, (int)getpid(),
             ++w->files, w->host);
}

static int deliver(struct writer *w, const struct kr_target *t, const struct kr_buf *text)
{
    char name[160];
    name_file(w, name, sizeof name);
    int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int bad = write_all(fd, text->s, text->len);
    bad |= close(fd);
    if (!bad && renameat(t->fd, name, t->fresh, name) == 0)
        return 0;
    int why = errno;
    unlinkat(t->fd, name, 0);
    errno = why;
    return -1;
}

/* Said once, and again when it had worked meanwhile. */
static void note_result(struct writer *w, struct kr_target *t, int bad, enum kr_sink_counter failed)
{
    if (bad) {
        kr_sink_add(w->w->stats, failed, 1);
        if (!t->failing)
            kr_warn("%s: %s; what should go there is lost", t->path, strerror(errno));
    } else if (t->failing) {
        kr_info("%s is written again", t->path);
    }
    t->failing = bad != 0;
}

static void write_mail(struct writer *w, struct kr_target *t, const struct note_mail *m)
{
    bool file = t->format == KR_FORMAT_MAILDIR, json = t->format == KR_FORMAT_JSONL;
    if (!json && m->m->code >= 400)
        return;
    w->text.len = 0;
    if (json)
        note_mail_json(w->w, m, w->w->targets->content, &w->text);
    else
        note_mail_text(w->w, m, !file, &w->text);
    note_result(w, t, file ? deliver(w, t, &w->text) : append(t, &w->text), KR_SINK_capture_failed);
}

static void log_connection(struct writer *w, struct kr_target *t,
                           const struct kr_note_connection *c)
{
    w->text.len = 0;
    note_connection_json(w->w, c, &w->text);
    note_result(w, t, append(t, &w->text), KR_SINK_log_failed);
}

static void write_note(struct writer *w, const void *note)
{
    bool connection = *(const uint32_t *)note == KR_NOTE_CONNECTION;
    for (size_t i = 0; i < w->w->targets->n; i++) {
        struct kr_target *t = &w->w->targets->v[i];
        if (connection != (t->format == KR_FORMAT_CONNECTIONS))
            continue;
        if (connection) {
            log_connection(w, t, note);
        } else {
            struct note_mail m = note_mail(note);
            write_mail(w, t, &m);
        }
    }
}

static void empty(struct writer *w)
{
    size_t len;
    for (const void *note; (note = kr_queue_get(w->w->queue, &len)) != NULL;) {
        write_note(w, note);
        kr_queue_done(w->w->queue);
    }
}

static void work(struct writer *w)
{
    struct pollfd p[] = {{.fd = w->signals, .events = POLLIN},
                         {.fd = kr_queue_fd(w->w->queue), .events = POLLIN}};
    do {
        kr_knobs_obey(w->w->knobs, w->w->block, w->w->stats);
        empty(w);
        if (kr_queue_rest(w->w->queue))
            poll(p, 2, -1);
        kr_queue_awake(w->w->queue);
    } while (!(p[0].revents & POLLIN));
    empty(w);
}

static int begin(struct writer *w, struct kr_err *e)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    w->signals = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    if (w->signals < 0)
        return kr_fail(e, KR_CANNOT, errno, "signalfd");
    if (gethostname(w->host, sizeof w->host - 1) || strpbrk(w->host, "/:"))
        snprintf(w->host, sizeof w->host, "kumo-sink");
    tzset(); /* gmtime_r(3) wants to read a file */
    return kr_writer_filter(e);
}

int kr_writer_run(const struct kr_writer *arg)
{
    struct writer w = {.w = arg, .signals = -1};
    struct kr_err e = {0};
    int bad = begin(&w, &e);
    if (bad)
        kr_error("writer: %s", e.msg);
    else
        work(&w);
    kr_close_fd(&w.signals);
    kr_buf_free(&w.text);
    return bad ? KR_CANNOT : KR_OK;
}

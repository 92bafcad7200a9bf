#include "worker.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define TURN_MS 200

static void give_up(struct fetcher *f)
{
    kr_close_fd(&f->fd);
    f->out = 0;
}

static void send_job(struct fetcher *f, const struct kr_fetch_job *j)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    kr_fetch_job_write(&b, j);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = write(f->fd, b.s + at, b.len - at);
        if (n < 0 && errno != EINTR) {
            give_up(f);
            return;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    f->out++;
}

/* Is a word of it there, or on its way? It writes whole frames. */
static bool speaks(struct fetcher *f, int ms)
{
    struct pollfd p = {.fd = f->fd, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

/* 1: a frame of this type, 0: something else or its end, -1: what it says is the matter. */
static int take_frame(struct fetcher *f, char wanted, const uint8_t **data, size_t *len,
                      struct kr_err *e)
{
    enum kr_frame type;
    int got = kr_frame_read(&f->in, f->fd, &type, data, len);
    if (got == 1 && type == (enum kr_frame)wanted)
        return 1;
    if (got == 1 && type == KR_FRAME_ERROR && *len)
        return kr_fail(e, (*data)[0] == KR_USAGE ? KR_USAGE : KR_CANNOT, 0, "%.*s", (int)(*len - 1),
                       (const char *)*data + 1);
    give_up(f);
    return 0;
}

int fetcher_await(struct fetcher *f, struct kr_err *e)
{
    const uint8_t *data;
    size_t len;
    if (f->fd < 0)
        return 0;
    if (speaks(f, (int)(f->patience / 1000)))
        return take_frame(f, KR_FETCH_FRAME_READY, &data, &len, e) < 0 ? -1 : 0;
    give_up(f);
    return 0;
}

static void hear(struct fetcher *f, const struct fetcher_asks *a)
{
    const uint8_t *data;
    size_t len;
    struct kr_fetch_done d;
    do {
        int got = take_frame(f, KR_FETCH_FRAME_DONE, &data, &len, NULL);
        if (got != 1 || kr_fetch_done_read(data, len, &d)) {
            give_up(f);
            return;
        }
        f->out -= f->out > 0;
        a->done(a->arg, &d);
    } while (f->in.n > f->in.at && f->out);
}

void fetcher_run(struct fetcher *f, const struct fetcher_asks *a)
{
    struct kr_fetch_job j;
    bool more = true;
    uint64_t heard = kr_now_us();
    while (f->fd >= 0 && (more || f->out)) {
        while (f->fd >= 0 && more && f->out < KR_FETCH_AT_ONCE && (more = a->next(a->arg, &j)))
            send_job(f, &j);
        if (f->fd < 0 || !f->out)
            continue;
        uint64_t now = kr_now_us();
        if (speaks(f, TURN_MS)) {
            hear(f, a);
            heard = now;
        } else if (now > heard + f->patience) {
            give_up(f);
        }
        a->idle(a->arg);
    }
}

void fetcher_end(struct fetcher *f)
{
    if (f->fd > 0)
        give_up(f);
}

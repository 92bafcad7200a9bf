#include "audit_internal.h"
#include "audit_zstd.h"

#include <kr/buf.h>
#include <kr/mem.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (64u << 10)
#define WINDOW_LOG 27 /* 128 MiB, what zstd(1) takes without being asked for more */

struct lines {
    void (*take)(void *arg, char *line, size_t n);
    void *arg;
    struct kr_buf line; /* what has no end yet */
    bool longer;        /* than is kept: only its length counts */
};

static void end_line(struct lines *s)
{
    size_t n = s->longer ? AUDIT_LINE_MOST + 1 : s->line.len;
    if (!s->longer && n && s->line.s[n - 1] == '\r')
        s->line.s[--n] = '\0';
    kr_buf_add(&s->line, "", 0); /* an empty one is a string too */
    s->take(s->arg, s->line.s, n);
    s->line.len = 0;
    s->longer = false;
}

static void feed(struct lines *s, const char *p, size_t n)
{
    while (n) {
        const char *end = memchr(p, '\n', n);
        size_t part = end ? (size_t)(end - p) : n;
        s->longer |= s->line.len + part > AUDIT_LINE_MOST;
        if (!s->longer)
            kr_buf_add(&s->line, p, part);
        if (!end)
            return;
        end_line(s);
        p += part + 1;
        n -= part + 1;
    }
}

static ssize_t read_some(int fd, char *chunk)
{
    ssize_t n;
    do
        n = read(fd, chunk, CHUNK);
    while (n < 0 && errno == EINTR);
    return n;
}

struct stream {
    const struct audit_zstd *zstd;
    ZSTD_DStream *z;
};

static bool open_stream(struct stream *s)
{
    s->zstd = audit_zstd();
    s->z = s->zstd ? s->zstd->create() : NULL;
    return s->z && !s->zstd->is_error(s->zstd->set(s->z, ZSTD_d_windowLogMax, WINDOW_LOG));
}

static void free_stream(struct stream *s)
{
    if (s->z)
        s->zstd->release(s->z);
}

/* Frames, one after the other. left: what a frame still wants, 0 between two. */
static const char *unpack(int fd, char *chunk, ssize_t n, struct lines *s)
{
    static char plain[CHUNK];
    __attribute__((cleanup(free_stream))) struct stream z = {0};
    size_t left = 1;
    if (!open_stream(&z))
        return "it is compressed with zstd, and this host has no libzstd.so.1";
    for (; n > 0; n = read_some(fd, chunk)) {
        ZSTD_inBuffer in = {chunk, (size_t)n, 0};
        bool full = false; /* it may hold more than it gave */
        while (in.pos < in.size || full) {
            ZSTD_outBuffer out = {plain, sizeof plain, 0};
            left = z.zstd->unpack(z.z, &out, &in);
            if (z.zstd->is_error(left))
                return z.zstd->error_name(left);
            feed(s, plain, out.pos);
            full = out.pos == out.size;
        }
    }
    if (n < 0)
        return strerror(errno);
    return left ? "a zstd frame is not finished: it was cut off, or kumod writes it still (see "
                  "max_segment_duration of configure_local_logs)"
                : NULL;
}

static const char *read_plain(int fd, char *chunk, ssize_t n, struct lines *s)
{
    for (; n > 0; n = read_some(fd, chunk))
        feed(s, chunk, (size_t)n);
    return n < 0 ? strerror(errno) : NULL;
}

static bool starts(const char *chunk, ssize_t n, const char *magic, ssize_t len)
{
    return n >= len && memcmp(chunk, magic, (size_t)len) == 0;
}

const char *audit_read(int fd, void (*take)(void *arg, char *line, size_t n), void *arg,
                       bool *whole)
{
    static char chunk[CHUNK];
    struct lines s = {.take = take, .arg = arg};
    ssize_t n = read_some(fd, chunk);
    const char *why;
    if (starts(chunk, n, "\x28\xb5\x2f\xfd", 4))
        why = unpack(fd, chunk, n, &s);
    else if (starts(chunk, n, "\x1f\x8b", 2) ||
             starts(chunk, n,
                    "\xfd"
                    "7zXZ",
                    5) ||
             starts(chunk, n, "BZh", 3))
        why = "it is compressed, and not with zstd: unpack it first";
    else
        why = read_plain(fd, chunk, n, &s);
    *whole = !s.line.len && !s.longer;
    kr_buf_free(&s.line);
    return why;
}

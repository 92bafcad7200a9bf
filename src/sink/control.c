#include <kr/sink_control.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS (KR_CONTROL_FDS - 1)
#define COMMAND_MAX 4096

struct client {
    int fd;                 /* -1: none */
    char line[COMMAND_MAX]; /* what came */
    size_t len, sent;
    struct kr_buf out;
    char *command; /* whose body is coming; or NULL */
    struct kr_buf body;
    size_t awaited;   /* octets of the body */
    uint64_t serial;  /* when it came */
    bool owed, ended; /* an answer comes later; the client will send no more */
};

struct kr_control {
    int fd;
    struct sockaddr_un at;
    uint64_t serial;
    struct client client[CLIENTS];
};

/* 1: somebody answers, 0: a socket nobody listens on, or nothing at all, -1. */
static int somebody(const struct sockaddr_un *at, struct kr_err *e)
{
    struct stat st;
    if (lstat(at->sun_path, &st))
        return errno == ENOENT ? 0 : kr_fail(e, KR_CANNOT, errno, "%s", at->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return kr_fail(e, KR_CANNOT, 0, "%s is there and no socket", at->sun_path);
    KR_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "socket");
    if (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN)
        return 1;
    if (errno != ECONNREFUSED)
        return kr_fail(e, KR_CANNOT, errno, "%s", at->sun_path);
    return unlink(at->sun_path) ? kr_fail(e, KR_CANNOT, errno, "%s", at->sun_path) : 0;
}

static int bind_private(int fd, const struct sockaddr_un *at)
{
    mode_t old = umask(0177);
    int bad = bind(fd, (const struct sockaddr *)at, sizeof *at);
    int why = errno;
    umask(old);
    errno = why;
    return bad;
}

struct kr_control *kr_control_open(const char *path, struct kr_err *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        kr_fail(e, KR_USAGE, 0, "--control '%s' is longer than a socket's path may be", path);
        return NULL;
    }
    strcpy(at.sun_path, path);
    int there = somebody(&at, e);
    if (there > 0)
        kr_fail(e, KR_CANNOT, 0, "another sink answers on %s", path);
    if (there)
        return NULL;
    KR_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind_private(fd, &at) || listen(fd, SOMAXCONN)) {
        kr_fail(e, KR_CANNOT, errno, "the control socket %s", path);
        return NULL;
    }
    struct kr_control *c = kr_calloc(1, sizeof *c);
    c->at = at;
    c->fd = fd;
    fd = -1;
    for (int i = 0; i < CLIENTS; i++)
        c->client[i].fd = -1;
    return c;
}

static void drop(struct client *k)
{
    kr_close_fd(&k->fd);
    kr_buf_free(&k->out);
    kr_buf_free(&k->body);
    free(k->command);
    *k = (struct client){.fd = -1};
}

/* A free place, or that of the client who came first and is owed nothing: who only holds a
 * connection must not lock out others. NULL: all are owed an answer. */
static struct client *place(struct kr_control *c)
{
    struct client *oldest = NULL;
    for (int i = 0; i < CLIENTS; i++) {
        struct client *k = &c->client[i];
        if (k->fd < 0)
            return k;
        if (!k->owed && (!oldest || k->serial < oldest->serial))
            oldest = k;
    }
    return oldest;
}

static void take(struct kr_control *c)
{
    struct client *k = place(c);
    int fd = k ? accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (fd < 0)
        return;
    drop(k);
    k->fd = fd;
    k->serial = ++c->serial;
}

void kr_control_poll(const struct kr_control *c, struct pollfd *p)
{
    bool room = false;
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *k = c ? &c->client[i] : NULL;
        p[i + 1] = (struct pollfd){.fd = k ? k->fd : -1};
        room |= k && !k->owed;
        if (k && !k->ended && !k->owed)
            p[i + 1].events = POLLIN;
        if (k && k->out.len > k->sent)
            p[i + 1].events = POLLOUT;
    }
    p[0] = (struct pollfd){.fd = c && room ? c->fd : -1, .events = POLLIN};
}

static void consume(struct client *k, size_t n)
{
    k->len -= n;
    memmove(k->line, k->line + n, k->len);
}

/* The line up to its LF is a command; it is run once its body is there. */
static bool take_command(struct client *k, const struct kr_control_ops *ops)
{
    char *lf = memchr(k->line, '\n', k->len);
    if (!lf)
        return false;
    size_t n = (size_t)(lf - k->line);
    *lf = '\0';
    if (n && k->line[n - 1] == '\r')
        k->line[n - 1] = '\0';
    k->command = kr_strdup(k->line);
    k->awaited = ops->body(ops->arg, k->command);
    consume(k, n + 1);
    return true;
}

static void run(struct client *k, const struct kr_control_ops *ops)
{
    bool too_long = k->awaited == SIZE_MAX;
    k->owed = !ops->run(ops->arg, k->command, too_long ? NULL : &k->body, &k->out);
    k->ended |= too_long;
    k->len = too_long ? 0 : k->len;
    free(k->command);
    k->command = NULL;
    kr_buf_free(&k->body);
}

/* Runs the first complete command; the others wait until it is answered. */
static bool take_line(struct client *k, const struct kr_control_ops *ops)
{
    if (k->owed || k->out.len > k->sent || (!k->command && !take_command(k, ops)))
        return false;
    if (k->awaited != SIZE_MAX) {
        size_t want = k->awaited - k->body.len, n = k->len < want ? k->len : want;
        kr_buf_add(&k->body, k->line, n);
        consume(k, n);
        if (k->body.len < k->awaited)
            return false;
    }
    run(k, ops);
    return true;
}

static void receive(struct client *k)
{
    ssize_t r = recv(k->fd, k->line + k->len, sizeof k->line - k->len, 0);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    k->ended = r <= 0;
    if (r > 0)
        k->len += (size_t)r;
    if (!k->command && k->len == sizeof k->line && !memchr(k->line, '\n', k->len))
        drop(k);
}

static void transmit(struct client *k)
{
    ssize_t r = send(k->fd, k->out.s + k->sent, k->out.len - k->sent, MSG_NOSIGNAL);
    if (r < 0 && errno != EAGAIN && errno != EINTR) {
        drop(k);
        return;
    }
    k->sent += r > 0 ? (size_t)r : 0;
    if (k->sent == k->out.len) {
        kr_buf_free(&k->out);
        k->sent = 0;
    }
}

static void serve(struct client *k, short events, const struct kr_control_ops *ops)
{
    if (events & POLLIN && !k->ended)
        receive(k);
    if (k->fd >= 0 && k->out.len > k->sent)
        transmit(k);
    while (k->fd >= 0 && take_line(k, ops))
        if (k->out.len)
            transmit(k);
    bool idle = k->fd >= 0 && !k->owed && k->out.len == k->sent;
    if (k->fd >= 0 && ((idle && k->ended) || events & (POLLERR | POLLHUP)))
        drop(k);
}

void kr_control_handle(struct kr_control *c, const struct pollfd *p,
                       const struct kr_control_ops *ops)
{
    for (int i = 0; c && i < CLIENTS; i++)
        if (c->client[i].fd >= 0 && p[i + 1].fd == c->client[i].fd && p[i + 1].revents)
            serve(&c->client[i], p[i + 1].revents, ops);
    if (c && p[0].revents)
        take(c);
}

static void flush(struct client *k)
{
    while (k->fd >= 0 && k->out.len > k->sent) {
        struct pollfd p = {.fd = k->fd, .events = POLLOUT};
        if (poll(&p, 1, 2000) <= 0)
            return;
        transmit(k);
    }
}

void kr_control_abandon(struct kr_control *c)
{
    if (!c)
        return;
    for (int i = 0; i < CLIENTS; i++)
        drop(&c->client[i]);
    kr_close_fd(&c->fd);
    free(c);
}

void kr_control_close(struct kr_control *c, const struct kr_buf *owed)
{
    if (!c)
        return;
    unlink(c->at.sun_path);
    for (int i = 0; i < CLIENTS; i++) {
        struct client *k = &c->client[i];
        if (k->owed && owed)
            kr_buf_add(&k->out, kr_buf_str(owed), owed->len);
        flush(k);
    }
    kr_control_abandon(c);
}

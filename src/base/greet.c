#include <kr/greet.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Refused at once is an answer like any other. */
static int begin(struct kr_greet *g, struct kr_err *e)
{
    struct sockaddr_storage to;
    socklen_t len = kr_addr_sockaddr(&g->to, g->port, &to);
    if (to.ss_family == AF_INET6 && g->index)
        ((struct sockaddr_in6 *)&to)->sin6_scope_id = g->index;
    g->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g->fd < 0)
        return kr_fail(e, errno == EMFILE || errno == ENFILE ? KR_CANNOT : KR_UNKNOWN, errno,
                       "a socket to ask who answers");
    if (connect(g->fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS)
        kr_close_fd(&g->fd);
    return 0;
}

static void end(struct kr_greet *g)
{
    if (g->fd < 0)
        return;
    if (g->accepted)
        (void)!send(g->fd, "QUIT\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(g->fd);
    g->fd = -1;
}

static void keep_line(struct kr_greet *g, const char *text, size_t n)
{
    const char *stop = memchr(text, '\n', n);
    n = stop ? (size_t)(stop - text) : n;
    n = n < sizeof g->line ? n : sizeof g->line - 1;
    for (size_t i = 0; i < n; i++)
        g->line[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    n -= n && text[n - 1] == '\r';
    g->line[n] = '\0';
}

static void advance(struct kr_greet *g)
{
    char text[sizeof g->line];
    int sys = 0;
    socklen_t len = sizeof sys;
    if (!g->accepted) {
        if (getsockopt(g->fd, SOL_SOCKET, SO_ERROR, &sys, &len) || sys) {
            kr_close_fd(&g->fd);
            return;
        }
        g->accepted = true;
        return;
    }
    ssize_t n = recv(g->fd, text, sizeof text, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        keep_line(g, text, (size_t)n);
    end(g);
}

static size_t list(struct kr_greet *v, size_t n, struct pollfd *polls, size_t *of)
{
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i].fd < 0)
            continue;
        of[open] = i;
        polls[open++] = (struct pollfd){.fd = v[i].fd, .events = v[i].accepted ? POLLIN : POLLOUT};
    }
    return open;
}

static int wait_all(struct kr_greet *v, size_t n, unsigned ms, struct kr_err *e)
{
    KR_AUTO_FREE struct pollfd *polls = kr_calloc(n, sizeof *polls);
    KR_AUTO_FREE size_t *of = kr_calloc(n, sizeof *of);
    uint64_t until = now_ms() + ms, now;
    size_t open;
    while ((open = list(v, n, polls, of)) && (now = now_ms()) < until) {
        if (poll(polls, open, (int)(until - now)) < 0 && errno != EINTR)
            return kr_fail(e, KR_UNKNOWN, errno, "waiting for greetings");
        for (size_t i = 0; i < open; i++)
            if (polls[i].revents)
                advance(&v[of[i]]);
    }
    return 0;
}

int kr_greet_all(struct kr_greet *v, size_t n, unsigned ms, struct kr_err *e)
{
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        v[i].fd = -1;
        v[i].accepted = false;
        v[i].line[0] = '\0';
    }
    for (size_t i = 0; i < n && !bad; i++)
        bad = begin(&v[i], e);
    bad = bad || wait_all(v, n, ms, e);
    for (size_t i = 0; i < n; i++)
        end(&v[i]);
    return bad ? -1 : 0;
}

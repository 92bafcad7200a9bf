/* A client for the administrative listener of a mail server, which is on this machine: HTTP/1.0
 * (RFC 1945), so that the answer ends with the connection and is in one piece. */
#include "queue_http.h"

#include <kr/buf.h>
#include <kr/clock.h>
#include <kr/endpoint.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_BYTES (64u << 20) /* of an answer: metrics of a hundred thousand queues */
#define MOST_HEADERS (64u << 10)

/* A socket belongs to the namespace it was made in; a thread enters that and is thrown away. */
struct far_socket {
    const struct kr_http_at *at;
    int fd, why;
};

static int make_socket(const struct kr_http_at *at)
{
    return socket(at->v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void *make_far(void *arg)
{
    struct far_socket *f = arg;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)f->at->pid);
    KR_AUTO_FD int ns = open(path, O_RDONLY | O_CLOEXEC);
    f->fd = ns < 0 || setns(ns, CLONE_NEWNET) ? -1 : make_socket(f->at);
    f->why = errno;
    return NULL;
}

static int open_socket(const struct kr_http_at *at)
{
    struct far_socket f = {.at = at, .fd = -1};
    pthread_t thread;
    if (!at->pid)
        return make_socket(at);
    int err = pthread_create(&thread, NULL, make_far, &f);
    if (!err)
        pthread_join(thread, NULL);
    errno = err ? err : f.why;
    return f.fd;
}

static int dial(int fd, const struct kr_http_at *at)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(at->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(at->port)};
    memcpy(&v4.sin_addr, at->addr, 4);
    memcpy(&v6.sin6_addr, at->addr, 16);
    return at->v6 ? connect(fd, (struct sockaddr *)&v6, sizeof v6)
                  : connect(fd, (struct sockaddr *)&v4, sizeof v4);
}

static int wait_for(int fd, short events, uint64_t until)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        uint64_t now = kr_now_us();
        int got = now >= until ? 0 : poll(&p, 1, (int)((until - now + 999) / 1000));
        if (got > 0)
            return 0;
        if (got == 0)
            errno = ETIMEDOUT;
        if (got == 0 || errno != EINTR)
            return -1;
    }
}

static int connected(int fd, const struct kr_http_at *at, uint64_t until)
{
    int why = 0;
    socklen_t n = sizeof why;
    if (dial(fd, at) == 0)
        return 0;
    if (errno != EINPROGRESS || wait_for(fd, POLLOUT, until) ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n))
        return -1;
    errno = why;
    return why ? -1 : 0;
}

static int send_all(int fd, const char *s, size_t n, uint64_t until)
{
    while (n) {
        ssize_t w = send(fd, s, n, MSG_NOSIGNAL);
        if (w < 0 && errno == EAGAIN) {
            if (wait_for(fd, POLLOUT, until))
                return -1;
        } else if (w < 0 && errno != EINTR) {
            return -1;
        } else if (w > 0) {
            s += w;
            n -= (size_t)w;
        }
    }
    return 0;
}

/* Up to the end. What is certainly no HTTP is not waited for. */
static int read_all(int fd, struct kr_buf *b, uint64_t until)
{
    static const char begin[] = "HTTP/1.";
    char chunk[65536];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            return 0;
        if (n < 0 && errno == EAGAIN && wait_for(fd, POLLIN, until))
            return -1;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
        if (n > 0)
            kr_buf_add(b, chunk, (size_t)n);
        size_t have = b->len < sizeof begin - 1 ? b->len : sizeof begin - 1;
        if (have && memcmp(b->s, begin, have) != 0)
            return 0;
        if (b->len > MOST_BYTES) {
            errno = EFBIG;
            return -1;
        }
    }
}

static const char *header(const char *head, const char *name)
{
    size_t n = strlen(name);
    for (const char *s = strchr(head, '\n'); s; s = strchr(s + 1, '\n'))
        if (strncasecmp(s + 1, name, n) == 0 && s[1 + n] == ':')
            return s + 2 + n + strspn(s + 2 + n, " \t");
    return NULL;
}

static int bad_answer(const char *why, struct kr_err *e)
{
    return kr_fail(e, KR_UNKNOWN, 0, "%s", why);
}

/* The text in *b becomes its body. Returns the status. */
static int split(struct kr_buf *b, struct kr_err *e)
{
    char *end =
        b->len ? memmem(b->s, b->len < MOST_HEADERS ? b->len : MOST_HEADERS, "\r\n\r\n", 4) : NULL;
    char minor[2], code[4] = ""; /* digits only: a number might have a sign */
    if (!end || sscanf(b->s, "HTTP/1.%1[0-9] %3[0-9]", minor, code) != 2 || strlen(code) != 3 ||
        code[0] < '2')
        return bad_answer(b->len ? "it does not speak HTTP" : "it closes without an answer", e);
    *end = '\0';
    const char *coding = header(b->s, "Transfer-Encoding"), *size = header(b->s, "Content-Length");
    size_t body = b->len - (size_t)(end + 4 - b->s);
    char *rest = NULL;
    if (coding)
        return bad_answer("its answer to HTTP/1.0 is in pieces", e);
    if (size && (strtoull(size, &rest, 10) != body || rest == size))
        return bad_answer("its answer is cut short", e);
    memmove(b->s, end + 4, body);
    b->len = body;
    b->s[body] = '\0';
    return atoi(code);
}

static void write_request(struct kr_buf *b, const struct kr_http_at *at, const char *method,
                          const char *path, const char *json)
{
    char host[INET6_ADDRSTRLEN] = "";
    inet_ntop(at->v6 ? AF_INET6 : AF_INET, at->addr, host, sizeof host);
    kr_buf_printf(b, "%s %s HTTP/1.0\r\nHost: %s%s%s:%u\r\nAccept: application/json\r\n", method,
                  path, at->v6 ? "[" : "", host, at->v6 ? "]" : "", at->port);
    if (json)
        kr_buf_printf(b, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                      strlen(json), json);
    else
        kr_buf_printf(b, "\r\n");
}

int kr_http(const struct kr_http_at *at, const char *method, const char *path, const char *json,
            unsigned most_ms, struct kr_buf *body, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf request = {0};
    uint64_t until = kr_now_us() + most_ms * 1000ull;
    KR_AUTO_FD int fd = open_socket(at);
    write_request(&request, at, method, path, json);
    if (fd < 0 || connected(fd, at, until) || send_all(fd, request.s, request.len, until) ||
        read_all(fd, body, until))
        return kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    int status = split(body, e);
    return status < 0 ? kr_wrap(e, "%s", path) : status;
}

int kr_http_url(const char *url, struct kr_http_at *at, struct kr_err *e)
{
    static const char begin[] = "http://";
    char text[64];
    struct kr_endpoint ep;
    if (strncmp(url, begin, sizeof begin - 1) != 0)
        return kr_fail(e, KR_USAGE, 0, "'%s' does not begin with http://", url);
    const char *host = url + sizeof begin - 1;
    size_t n = strcspn(host, "/");
    if ((host[n] && host[n + 1]) || n >= sizeof text)
        return kr_fail(e, KR_USAGE, 0, "'%s' is more than http://ADDRESS:PORT", url);
    snprintf(text, sizeof text, "%.*s", (int)n, host);
    if (kr_endpoint_parse(text, &ep, e))
        return -1;
    struct sockaddr_storage ss;
    kr_addr_sockaddr(&ep.first, ep.port, &ss);
    *at = (struct kr_http_at){.v6 = ss.ss_family == AF_INET6, .port = ep.port};
    if (at->v6)
        memcpy(at->addr, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
    else
        memcpy(at->addr, &((struct sockaddr_in *)&ss)->sin_addr, 4);
    return 0;
}

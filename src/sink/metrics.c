#include <kr/sink_metrics.h>

#include <kr/buf.h>
#include <kr/endpoint.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS (KR_METRICS_FDS - 1)
#define REQUEST_MAX 4096

struct client {
    int fd; /* -1: none */
    size_t len, sent;
    char request[REQUEST_MAX + 1];
    struct kr_buf out;
};
struct kr_metrics {
    int fd;
    unsigned next; /* whose place the next one gets when all are taken */
    struct client client[CLIENTS];
};

struct kr_metrics *kr_metrics_open(const struct kr_endpoint *at, struct kr_err *e)
{
    struct sockaddr_storage ss;
    char text[2 * KR_ADDRSTRLEN];
    int on = 1;
    socklen_t n = kr_addr_sockaddr(&at->first, at->port, &ss);
    KR_AUTO_FD int fd =
        socket(kr_addr_family(&at->first), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        bind(fd, (struct sockaddr *)&ss, n) || listen(fd, 16)) {
        kr_fail(e, KR_CANNOT, errno, "--metrics %s", kr_endpoint_str(at, text));
        return NULL;
    }
    struct kr_metrics *m = kr_calloc(1, sizeof *m);
    m->fd = fd;
    fd = -1;
    for (int i = 0; i < CLIENTS; i++)
        m->client[i].fd = -1;
    return m;
}

static void drop(struct client *k)
{
    kr_close_fd(&k->fd);
    kr_buf_free(&k->out);
    k->len = k->sent = 0;
}

void kr_metrics_close(struct kr_metrics *m)
{
    if (!m)
        return;
    for (int i = 0; i < CLIENTS; i++)
        drop(&m->client[i]);
    kr_close_fd(&m->fd);
    free(m);
}

void kr_metrics_poll(const struct kr_metrics *m, struct pollfd *p)
{
    p[0] = (struct pollfd){.fd = m ? m->fd : -1, .events = POLLIN};
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *k = m ? &m->client[i] : NULL;
        p[i + 1] =
            (struct pollfd){.fd = k ? k->fd : -1, .events = k && k->out.len ? POLLOUT : POLLIN};
    }
}

static void take(struct kr_metrics *m)
{
    int fd = accept4(m->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *k = NULL;
    if (fd < 0)
        return;
    for (int i = 0; i < CLIENTS && !k; i++)
        k = m->client[i].fd < 0 ? &m->client[i] : NULL;
    if (!k)
        k = &m->client[m->next++ % CLIENTS];
    drop(k);
    k->fd = fd;
}

static bool starts(const struct client *k, const char *word)
{
    return strncmp(k->request, word, strlen(word)) == 0;
}

static void respond(struct client *k, void (*text)(void *arg, struct kr_buf *out), void *arg)
{
    KR_AUTO_BUF struct kr_buf body = {0};
    const char *status = "200 OK";
    if (starts(k, "GET /metrics ") || starts(k, "GET /metrics?"))
        text(arg, &body);
    else
        status = starts(k, "GET ") ? "404 Not Found" : "405 Method Not Allowed";
    kr_buf_printf(&k->out,
                  "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                  "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                  status, body.len, kr_buf_str(&body));
}

static void receive(struct client *k, void (*text)(void *arg, struct kr_buf *out), void *arg)
{
    ssize_t r = recv(k->fd, k->request + k->len, REQUEST_MAX - k->len, 0);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    k->len += r > 0 ? (size_t)r : 0;
    k->request[k->len] = '\0';
    if (r > 0 && strstr(k->request, "\r\n\r\n"))
        respond(k, text, arg);
    else if (r <= 0 || k->len == REQUEST_MAX)
        drop(k);
}

/* The answer, then FIN; the client's FIN or whatever else it sends ends it. */
static void transmit(struct client *k)
{
    ssize_t r = send(k->fd, k->out.s + k->sent, k->out.len - k->sent, MSG_NOSIGNAL);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    k->sent += r > 0 ? (size_t)r : 0;
    if (r < 0 || k->sent == k->out.len)
        drop(k);
}

void kr_metrics_handle(struct kr_metrics *m, const struct pollfd *p,
                       void (*text)(void *arg, struct kr_buf *out), void *arg)
{
    for (int i = 0; m && i < CLIENTS; i++) {
        struct client *k = &m->client[i];
        if (k->fd < 0 || !p[i + 1].revents || p[i + 1].fd != k->fd)
            continue;
        if (k->out.len)
            transmit(k);
        else
            receive(k, text, arg);
    }
    if (m && p[0].revents)
        take(m);
}

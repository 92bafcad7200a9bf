#include <kr/probe.h>

#include <kr/cut.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 64

const char *kr_probe_result_name(enum kr_probe_result r)
{
    static const char *const names[] = {"sink", "foreign answer", "refused", "silent", "error"};
    _Static_assert(sizeof names / sizeof *names == KR_PROBE_ERROR + 1, "names");
    return names[r];
}

struct kr_addr kr_probe_destination(int family, unsigned i)
{
    static const uint8_t nets[3][3] = {{192, 0, 2}, {198, 51, 100}, {203, 0, 113}};
    uint8_t v6[16] = {
        0x20, 0x01, 0x0d, 0xb8, [8] = 0x25, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)(i + 1)};
    uint8_t v4[4] = {nets[i % 3][0], nets[i % 3][1], nets[i % 3][2], (uint8_t)(1 + i / 3 % 254)};
    return kr_addr_make(family, family == AF_INET ? v4 : v6);
}

static unsigned now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

struct run {
    struct kr_probe *p;
    int fd;
    size_t have;
    bool connected;
};

static void settle(struct run *r, enum kr_probe_result result, int sys)
{
    r->p->result = result;
    r->p->sys = sys;
}

static enum kr_probe_result meaning(int err)
{
    static const int refusals[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH,
                                   ECONNRESET,   EACCES,       EPERM};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i] == err)
            return KR_PROBE_REFUSED;
    return err == ETIMEDOUT ? KR_PROBE_SILENT : KR_PROBE_ERROR;
}

static void start(struct run *r, struct kr_probe *p)
{
    struct sockaddr_storage from, to;
    *r = (struct run){.p = p};
    p->result = KR_PROBE_SILENT;
    p->greeting[0] = '\0';
    r->fd = socket(kr_addr_family(&p->source), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t from_len = kr_addr_sockaddr(&p->source, 0, &from);
    socklen_t to_len = kr_addr_sockaddr(&p->destination, p->port, &to);
    if (r->fd < 0 || bind(r->fd, (struct sockaddr *)&from, from_len))
        settle(r, KR_PROBE_ERROR, errno);
    else if (connect(r->fd, (struct sockaddr *)&to, to_len) && errno != EINPROGRESS)
        settle(r, meaning(errno), errno);
    else
        return;
    kr_close_fd(&r->fd);
}

/* The greeting is one line, without its end and without what is not printable. */
static bool take_line(struct run *r)
{
    char *end = memchr(r->p->greeting, '\n', r->have);
    if (!end && r->have < sizeof r->p->greeting - 1)
        return false;
    r->p->greeting[end ? (size_t)(end - r->p->greeting) : r->have] = '\0';
    for (char *c = r->p->greeting; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = *c == '\r' && c[1] == '\0' ? '\0' : '?';
    return true;
}

static void judge_nonce(struct run *r, const char *nonce)
{
    char addr[KR_ADDRSTRLEN], literal[KR_ADDRSTRLEN + 8];
    kr_addr_str(&r->p->destination, addr);
    snprintf(literal, sizeof literal,
             kr_addr_is_v4(&r->p->destination) ? "220 [%s] " : "220 [IPv6:%s] ", addr);
    bool named = strncmp(r->p->greeting, literal, strlen(literal)) == 0;
    settle(r, named && strstr(r->p->greeting, nonce) ? KR_PROBE_SINK : KR_PROBE_FOREIGN, 0);
}

/* Somebody else's sink has no nonce; conntrack tells where the connection really went. */
static void judge_tuple(struct run *r, const struct kr_endpoint *sink)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    struct kr_addr source;
    uint16_t sport = 0, port = 0;
    settle(r, KR_PROBE_FOREIGN, 0);
    if (strncmp(r->p->greeting, "220", 3) != 0 || getsockname(r->fd, (struct sockaddr *)&ss, &len))
        return;
    struct kr_addr own = kr_addr_from_sockaddr(&ss, &sport);
    if (kr_ct_reply_source(&own, sport, &r->p->destination, r->p->port, &source, &port, NULL) ==
            1 &&
        port == sink->port && kr_addr_cmp(&sink->first, &source) <= 0 &&
        kr_addr_cmp(&source, &sink->last) <= 0)
        settle(r, KR_PROBE_SINK, 0);
}

/* Reads the answer to QUIT and closes first: the sink waits for that. */
static void finish(struct run *r, unsigned begin)
{
    char rest[512];
    r->p->ms = now_ms() - begin;
    if (r->p->result == KR_PROBE_SINK && write(r->fd, "QUIT\r\n", 6) == 6) {
        struct pollfd p = {.fd = r->fd, .events = POLLIN};
        if (poll(&p, 1, 500) > 0)
            r->have = (size_t)(read(r->fd, rest, sizeof rest) > 0);
    }
    kr_close_fd(&r->fd);
}

/* True when this probe is settled. */
static bool advance(struct run *r, const char *nonce, const struct kr_endpoint *sink)
{
    int err = 0;
    socklen_t len = sizeof err;
    if (!r->connected && (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err)) {
        settle(r, meaning(err), err);
        return true;
    }
    r->connected = true;
    ssize_t n = read(r->fd, r->p->greeting + r->have, sizeof r->p->greeting - 1 - r->have);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0) {
        settle(r, n < 0 ? meaning(errno) : KR_PROBE_FOREIGN, n < 0 ? errno : 0);
        r->p->greeting[r->have] = '\0';
        return true;
    }
    r->have += (size_t)n;
    if (!take_line(r))
        return false;
    if (nonce)
        judge_nonce(r, nonce);
    else
        judge_tuple(r, sink);
    return true;
}

static int run_some(struct kr_probe *probes, size_t n, const char *nonce,
                    const struct kr_endpoint *sink, unsigned timeout_ms, struct kr_err *e)
{
    struct run runs[AT_ONCE];
    struct pollfd polls[AT_ONCE];
    unsigned begin = now_ms(), spent = 0;
    size_t open = 0;
    for (size_t i = 0; i < n; i++) {
        start(&runs[i], &probes[i]);
        open += runs[i].fd >= 0;
    }
    while (open && (spent = now_ms() - begin) < timeout_ms) {
        for (size_t i = 0; i < n; i++)
            polls[i] =
                (struct pollfd){.fd = runs[i].fd, .events = runs[i].connected ? POLLIN : POLLOUT};
        int got = poll(polls, n, (int)(timeout_ms - spent));
        if (got < 0 && errno != EINTR)
            return kr_fail(e, KR_UNKNOWN, errno, "poll");
        for (size_t i = 0; got > 0 && i < n; i++)
            if (polls[i].revents && advance(&runs[i], nonce, sink)) {
                finish(&runs[i], begin);
                open--;
            }
    }
    for (size_t i = 0; i < n; i++)
        kr_close_fd(&runs[i].fd);
    return 0;
}

int kr_probe_run(struct kr_probe *probes, size_t n, const char *nonce,
                 const struct kr_endpoint *sink, unsigned timeout_ms, struct kr_err *e)
{
    for (size_t i = 0; i < n; i += AT_ONCE)
        if (run_some(probes + i, n - i < AT_ONCE ? n - i : AT_ONCE, nonce, sink, timeout_ms, e))
            return -1;
    return 0;
}

/* Theory of operation.
 *
 * Each probe goes connecting -> greeting -> leaving. It is judged at the end of the greeting, while
 * the connection stands, so that conntrack still knows its flow. Every way out but one is a
 * failure: a probe starts as silent and only a whole, final 220 line with the right words makes it
 * a sink. QUIT is said to a sink only; who else answers may be a real host, and gets no more
 * packets than the end of the connection takes. */
#include <kr/probe.h>

#include <kr/ct.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 256
#define LEAVE_MS 1000 /* how long the answer to QUIT is waited for */

const char *kr_probe_result_name(enum kr_probe_result r)
{
    static const char *const names[] = {"sink", "foreign answer", "refused", "silent", "error"};
    static_assert(sizeof names / sizeof *names == KR_PROBE_ERROR + 1, "a name for each");
    return names[r];
}

/* In the middle of each block: .1 and .254 are what people give to routers. */
struct kr_addr kr_probe_destination(int family, unsigned i)
{
    static const uint8_t nets[3][3] = {{192, 0, 2}, {198, 51, 100}, {203, 0, 113}};
    unsigned host = i / 3 % 254;
    uint8_t v4[4] = {nets[i % 3][0], nets[i % 3][1], nets[i % 3][2],
                     (uint8_t)((host + 100) % 254 + 1)};
    uint8_t v6[16] = {0x20,
                      0x01,
                      0x0d,
                      0xb8,
                      0x25,
                      [12] = (uint8_t)(i >> 24),
                      (uint8_t)(i >> 16),
                      (uint8_t)(i >> 8),
                      (uint8_t)i};
    return family == AF_INET ? kr_addr_make(AF_INET, v4) : kr_addr_make(AF_INET6, v6);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct expected {
    const char *nonce; /* NULL: conntrack decides */
    const struct kr_endpoint *sink;
    unsigned timeout_ms;
};

enum stage { CONNECTING, GREETING, LEAVING };
struct run {
    struct kr_probe *p;
    int fd; /* -1: none */
    enum stage stage;
    uint64_t begin, end;
    size_t n;
    char text[1024]; /* what was read of the greeting, or of the answer to QUIT */
};

static void finish(struct run *r, enum kr_probe_result result, int sys)
{
    r->p->result = result;
    r->p->sys = sys;
    r->p->ms = (unsigned)(now_ms() - r->begin);
    kr_close_fd(&r->fd);
}

static bool is_refusal(int sys)
{
    static const int known[] = {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH,
                                EACCES,       EPERM,      ENOPROTOOPT,  EPIPE};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == sys)
            return true;
    return false;
}

static void failed(struct run *r, int sys)
{
    enum kr_probe_result result = sys == ETIMEDOUT  ? KR_PROBE_SILENT
                                  : is_refusal(sys) ? KR_PROBE_REFUSED
                                                    : KR_PROBE_ERROR;
    finish(r, result, sys);
}

/* connect(2) itself says ENETUNREACH without a route: nothing was tried. */
static void start(struct run *r, struct kr_probe *p, unsigned timeout_ms)
{
    struct sockaddr_storage from, to;
    socklen_t from_len = kr_addr_sockaddr(&p->source, 0, &from);
    socklen_t to_len = kr_addr_sockaddr(&p->destination, p->port, &to);
    const int one = 1;
    *r = (struct run){.p = p, .begin = now_ms()};
    r->end = r->begin + timeout_ms;
    p->result = KR_PROBE_SILENT;
    p->sys = 0;
    p->greeting[0] = '\0';
    r->fd = socket(from.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->fd < 0 || setsockopt(r->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) ||
        bind(r->fd, (struct sockaddr *)&from, from_len)) {
        finish(r, KR_PROBE_ERROR, errno);
        return;
    }
    if (connect(r->fd, (struct sockaddr *)&to, to_len) == 0 || errno == EINPROGRESS)
        return;
    if (errno == ENETUNREACH)
        finish(r, KR_PROBE_ERROR, errno);
    else
        failed(r, errno);
}

/* The first line, without its end; what is not printable ASCII becomes '?'. */
static void keep_first_line(struct run *r)
{
    const char *end = memchr(r->text, '\n', r->n);
    size_t n = end ? (size_t)(end - r->text) : r->n;
    if (n && r->text[n - 1] == '\r')
        n--;
    if (n > sizeof r->p->greeting - 1)
        n = sizeof r->p->greeting - 1;
    for (size_t i = 0; i < n; i++)
        r->p->greeting[i] = r->text[i] >= ' ' && r->text[i] <= '~' ? r->text[i] : '?';
    r->p->greeting[n] = '\0';
}

/* Does what was read hold the last line of a reply (RFC 5321 4.2.1: not "NNN-")? */
static bool reply_is_whole(const struct run *r)
{
    const char *line = r->text, *end = r->text + r->n, *lf;
    while ((lf = memchr(line, '\n', (size_t)(end - line)))) {
        if (lf - line < 4 || line[3] != '-')
            return true;
        line = lf + 1;
    }
    return r->n == sizeof r->text;
}

static bool named_rightly(const struct kr_probe *p, const char *nonce)
{
    char addr[KR_ADDRSTRLEN], literal[KR_ADDRSTRLEN + 8];
    snprintf(literal, sizeof literal, "[%s%s]",
             kr_addr_is_v4(&p->destination) ? "" : "IPv6:", kr_addr_str(&p->destination, addr));
    return *nonce && strstr(p->greeting, nonce) && strstr(p->greeting, literal);
}

/* 1: conntrack says that the sink answers this connection; 0: it does not; -1: unknown. */
static int answered_by(const struct run *r, const struct kr_endpoint *sink, struct kr_err *e)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    uint16_t own_port, port;
    struct kr_addr source;
    if (getsockname(r->fd, (struct sockaddr *)&own, &len))
        return kr_fail(e, KR_UNKNOWN, errno, "a probe's own address");
    struct kr_addr from = kr_addr_from_sockaddr(&own, &own_port);
    int found =
        kr_ct_reply_source(&from, own_port, &r->p->destination, r->p->port, &source, &port, e);
    if (found <= 0)
        return found;
    return port == sink->port && kr_addr_cmp(&sink->first, &source) <= 0 &&
           kr_addr_cmp(&source, &sink->last) <= 0;
}

static int judge(struct run *r, const struct expected *x, struct kr_err *e)
{
    int right = 0;
    keep_first_line(r);
    bool ready = strncmp(r->p->greeting, "220", 3) == 0 &&
                 (!r->p->greeting[3] || strchr(" -", r->p->greeting[3]));
    if (ready)
        right = x->nonce ? named_rightly(r->p, x->nonce) : answered_by(r, x->sink, e);
    if (right < 0)
        return -1;
    if (!right) {
        finish(r, KR_PROBE_FOREIGN, 0);
        return 0;
    }
    r->p->result = KR_PROBE_SINK;
    r->p->ms = (unsigned)(now_ms() - r->begin);
    r->stage = LEAVING;
    r->end = now_ms() + LEAVE_MS;
    r->n = 0;
    if (send(r->fd, "QUIT\r\n", 6, MSG_NOSIGNAL) != 6)
        kr_close_fd(&r->fd);
    return 0;
}

/* Closed before the greeting was whole: reset and silent are said apart from a few words. */
static void cut_short(struct run *r, int sys)
{
    keep_first_line(r);
    if (r->n || !sys)
        finish(r, KR_PROBE_FOREIGN, sys);
    else
        failed(r, sys);
}

static int receive(struct run *r, const struct expected *x, struct kr_err *e)
{
    ssize_t n = recv(r->fd, r->text + r->n, sizeof r->text - r->n, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (r->stage == LEAVING) {
        r->n += n > 0 ? (size_t)n : 0;
        if (n <= 0 || reply_is_whole(r))
            kr_close_fd(&r->fd);
        return 0;
    }
    if (n <= 0) {
        cut_short(r, n < 0 ? errno : 0);
        return 0;
    }
    r->n += (size_t)n;
    return reply_is_whole(r) ? judge(r, x, e) : 0;
}

static int advance(struct run *r, const struct expected *x, struct kr_err *e)
{
    int sys = 0;
    socklen_t len = sizeof sys;
    if (r->stage != CONNECTING)
        return receive(r, x, e);
    if (getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &sys, &len))
        sys = errno;
    if (sys)
        failed(r, sys);
    r->stage = GREETING;
    return 0;
}

static void give_up(struct run *r)
{
    if (r->stage == LEAVING) {
        kr_close_fd(&r->fd);
        return;
    }
    keep_first_line(r);
    finish(r, r->n ? KR_PROBE_FOREIGN : KR_PROBE_SILENT, 0);
}

struct batch {
    struct run *runs;
    struct pollfd *polls;
    size_t n;
};

static void batch_free(struct batch *b)
{
    for (size_t i = 0; b->runs && i < b->n; i++)
        kr_close_fd(&b->runs[i].fd);
    free(b->runs);
    free(b->polls);
}

/* Takes ended ones out, gives up late ones; returns how long the rest may wait. */
static int sweep(struct batch *b)
{
    uint64_t now = now_ms(), next = UINT64_MAX;
    size_t left = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct run *r = &b->runs[i];
        if (r->fd >= 0 && now >= r->end)
            give_up(r);
        if (r->fd < 0)
            continue;
        next = r->end < next ? r->end : next;
        b->runs[left++] = *r;
    }
    b->n = left;
    return left ? (int)(next - now) : 0;
}

static int wait_and_advance(struct batch *b, int ms, const struct expected *x, struct kr_err *e)
{
    for (size_t i = 0; i < b->n; i++)
        b->polls[i] = (struct pollfd){.fd = b->runs[i].fd,
                                      .events = b->runs[i].stage == CONNECTING ? POLLOUT : POLLIN};
    if (poll(b->polls, b->n, ms) < 0 && errno != EINTR)
        return kr_fail(e, KR_UNKNOWN, errno, "waiting for probes");
    for (size_t i = 0; i < b->n; i++)
        if (b->polls[i].revents && advance(&b->runs[i], x, e))
            return -1;
    return 0;
}

int kr_probe_run(struct kr_probe *probes, size_t n, const char *nonce,
                 const struct kr_endpoint *sink, unsigned timeout_ms, struct kr_err *e)
{
    const struct expected x = {nonce, sink, timeout_ms};
    size_t room = n < AT_ONCE ? n : AT_ONCE, started = 0;
    __attribute__((cleanup(batch_free))) struct batch b = {
        .runs = kr_calloc(room, sizeof *b.runs), .polls = kr_calloc(room, sizeof *b.polls)};
    if (!nonce && !sink)
        return kr_fail(e, KR_INTERNAL, 0, "a probe without anything to expect");
    for (;;) {
        while (b.n < room && started < n)
            start(&b.runs[b.n++], &probes[started++], timeout_ms);
        int ms = sweep(&b);
        if (b.n == 0 && started == n)
            return 0;
        if (b.n && wait_and_advance(&b, ms, &x, e))
            return -1;
    }
}

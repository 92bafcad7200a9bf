/* --self-test: a sink of one worker on loopback, clients in this process, and the CPU time the
 * worker used: that tells the rate above which the sink is what limits a test. */
#include <kr/sink_selftest.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/sink_config.h>
#include <kr/sink_master.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 16
#define ROUND_NS 1500000000LL

static const char envelope[] = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";

struct rig {
    pid_t sink;
    uint16_t port;
    char schedstat[64]; /* of its worker */
    int fd[CLIENTS];
    char *content;
    size_t len;
};

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int free_port(uint16_t *port, struct kr_err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    KR_AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        return kr_fail(e, KR_CANNOT, errno, "no port on loopback");
    *port = ntohs(at.sin_port);
    return 0;
}

static int dial(const struct rig *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(r->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 10};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
        connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    kr_close_fd(&fd);
    return -1;
}

static int say(int fd, const char *text, size_t n)
{
    return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

/* Reads until so many replies have come; one of several lines counts once. */
static int hear(int fd, unsigned replies)
{
    char text[4096];
    size_t n = 0;
    while (replies) {
        ssize_t r = recv(fd, text + n, sizeof text - n, 0);
        if (r <= 0)
            return -1;
        n += (size_t)r;
        for (char *lf; (lf = memchr(text, '\n', n));
             n -= (size_t)(lf + 1 - text), memmove(text, lf + 1, n))
            replies -= lf - text > 3 && text[3] == ' ' && replies;
    }
    return 0;
}

static int hello(int fd)
{
    return fd < 0 || hear(fd, 1) || say(fd, "EHLO me\r\n", 9) || hear(fd, 1) ? -1 : 0;
}

static int64_t cpu_ns(const struct rig *r)
{
    long long ns = -1;
    FILE *f = fopen(r->schedstat, "re");
    if (f && fscanf(f, "%lld", &ns) != 1)
        ns = -1;
    if (f)
        fclose(f);
    return ns;
}

static int find_worker(struct rig *r, struct kr_err *e)
{
    char path[64];
    int worker = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)r->sink, (int)r->sink);
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%d", &worker) != 1)
        worker = 0;
    if (f)
        fclose(f);
    snprintf(r->schedstat, sizeof r->schedstat, "/proc/%d/schedstat", worker);
    return worker && cpu_ns(r) >= 0 ? 0
                                    : kr_fail(e, KR_CANNOT, 0, "no CPU time in %s", r->schedstat);
}

/* ---- the kinds of traffic -----------------------------------------------------------------------
 */

/* Envelope in one write, content in another, as KumoMTA sends. */
static int pipelined(struct rig *r)
{
    for (int i = 0; i < CLIENTS; i++)
        if (say(r->fd[i], envelope, sizeof envelope - 1))
            return -1;
    for (int i = 0; i < CLIENTS; i++)
        if (hear(r->fd[i], 3) || say(r->fd[i], r->content, r->len))
            return -1;
    for (int i = 0; i < CLIENTS; i++)
        if (hear(r->fd[i], 1))
            return -1;
    return 0;
}

static int alone(struct rig *r)
{
    for (int i = 0; i < CLIENTS; i++) {
        KR_AUTO_FD int fd = dial(r);
        if (hello(fd) || say(fd, envelope, sizeof envelope - 1) || hear(fd, 3) ||
            say(fd, r->content, r->len) || hear(fd, 1) || say(fd, "QUIT\r\n", 6) || hear(fd, 1))
            return -1;
    }
    return 0;
}

static const struct kind {
    const char *name;
    size_t bytes;
    int (*round)(struct rig *r);
} kinds[] = {{"1 KB, many in a connection", 1024, pipelined},
             {"100 KB, many in a connection", 102400, pipelined},
             {"1 KB, one in a connection", 1024, alone}};

static void fill(struct rig *r, size_t bytes)
{
    free(r->content);
    r->content = kr_calloc(bytes + 5, 1);
    memset(r->content, 'x', bytes);
    for (size_t i = 70; i + 2 <= bytes; i += 72)
        memcpy(r->content + i, "\r\n", 2);
    memcpy(r->content + bytes, "\r\n.\r\n", 5);
    r->len = bytes + 5;
}

static int measure(struct rig *r, const struct kind *k, long cpus, struct kr_err *e)
{
    fill(r, k->bytes);
    int64_t end = clock_ns() + ROUND_NS, before = cpu_ns(r);
    uint64_t n = 0;
    for (; clock_ns() < end; n += CLIENTS)
        if (k->round(r))
            return kr_fail(e, KR_CANNOT, errno, "the self-test's clients lost the sink");
    double us = (double)(cpu_ns(r) - before) / 1e3 / (double)n, rate = us > 0 ? 1e6 / us : 0;
    printf("%-30s %8.1f us of CPU a message   %9.0f/s a worker   %9.0f/s on %ld CPUs\n", k->name,
           us, rate, rate * (double)cpus, cpus);
    return 0;
}

static int run_all(struct rig *r, struct kr_err *e)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (find_worker(r, e))
        return -1;
    for (int i = 0; i < CLIENTS; i++) {
        r->fd[i] = dial(r);
        if (hello(r->fd[i]))
            return kr_fail(e, KR_CANNOT, errno, "the self-test can't reach the sink");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (measure(r, &kinds[i], cpus, e))
            return -1;
    puts("Above these rates the sink would be the bottleneck, if it had all CPUs for itself.");
    return 0;
}

static int start(struct rig *r, struct kr_sink_config *cfg, struct kr_err *e)
{
    int ready[2];
    char word[6];
    if (free_port(&r->port, e))
        return -1;
    if (pipe(ready))
        return kr_fail(e, KR_CANNOT, errno, "pipe");
    r->sink = fork();
    if (r->sink == 0) {
        struct kr_err why = {0};
        close(ready[0]);
        cfg->ready_fd = (uint64_t)ready[1];
        cfg->listen[0].port = r->port;
        _exit(kr_sink_run(cfg, &why) ? (int)why.exit : 0);
    }
    close(ready[1]);
    ssize_t n = r->sink > 0 ? read(ready[0], word, sizeof word) : -1;
    close(ready[0]);
    return n > 0 ? 0 : kr_fail(e, KR_CANNOT, 0, "the self-test's sink does not start");
}

int kr_sink_self_test(struct kr_sink_config *cfg, struct kr_err *e)
{
    struct rig r = {.sink = -1};
    struct kr_endpoint loopback = {.port = 1};
    const uint8_t raw[4] = {127, 0, 0, 1};
    for (int i = 0; i < CLIENTS; i++)
        r.fd[i] = -1;
    loopback.first = loopback.last = kr_addr_make(AF_INET, raw);
    cfg->listen[0] = loopback;
    cfg->listens = cfg->workers = 1;
    cfg->live = KR_LIVE_NEVER;
    cfg->control = cfg->stats_file = NULL;
    cfg->metrics.port = 0;
    cfg->targets.n = 0;
    int bad = start(&r, cfg, e) || run_all(&r, e);
    for (int i = 0; i < CLIENTS; i++)
        kr_close_fd(&r.fd[i]);
    if (r.sink > 0) {
        kill(r.sink, SIGTERM);
        waitpid(r.sink, NULL, 0);
    }
    free(r.content);
    return bad ? -1 : 0;
}

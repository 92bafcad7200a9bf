#include <kr/sinkctl.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/state.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_MS 10000

/* A connected socket; -1 with *nobody set when nothing listens there. */
static int dial(const struct kr_paths *paths, bool *nobody, struct kr_err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", paths->control);
    KR_AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "socket");
    if (connect(fd, (struct sockaddr *)&un, sizeof un)) {
        *nobody = errno == ENOENT || errno == ECONNREFUSED;
        return *nobody ? -1 : kr_fail(e, KR_UNKNOWN, errno, "%s", paths->control);
    }
    int keep = fd;
    fd = -1;
    return keep;
}

static int read_line(int fd, unsigned ms, struct kr_buf *answer, struct kr_err *e)
{
    char chunk[4096];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int got = poll(&p, 1, (int)ms);
        ssize_t n = got > 0 ? read(fd, chunk, sizeof chunk) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return kr_fail(e, KR_UNKNOWN, got > 0 && n < 0 ? errno : 0,
                           "the sink's control socket does not answer");
        const char *end = memchr(chunk, '\n', (size_t)n);
        if (answer)
            kr_buf_add(answer, chunk, end ? (size_t)(end - chunk) : (size_t)n);
        if (end)
            return 1;
    }
}

int kr_sink_ask_within(const struct kr_paths *paths, const char *command, unsigned ms,
                       struct kr_buf *answer, struct kr_err *e)
{
    bool nobody = false;
    char line[64];
    KR_AUTO_FD int fd = dial(paths, &nobody, e);
    if (fd < 0)
        return nobody ? 0 : -1;
    int n = snprintf(line, sizeof line, "%s\n", command);
    if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
        return kr_fail(e, KR_UNKNOWN, errno, "%s", paths->control);
    return read_line(fd, ms, answer, e);
}

int kr_sink_ask(const struct kr_paths *paths, const char *command, struct kr_buf *answer,
                struct kr_err *e)
{
    return kr_sink_ask_within(paths, command, ASK_MS, answer, e);
}

bool kr_sink_alive(const struct kr_paths *paths, const char *nonce)
{
    KR_AUTO_BUF struct kr_buf answer = {0};
    if (kr_sink_ask(paths, "ping", &answer, NULL) != 1)
        return false;
    json_t *j = json_loads(kr_buf_str(&answer), 0, NULL);
    const char *pong = json_string_value(json_object_get(j, "pong"));
    bool same = pong && strcmp(pong, nonce) == 0;
    json_decref(j);
    return same;
}

bool kr_sink_is(pid_t pid)
{
    char path[64], comm[32] = "", theirs[64] = "", ours[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, comm, sizeof comm - 1) <= 0 || strcmp(comm, "kumo-sink\n") != 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    return readlink(path, theirs, sizeof theirs - 1) > 0 &&
           readlink("/proc/thread-self/ns/net", ours, sizeof ours - 1) > 0 &&
           strcmp(theirs, ours) == 0;
}

static int wait_gone(int pidfd, pid_t pid, struct kr_err *e)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    if (poll(&p, 1, ASK_MS) > 0)
        return 0;
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    return poll(&p, 1, ASK_MS) > 0
               ? 0
               : kr_fail(e, KR_UNKNOWN, 0, "kumo-sink (process %d) does not end", (int)pid);
}

int kr_sink_stop(const struct kr_paths *paths, pid_t pid, struct kr_buf *account, struct kr_err *e)
{
    KR_AUTO_FD int pidfd = pid > 0 && kr_sink_is(pid) ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (pidfd >= 0 && !kr_sink_is(pid))
        kr_close_fd(&pidfd);
    int asked = kr_sink_ask(paths, "stop", account, NULL);
    if (pidfd < 0)
        return 0;
    if (asked != 1)
        syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
    return wait_gone(pidfd, pid, e);
}

static int connect_within(const struct kr_addr *a, uint16_t port, unsigned timeout_ms)
{
    struct sockaddr_storage ss;
    socklen_t len = kr_addr_sockaddr(a, port, &ss);
    int fd = socket(kr_addr_family(a), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int why = connect(fd, (struct sockaddr *)&ss, len) ? errno : 0;
    socklen_t n = sizeof why;
    if (why == EINPROGRESS && poll(&p, 1, (int)timeout_ms) <= 0)
        why = ETIMEDOUT;
    else if (why == EINPROGRESS && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n))
        why = errno;
    if (why == 0)
        return fd;
    close(fd);
    errno = why;
    return -1;
}

static int greets_one(const struct kr_addr *a, uint16_t port, unsigned timeout_ms, struct kr_err *e)
{
    char name[KR_ADDRSTRLEN], greeting[64] = "";
    KR_AUTO_FD int fd = connect_within(a, port, timeout_ms);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "the sink %s port %u can't be reached",
                       kr_addr_str(a, name), port);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, (int)timeout_ms) > 0 ? read(fd, greeting, sizeof greeting - 1) : 0;
    for (ssize_t i = 0; i < n; i++)
        if (greeting[i] < ' ' || greeting[i] > '~')
            greeting[i] = '\0';
    if (n >= 4 && strncmp(greeting, "220", 3) == 0 && strchr(" -", greeting[3]))
        return 0;
    return kr_fail(e, KR_CANNOT, 0, "the sink %s port %u does not speak SMTP: it says '%s'",
                   kr_addr_str(a, name), port, greeting);
}

int kr_sink_greets(const struct kr_endpoint *at, unsigned timeout_ms, struct kr_err *e)
{
    if (greets_one(&at->first, at->port, timeout_ms, e))
        return -1;
    return kr_addr_cmp(&at->first, &at->last) ? greets_one(&at->last, at->port, timeout_ms, e) : 0;
}

#include "run_pump.h"

#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT_ONCE 4096u /* a pipe that is ready takes so much without blocking (PIPE_BUF) */

/* A terminal or pipe can be opened anew, so that only our own writes do not block; a file has an
 * offset that others share, and never blocks. */
static int open_output(bool *own)
{
    struct stat st;
    int fd = -1;
    if (fstat(STDOUT_FILENO, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    *own = fd >= 0;
    return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

void kr_pump_open(struct kr_pump *p, int from)
{
    p->from = from;
    p->have = p->sent = 0;
    p->to = open_output(&p->own);
}

void kr_pump_wants(const struct kr_pump *p, struct pollfd out[static 2])
{
    bool room = p->have == 0;
    out[0] = (struct pollfd){.fd = room ? p->from : -1, .events = POLLIN};
    out[1] = (struct pollfd){.fd = room ? -1 : p->to, .events = POLLOUT};
}

/* Nobody reads: the command is to learn it as it would without us. */
static void give_up(struct kr_pump *p)
{
    kr_close_fd(&p->from);
    p->from = -1;
    p->have = p->sent = 0;
}

static void put(struct kr_pump *p)
{
    while (p->sent < p->have) {
        size_t n = p->have - p->sent;
        ssize_t k = write(p->to, p->buf + p->sent, p->own || n < AT_ONCE ? n : AT_ONCE);
        if (k < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (k < 0) {
            give_up(p);
            return;
        }
        p->sent += (size_t)k;
        if (!p->own)
            break;
    }
    if (p->sent == p->have)
        p->have = p->sent = 0;
}

void kr_pump_step(struct kr_pump *p, const struct pollfd ready[static 2],
                  void (*see)(const void *data, size_t n, void *arg), void *arg)
{
    if (p->from >= 0 && ready[0].fd == p->from && ready[0].revents) {
        ssize_t n = read(p->from, p->buf, sizeof p->buf);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) { /* EIO: the last one closed the pseudoterminal */
            kr_close_fd(&p->from);
            p->from = -1;
            return;
        }
        see(p->buf, (size_t)n, arg);
        p->have = (size_t)n;
        if (!p->own)
            return;
        put(p);
    } else if (p->have && ready[1].revents) {
        put(p);
    }
}

bool kr_pump_done(const struct kr_pump *p)
{
    return p->from < 0 && !p->have;
}

void kr_pump_close(struct kr_pump *p)
{
    kr_close_fd(&p->from);
    kr_close_fd(&p->to);
    p->from = p->to = -1;
}

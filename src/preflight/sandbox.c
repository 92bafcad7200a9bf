#include "worker.h"

#include <kr/filter.h>

#include <seccomp.h>
#include <sys/socket.h>

/* Sockets of the internet only, and of them only outgoing ones: none listens. */
static const struct kr_filter_call asking[] = {
    {SCMP_SYS(socket), true, 0, AF_INET},
    {SCMP_SYS(socket), true, 0, AF_INET6},
    {.call = SCMP_SYS(connect)},
    {.call = SCMP_SYS(sendmmsg)},
    {.call = SCMP_SYS(recvmmsg)},
    {.call = SCMP_SYS(sendto)},
    {.call = SCMP_SYS(recvfrom)},
    {.call = SCMP_SYS(getsockopt)},
    {.call = SCMP_SYS(close)},
    {.call = SCMP_SYS(epoll_ctl)},
    {.call = SCMP_SYS(epoll_wait)},
    {.call = SCMP_SYS(epoll_pwait)},
    {.call = SCMP_SYS(poll)},
    {.call = SCMP_SYS(clock_nanosleep)},
    {.call = SCMP_SYS(getrusage)},
};

int worker_filter(struct kr_err *e)
{
    return kr_filter(asking, sizeof asking / sizeof *asking, e);
}

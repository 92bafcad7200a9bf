#include "fetch.h"

#include <kr/filter.h>

#include <seccomp.h>
#include <sys/socket.h>

/* Outgoing connections of the internet only: none listens, no file is opened. */
static const struct kr_filter_call asking[] = {
    {SCMP_SYS(socket), true, 0, AF_INET},
    {SCMP_SYS(socket), true, 0, AF_INET6},
    {.call = SCMP_SYS(connect)},
    {.call = SCMP_SYS(sendto)},
    {.call = SCMP_SYS(recvfrom)},
    {.call = SCMP_SYS(sendmsg)},
    {.call = SCMP_SYS(recvmsg)},
    {.call = SCMP_SYS(getsockopt)},
    {.call = SCMP_SYS(setsockopt)},
    {.call = SCMP_SYS(getsockname)},
    {.call = SCMP_SYS(getpeername)},
    {.call = SCMP_SYS(fcntl)},
    {.call = SCMP_SYS(poll)},
    {.call = SCMP_SYS(close)},
    {.call = SCMP_SYS(rt_sigaction)}, /* libcurl, of SIGPIPE at the end */
};

int fetch_filter(struct kr_err *e)
{
    return kr_filter(asking, sizeof asking / sizeof *asking, e);
}

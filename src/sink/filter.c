#include <kr/sink_filter.h>

#include <kr/filter.h>

#include <seccomp.h>

static const struct kr_filter_call serving[] = {
    {.call = SCMP_SYS(accept4)},    {.call = SCMP_SYS(recvfrom)},    {.call = SCMP_SYS(sendto)},
    {.call = SCMP_SYS(shutdown)},   {.call = SCMP_SYS(getsockname)}, {.call = SCMP_SYS(getsockopt)},
    {.call = SCMP_SYS(setsockopt)}, {.call = SCMP_SYS(close)},       {.call = SCMP_SYS(epoll_ctl)},
    {.call = SCMP_SYS(epoll_wait)}, {.call = SCMP_SYS(epoll_pwait)},
};

int kr_sink_filter(struct kr_err *e)
{
    return kr_filter(serving, sizeof serving / sizeof *serving, e);
}

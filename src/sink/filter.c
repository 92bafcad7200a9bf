#include <kr/sink_filter.h>

#include <kr/filter.h>

#include <seccomp.h>

static const struct kr_filter_call serving[] = {
    {.call = SCMP_SYS(accept4)},     {.call = SCMP_SYS(recvfrom)},
    {.call = SCMP_SYS(sendto)},      {.call = SCMP_SYS(shutdown)},
    {.call = SCMP_SYS(getsockname)}, {.call = SCMP_SYS(getsockopt)},
    {.call = SCMP_SYS(setsockopt)},  {.call = SCMP_SYS(close)},
    {.call = SCMP_SYS(epoll_ctl)},   {.call = SCMP_SYS(epoll_wait)},
    {.call = SCMP_SYS(epoll_pwait)}, {.call = SCMP_SYS(timerfd_settime)},
};

static const struct kr_filter_call writing[] = {
    {.call = SCMP_SYS(poll)},     {.call = SCMP_SYS(ppoll)},     {.call = SCMP_SYS(lseek)},
    {.call = SCMP_SYS(openat)},   {.call = SCMP_SYS(renameat)},  {.call = SCMP_SYS(renameat2)},
    {.call = SCMP_SYS(unlinkat)}, {.call = SCMP_SYS(ftruncate)}, {.call = SCMP_SYS(close)},
};

int kr_sink_filter(struct kr_err *e)
{
    return kr_filter(serving, sizeof serving / sizeof *serving, e);
}

int kr_writer_filter(struct kr_err *e)
{
    return kr_filter(writing, sizeof writing / sizeof *writing, e);
}

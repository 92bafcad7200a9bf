#include <kr/sink_filter.h>

#include <kr/err.h>

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

#ifdef SANITIZED

int kr_sink_filter(struct kr_err *e)
{
    (void)e;
    return 0;
}

#else

static const int serving[] = {SCMP_SYS(accept4),    SCMP_SYS(recvfrom),    SCMP_SYS(sendto),
                              SCMP_SYS(shutdown),   SCMP_SYS(getsockname), SCMP_SYS(getsockopt),
                              SCMP_SYS(setsockopt), SCMP_SYS(close),       SCMP_SYS(epoll_ctl),
                              SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait)};

/* What the C library does by itself: memory, time, our messages on stderr, the end. */
static const int library[] = {
    SCMP_SYS(brk),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(write),
    SCMP_SYS(read),
    SCMP_SYS(writev),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
};

static int allow(scmp_filter_ctx f, const int *calls, size_t n)
{
    int bad = 0;
    for (size_t i = 0; i < n && !bad; i++)
        bad = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
    return bad;
}

static int build(scmp_filter_ctx f)
{
    /* isatty(3) asks by TCGETS. */
    const struct scmp_arg_cmp tcgets = {.arg = 1, .op = SCMP_CMP_EQ, .datum_a = TCGETS};
    int bad = allow(f, serving, sizeof serving / sizeof *serving);
    bad = bad ? bad : allow(f, library, sizeof library / sizeof *library);
    return bad ? bad : seccomp_rule_add_array(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, &tcgets);
}

int kr_sink_filter(struct kr_err *e)
{
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int bad = f ? build(f) : -ENOMEM;
    bad = bad ? bad : seccomp_load(f);
    seccomp_release(f);
    return bad ? kr_fail(e, KR_CANNOT, -bad, "the filter of system calls") : 0;
}

#endif

#include <kr/privilege.h>

#include <kr/caps.h>
#include <kr/err.h>

#include <errno.h>
#include <unistd.h>

#define INSTALL (1u << KR_JOB_INSTALL | 1u << KR_JOB_WATCH)
#define ASK (1u << KR_JOB_ASK)
#define LOOK (1u << KR_JOB_LOOK | 1u << KR_JOB_WATCH)
#define ALL (1u << KR_JOB_INSTALL | 1u << KR_JOB_LOOK | 1u << KR_JOB_WATCH)
static const struct {
    cap_value_t cap;
    unsigned jobs;
} kept[] = {
    {CAP_NET_ADMIN, ALL},        {CAP_DAC_OVERRIDE, ALL},      {CAP_SETUID, ALL | ASK},
    {CAP_SETGID, ALL | ASK},     {CAP_SETPCAP, INSTALL | ASK}, {CAP_KILL, INSTALL | ASK},
    {CAP_DAC_READ_SEARCH, LOOK}, {CAP_SYS_PTRACE, LOOK},       {CAP_SYS_ADMIN, LOOK},
    {CAP_NET_RAW, LOOK},
};

int kr_privilege_need(const char *command, struct kr_err *e)
{
    if (kr_caps_have(CAP_NET_ADMIN))
        return 0;
    return kr_fail(e, KR_CANNOT, 0,
                   geteuid() == 0 ? "%s needs the capability CAP_NET_ADMIN, which this process "
                                    "does not have (a container without it?)"
                                  : "%s needs root: sudo kumo-redirect %s",
                   command, command);
}

int kr_privilege_reduce(enum kr_job job, struct kr_err *e)
{
    cap_value_t caps[sizeof kept / sizeof *kept];
    size_t n = 0;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (kept[i].jobs >> job & 1)
            caps[n++] = kept[i].cap;
    return kr_caps_keep(caps, n) ? kr_fail(e, KR_INTERNAL, errno, "capabilities can't be reduced")
                                 : 0;
}

#include <kr/privilege.h>

#include <kr/err.h>

#include <cap-ng.h>
#include <stdbool.h>
#include <unistd.h>

#define INSTALL (1u << KR_JOB_INSTALL | 1u << KR_JOB_WATCH)
#define ASK (1u << KR_JOB_ASK)
#define LOOK (1u << KR_JOB_LOOK | 1u << KR_JOB_WATCH)
#define ALL (1u << KR_JOB_INSTALL | 1u << KR_JOB_LOOK | 1u << KR_JOB_WATCH)
static const struct {
    unsigned cap, jobs;
} kept[] = {
    {CAP_NET_ADMIN, ALL},        {CAP_DAC_OVERRIDE, ALL},      {CAP_SETUID, ALL | ASK},
    {CAP_SETGID, ALL | ASK},     {CAP_SETPCAP, INSTALL | ASK}, {CAP_KILL, INSTALL | ASK},
    {CAP_DAC_READ_SEARCH, LOOK}, {CAP_SYS_PTRACE, LOOK},       {CAP_SYS_ADMIN, LOOK},
    {CAP_NET_RAW, LOOK},
};

int kr_privilege_need(const char *command, struct kr_err *e)
{
    capng_get_caps_process();
    if (capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
        return 0;
    return kr_fail(e, KR_CANNOT, 0,
                   geteuid() == 0 ? "%s needs the capability CAP_NET_ADMIN, which this process "
                                    "does not have (a container without it?)"
                                  : "%s needs root: sudo kumo-redirect %s",
                   command, command);
}

/* What libcap-ng read in kr_privilege_need still holds: nothing changed since. */
int kr_privilege_reduce(enum kr_job job, struct kr_err *e)
{
    bool keep[sizeof kept / sizeof *kept];
    if (job == KR_JOB_ASK) /* who needs none has not asked for them */
        capng_get_caps_process();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        keep[i] = (kept[i].jobs >> job & 1) && capng_have_capability(CAPNG_EFFECTIVE, kept[i].cap);
    capng_clear(CAPNG_SELECT_CAPS);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (keep[i])
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i].cap);
    if (capng_apply(CAPNG_SELECT_CAPS))
        return kr_fail(e, KR_INTERNAL, 0, "capabilities can't be reduced");
    return 0;
}

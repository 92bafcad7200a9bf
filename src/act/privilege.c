#include <kr/privilege.h>

#include <kr/err.h>

#include <cap-ng.h>
#include <stdbool.h>
#include <unistd.h>

static const unsigned kept[] = {CAP_NET_ADMIN, CAP_SETUID, CAP_SETGID,
                                CAP_SETPCAP,   CAP_KILL,   CAP_DAC_OVERRIDE};

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

int kr_privilege_reduce(struct kr_err *e)
{
    capng_get_caps_process();
    struct {
        bool had;
    } before[sizeof kept / sizeof *kept];
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        before[i].had = capng_have_capability(CAPNG_EFFECTIVE, kept[i]);
    capng_clear(CAPNG_SELECT_CAPS);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (before[i].had)
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
    if (capng_apply(CAPNG_SELECT_CAPS))
        return kr_fail(e, KR_INTERNAL, 0, "capabilities can't be reduced");
    return 0;
}

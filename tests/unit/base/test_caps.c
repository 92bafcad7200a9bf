/* What libcap did, as proc(5) shows it. Each case gives up capabilities in a child of its own. */
#include "cmocka_all.h"

#include <kr/caps.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))

static uint64_t shown(const char *set)
{
    char line[128];
    uint64_t v = ~UINT64_C(0);
    FILE *in = fopen("/proc/self/status", "re");
    while (in && fgets(line, sizeof line, in))
        if (strncmp(line, set, strlen(set)) == 0)
            sscanf(line + strlen(set), ": %" SCNx64, &v);
    if (in)
        fclose(in);
    return v;
}

static void in_child(int (*what)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int have_as_shown(void)
{
    uint64_t effective = shown("CapEff");
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (kr_caps_have(cap) != !!(effective & BIT(cap)))
            return 1;
    return 0;
}

/* The second is asked for, and can't be kept: it went before. */
static int keep_some(void)
{
    const cap_value_t one[] = {CAP_KILL}, two[] = {CAP_KILL, CAP_NET_ADMIN};
    uint64_t want = shown("CapEff") & BIT(CAP_KILL);
    if (kr_caps_keep(one, 1) || kr_caps_keep(two, 2))
        return 1;
    return shown("CapEff") != want || shown("CapPrm") != want || shown("CapInh") != 0 ||
           kr_caps_have(CAP_NET_ADMIN) || kr_caps_none() != !want;
}

static int keep_none(void)
{
    return kr_caps_keep(NULL, 0) || shown("CapEff") || shown("CapPrm") || !kr_caps_none();
}

static int empty_bounds(void)
{
    if (!kr_caps_have(CAP_SETPCAP))
        return shown("CapBnd") && kr_caps_empty_bounds() == 0;
    return kr_caps_empty_bounds() || shown("CapBnd") != 0;
}

static void as_shown(void **state)
{
    (void)state;
    in_child(have_as_shown);
}

static void some(void **state)
{
    (void)state;
    in_child(keep_some);
}

static void none(void **state)
{
    (void)state;
    in_child(keep_none);
}

static void bounds(void **state)
{
    (void)state;
    in_child(empty_bounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_shown),
        cmocka_unit_test(some),
        cmocka_unit_test(none),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

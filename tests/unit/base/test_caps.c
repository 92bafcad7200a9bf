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

struct child {
    int (*does)(void); /* 0: all was as it should be */
};

static void in_child(void **state)
{
    const struct child *c = *state;
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(c->does());
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

int main(void)
{
    struct child each[] = {{have_as_shown}, {keep_some}, {keep_none}, {empty_bounds}};
    const struct CMUnitTest tests[] = {
        {"as_shown", in_child, NULL, NULL, &each[0]},
        {"some", in_child, NULL, NULL, &each[1]},
        {"none", in_child, NULL, NULL, &each[2]},
        {"bounds", in_child, NULL, NULL, &each[3]},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "account_look.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

/* "model name : ..." is said by x86 and some others (arch/x86/kernel/cpu/proc.c). */
static void processor(char *out, size_t size)
{
    static char text[64 << 10];
    *out = '\0';
    if (!account_slurp("/proc/cpuinfo", text, sizeof text))
        return;
    const char *at = strstr(text, "model name");
    at = at ? strchr(at, ':') : NULL;
    if (at)
        snprintf(out, size, "%.*s", (int)strcspn(at + 1, "\n"), at + 1 + (at[1] == ' '));
}

void account_host(struct kr_run_host *h)
{
    struct utsname u;
    struct sysinfo s;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *h = (struct kr_run_host){.cpus = cpus > 0 ? (uint64_t)cpus : 0};
    if (uname(&u) == 0) {
        snprintf(h->name, sizeof h->name, "%.63s", u.nodename);
        snprintf(h->kernel, sizeof h->kernel, "%.63s", u.release);
        snprintf(h->machine, sizeof h->machine, "%.15s", u.machine);
    }
    if (sysinfo(&s) == 0)
        h->memory = (uint64_t)s.totalram * s.mem_unit;
    processor(h->cpu, sizeof h->cpu);
}

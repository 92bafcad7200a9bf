#include <kr/files.h>

#include <kr/err.h>

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

uint64_t kr_files_most(void)
{
    unsigned long long n = 0;
    FILE *f = fopen("/proc/sys/fs/nr_open", "re");
    if (f && fscanf(f, "%llu", &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

/* Without the capability this fails, and the hard limit is as it was. */
static void raise_hard(struct rlimit *r, uint64_t want)
{
    uint64_t most = kr_files_most();
    struct rlimit more = {want, want};
    if (most && want > most)
        more.rlim_cur = more.rlim_max = most;
    if (more.rlim_max > r->rlim_max && setrlimit(RLIMIT_NOFILE, &more) == 0)
        *r = more;
}

int kr_files_raise(uint64_t want, uint64_t *got, struct kr_err *e)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r))
        return kr_fail(e, KR_CANNOT, errno, "RLIMIT_NOFILE");
    raise_hard(&r, want);
    r.rlim_cur = r.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &r))
        return kr_fail(e, KR_CANNOT, errno, "RLIMIT_NOFILE");
    *got = r.rlim_max;
    return 0;
}

#include <kr/netns.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int kr_netns_enter(const char *name, struct kr_err *e)
{
    char path[256];
    bool pid = *name && strspn(name, "0123456789") == strlen(name);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return kr_fail(e, KR_USAGE, 0, "'%s' is neither a network namespace nor a process", name);
    int n = snprintf(path, sizeof path, pid ? "/proc/%s/ns/net" : "/run/netns/%s", name);
    if (n < 0 || (size_t)n >= sizeof path)
        return kr_fail(e, KR_USAGE, 0, "'%s' is too long for a namespace", name);
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kr_fail(e, errno == EACCES ? KR_CANNOT : KR_USAGE, errno,
                       "network namespace '%s' (%s)", name, path);
    if (setns(fd, CLONE_NEWNET))
        return kr_fail(e, KR_CANNOT, errno, "entering network namespace '%s'", name);
    return 0;
}

int kr_netns_inode(ino_t *out, struct kr_err *e)
{
    struct stat st;
    if (stat("/proc/thread-self/ns/net", &st))
        return kr_fail(e, KR_UNKNOWN, errno, "/proc/thread-self/ns/net");
    *out = st.st_ino;
    return 0;
}

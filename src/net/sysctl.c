#include <kr/sysctl.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ROOT "/proc/sys/net"

/* 1, 0 when it is not there, -1. */
static int read_number(int dir, const char *path, long *out, struct kr_err *e)
{
    char text[64], *end;
    KR_AUTO_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : kr_fail(e, KR_UNKNOWN, errno, "sysctl %s", path);
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0)
        return kr_fail(e, KR_UNKNOWN, n < 0 ? errno : 0, "sysctl %s can't be read", path);
    text[n] = '\0';
    errno = 0;
    *out = strtol(text, &end, 10);
    if (end == text || errno || (*end && *end != '\n'))
        return kr_fail(e, KR_UNKNOWN, errno, "sysctl %s is no number", path);
    return 1;
}

/* Without /proc/sys nothing at all is there, which says nothing of a single one. */
int kr_sysctl_read(const char *name, long *out, struct kr_err *e)
{
    KR_AUTO_FD int dir = open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "%s", ROOT);
    return read_number(dir, name, out, e);
}

static int each(DIR *d, const char *name, kr_sysctl_row row, void *arg, struct kr_err *e)
{
    const struct dirent *entry;
    int found = 0;
    while ((errno = 0, entry = readdir(d)) != NULL) {
        char path[sizeof entry->d_name + 64];
        long value = 0;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", entry->d_name, name);
        int got = read_number(dirfd(d), path, &value, e);
        if (got < 0)
            return -1;
        if (got)
            row(entry->d_name, value, arg);
        found |= got;
    }
    return errno ? kr_fail(e, KR_UNKNOWN, errno, "sysctl conf/*/%s", name) : found;
}

int kr_sysctl_each(const char *family, const char *name, kr_sysctl_row row, void *arg,
                   struct kr_err *e)
{
    char path[64];
    snprintf(path, sizeof path, ROOT "/%s/conf", family);
    DIR *d = opendir(path);
    if (!d)
        return errno == ENOENT && access(ROOT "/core", F_OK) == 0
                   ? 0
                   : kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    int got = each(d, name, row, arg, e);
    closedir(d);
    return got;
}

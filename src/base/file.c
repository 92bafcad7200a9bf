#include <kr/file.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int kr_write_all(int fd, const char *s, size_t n)
{
    while (n) {
        ssize_t w = write(fd, s, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        s += w;
        n -= (size_t)w;
    }
    return 0;
}

static int fill(int fd, const char *text, enum kr_file_how how)
{
    if (fchmod(fd, 0644) || kr_write_all(fd, text, strlen(text)))
        return -1;
    return how == KR_FILE_ON_DISK ? fsync(fd) : 0;
}

int kr_file_replace(const char *path, const char *text, enum kr_file_how how, struct kr_err *e)
{
    size_t size = strlen(path) + sizeof ".XXXXXX";
    KR_AUTO_FREE char *tmp = kr_calloc(size, 1);
    snprintf(tmp, size, "%s.XXXXXX", path);
    KR_AUTO_FD int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    if (fill(fd, text, how) || (how != KR_FILE_REHEARSE && rename(tmp, path))) {
        kr_fail(e, KR_CANNOT, errno, "writing %s", path);
        unlink(tmp);
        return -1;
    }
    if (how == KR_FILE_REHEARSE)
        unlink(tmp);
    return 0;
}

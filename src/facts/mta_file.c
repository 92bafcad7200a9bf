/* Reading the files of a mail server that may live in a container of its own: links in it must lead
 * to its files and not to ours, and a pipe or a device must not stop us. */
#include "mta_internal.h"

#include <kr/mem.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_below(const struct kr_mta_reading *r, const char *path, int flags)
{
    struct open_how how = {
        .flags = (__u64)(unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, r->root, path, &how, sizeof how);
    return fd < 0 && errno == ENOSYS ? kr_mta_open_below(r->root, path, flags) : fd;
}

static bool missing(int sys)
{
    return sys == ENOENT || sys == ENOTDIR;
}

static int unreadable(struct kr_mta_reading *r, const char *path, const char *why)
{
    kr_mta_say(r, KR_MTA_UNKNOWN, KR_IN_DOUBT, path, 0, "can't be read: %s", why);
    return -1;
}

static int read_all(struct kr_mta_reading *r, int fd, const char *path, struct kr_buf *out)
{
    char part[65536];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0) {
        if ((size_t)n > r->bytes_left)
            return unreadable(r, path, "there is too much of it");
        r->bytes_left -= (size_t)n;
        kr_buf_add(out, part, (size_t)n);
    }
    return n < 0 ? unreadable(r, path, strerror(errno)) : 1;
}

int kr_mta_file(struct kr_mta_reading *r, const char *path, struct kr_buf *out)
{
    struct stat st;
    KR_AUTO_FD int fd = open_below(r, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return missing(errno) ? 0 : unreadable(r, path, strerror(errno));
    if (fstat(fd, &st))
        return unreadable(r, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return unreadable(r, path, "it is no file");
    if (r->files_left == 0)
        return unreadable(r, path, "there are too many files");
    r->files_left--;
    kr_buf_add(out, "", 0);
    return read_all(r, fd, path, out);
}

bool kr_mta_exists(const struct kr_mta_reading *r, const char *path, time_t *mtime)
{
    struct stat st;
    KR_AUTO_FD int fd = open_below(r, path, O_PATH);
    if (fd < 0 || fstat(fd, &st))
        return false;
    if (mtime)
        *mtime = st.st_mtime;
    return true;
}

static void visit(struct kr_mta_reading *r, const char *path, unsigned depth,
                  void (*f)(struct kr_mta_reading *r, const char *path))
{
    struct stat st;
    KR_AUTO_FD int fd = open_below(r, path, O_PATH);
    if (fd < 0 || fstat(fd, &st))
        unreadable(r, path, strerror(errno));
    else if (S_ISREG(st.st_mode))
        f(r, path);
    else if (S_ISDIR(st.st_mode) && depth == 0)
        unreadable(r, path, "it is too deep");
    else if (S_ISDIR(st.st_mode))
        kr_mta_folder(r, path, depth - 1, f);
}

int kr_mta_folder(struct kr_mta_reading *r, const char *path, unsigned depth,
                  void (*f)(struct kr_mta_reading *r, const char *path))
{
    char child[PATH_MAX];
    const struct dirent *entry;
    int fd = open_below(r, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return missing(errno) ? 0 : unreadable(r, path, strerror(errno));
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return unreadable(r, path, strerror(errno));
    }
    while ((errno = 0, entry = readdir(d)) != NULL && r->visits_left) {
        r->visits_left--;
        int n = snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && n > 0 &&
            (size_t)n < sizeof child)
            visit(r, child, depth, f);
    }
    int sys = errno;
    closedir(d);
    if (r->visits_left == 0)
        return unreadable(r, path, "there are too many files");
    return sys ? unreadable(r, path, strerror(sys)) : 1;
}

#include <kr/procs.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "net:[4026531840]" */
static ino_t inode_of(const char *link)
{
    unsigned long long n = 0;
    return sscanf(link, "net:[%llu]", &n) == 1 ? (ino_t)n : 0;
}

static void read_name(int dir, char out[static 16])
{
    KR_AUTO_FD int fd = openat(dir, "comm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, 15);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    for (char *s = out; *s; s++)
        if (!isprint((unsigned char)*s))
            *s = '?';
}

/* True unless it ended meanwhile. A zombie has no namespace any more. */
static bool read_one(int proc, const char *pid, struct kr_proc *out, bool *unreadable)
{
    char link[64] = "";
    KR_AUTO_FD int dir = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *unreadable = false;
    if (dir < 0)
        return false;
    ssize_t n = readlinkat(dir, "ns/net", link, sizeof link - 1);
    if (n < 0 && (errno == ENOENT || errno == ESRCH))
        return false;
    out->netns = n > 0 ? inode_of(link) : 0;
    *unreadable = out->netns == 0;
    read_name(dir, out->name);
    return true;
}

static int by_pid(const void *a, const void *b)
{
    const struct kr_proc *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static int read_all(DIR *d, struct kr_procs *out, struct kr_err *e)
{
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(d)) != NULL) {
        struct kr_proc p = {0};
        bool unreadable;
        if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name) ||
            !read_one(dirfd(d), entry->d_name, &p, &unreadable))
            continue;
        p.pid = (pid_t)strtol(entry->d_name, NULL, 10);
        out->unreadable += unreadable;
        out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
        out->v[out->n++] = p;
    }
    return errno ? kr_fail(e, KR_UNKNOWN, errno, "reading /proc") : 0;
}

int kr_procs_read(struct kr_procs *out, struct kr_err *e)
{
    memset(out, 0, sizeof *out);
    DIR *d = opendir("/proc");
    if (!d)
        return kr_fail(e, KR_UNKNOWN, errno, "/proc");
    int bad = read_all(d, out, e);
    closedir(d);
    if (bad)
        kr_procs_free(out);
    else if (out->n)
        qsort(out->v, out->n, sizeof *out->v, by_pid);
    return bad;
}

void kr_procs_free(struct kr_procs *p)
{
    free(p->v);
    memset(p, 0, sizeof *p);
}

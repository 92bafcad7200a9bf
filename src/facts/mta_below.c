/* openat2(2) with RESOLVE_IN_ROOT, step by step, where the kernel has not got it (before 5.6) or
 * does not let it through. No step follows a link by itself, so that one which changes meanwhile
 * ends in an error and never outside. */
#include "mta_internal.h"

#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_LINKS 40

struct way {
    char done[PATH_MAX], todo[PATH_MAX]; /* what is resolved: names without links, each after '/' */
    unsigned links;
};

/* The folder `path`, whose names are no links; the caller closes it. */
static int walk(int root, const char *path)
{
    char name[NAME_MAX + 1];
    int at = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    while (at >= 0 && *path) {
        size_t n = strcspn(++path, "/");
        snprintf(name, sizeof name, "%.*s", (int)n, path);
        int next = openat(at, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
        kr_close_fd(&at);
        at = next;
        path += n;
    }
    return at;
}

static int fails(int sys)
{
    errno = sys;
    return -1;
}

/* Puts what a link says before what is still to do. */
static int follow(struct way *w, const char *target, const char *rest)
{
    char todo[2 * PATH_MAX];
    int n = snprintf(todo, sizeof todo, "%s/%s", target, rest);
    if (++w->links > MOST_LINKS)
        return fails(ELOOP);
    if (n < 0 || (size_t)n >= sizeof w->todo)
        return fails(ENAMETOOLONG);
    if (*target == '/')
        w->done[0] = '\0';
    memcpy(w->todo, todo, (size_t)n + 1);
    return 0;
}

static int step(int root, struct way *w, const char *name, const char *rest)
{
    char target[PATH_MAX];
    size_t len = strlen(w->done), n = strlen(name);
    KR_AUTO_FD int folder = walk(root, w->done);
    if (folder < 0)
        return -1;
    ssize_t got = readlinkat(folder, name, target, sizeof target - 1);
    if (got >= 0) {
        target[got] = '\0';
        return follow(w, target, rest);
    }
    if (errno != EINVAL) /* EINVAL: it is no link */
        return -1;
    if (len + n + 2 > sizeof w->done)
        return fails(ENAMETOOLONG);
    w->done[len] = '/';
    memcpy(w->done + len + 1, name, n + 1);
    memmove(w->todo, rest, strlen(rest) + 1);
    return 0;
}

static int resolve(int root, struct way *w)
{
    char name[NAME_MAX + 1];
    while (w->todo[strspn(w->todo, "/")]) {
        const char *begin = w->todo + strspn(w->todo, "/");
        size_t n = strcspn(begin, "/");
        const char *rest = begin + n;
        if (n > NAME_MAX)
            return fails(ENAMETOOLONG);
        memcpy(name, begin, n);
        name[n] = '\0';
        bool dot = strcmp(name, ".") == 0, up = strcmp(name, "..") == 0;
        char *slash = strrchr(w->done, '/');
        if (up && slash)
            *slash = '\0';
        if (dot || up)
            memmove(w->todo, rest, strlen(rest) + 1);
        else if (step(root, w, name, rest))
            return -1;
    }
    return 0;
}

int kr_mta_open_below(int root, const char *path, int flags)
{
    struct way w = {.links = 0};
    if (strlen(path) >= sizeof w.todo)
        return fails(ENAMETOOLONG);
    strcpy(w.todo, path);
    if (resolve(root, &w))
        return -1;
    char *slash = strrchr(w.done, '/');
    if (!slash)
        return openat(root, ".", flags | O_CLOEXEC);
    *slash = '\0';
    KR_AUTO_FD int folder = walk(root, w.done);
    return folder < 0 ? -1 : openat(folder, slash + 1, flags | O_NOFOLLOW | O_CLOEXEC);
}

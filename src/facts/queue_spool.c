#include "mta_internal.h"
#include "queue_internal.h"

#include <kr/procs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_FOLDERS 100000 /* hashed queues have at most some thousand */

struct walk {
    bool (*takes)(const char *name, void *arg);
    void *arg;
    uint64_t n;
    unsigned folders;
};

static int walk(struct walk *w, int folder, unsigned depth);

/* A file that goes while it is looked at was delivered or moved. */
static int entry(struct walk *w, int folder, const struct dirent *d, unsigned depth)
{
    struct stat st;
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
        return 0;
    if (fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : -1;
    if (S_ISREG(st.st_mode) && w->takes(d->d_name, w->arg))
        w->n++;
    if (!S_ISDIR(st.st_mode) || !depth)
        return 0;
    int fd = openat(folder, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    return walk(w, fd, depth - 1);
}

/* Takes the descriptor over. */
static int walk(struct walk *w, int folder, unsigned depth)
{
    const struct dirent *d;
    int bad = 0;
    DIR *dir = fdopendir(folder);
    if (!dir) {
        close(folder);
        return -1;
    }
    if (++w->folders > MOST_FOLDERS) {
        errno = E2BIG;
        bad = -1;
    }
    while (!bad && (errno = 0, d = readdir(dir)) != NULL)
        bad = entry(w, folder, d, depth);
    int why = errno;
    closedir(dir);
    errno = why;
    return bad || why ? -1 : 0;
}

int kr_queue_spool(int root, const char *path, unsigned depth,
                   bool (*takes)(const char *name, void *arg), void *arg, uint64_t *n)
{
    struct walk w = {.takes = takes, .arg = arg};
    int fd = kr_mta_open_below(root, path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int bad = walk(&w, fd, depth);
    *n += w.n;
    return bad ? -1 : 1;
}

/* ---- deliveries under way -------------------------------------------------------------------- */

static bool holds_part(pid_t pid, const char *part)
{
    char path[64], link[1024];
    const struct dirent *d;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    while (dir && !found && (d = readdir(dir)) != NULL) {
        ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        found = strstr(link, part) != NULL;
    }
    if (dir)
        closedir(dir);
    return found;
}

uint64_t kr_queue_running(const struct kr_queue_asking *a, const char *const *names,
                          const char *part)
{
    const struct kr_proc *own = a->mta->pid ? kr_procs_find(a->procs, a->mta->pid) : NULL;
    uint64_t n = 0;
    for (size_t i = 0; own && i < a->procs->n; i++) {
        const struct kr_proc *p = &a->procs->v[i];
        for (const char *const *name = names; p->netns == own->netns && *name; name++)
            if (strcmp(*name, p->name) == 0)
                n += holds_part(p->pid, part);
    }
    return n;
}

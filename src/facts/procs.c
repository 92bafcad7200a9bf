#include <kr/procs.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_THREADS 4
#define WORTH_A_THREAD 256 /* processes: some 20 us each */

/* "net:[4026531840]" */
static ino_t inode_of(const char *link)
{
    static const char begin[] = "net:[";
    if (strncmp(link, begin, sizeof begin - 1) != 0)
        return 0;
    return (ino_t)strtoull(link + sizeof begin - 1, NULL, 10);
}

/* 0 when it ended meanwhile: a zombie has no namespace any more. 1 with *out, 0 in there when it
 * can't be read. */
static bool read_netns(int dir, const char *path, ino_t *out)
{
    char link[64] = "";
    ssize_t n = readlinkat(dir, path, link, sizeof link - 1);
    if (n < 0 && (errno == ENOENT || errno == ESRCH))
        return false;
    *out = n > 0 ? inode_of(link) : 0;
    return true;
}

static void read_name(int proc, pid_t pid, char out[static 16])
{
    char path[32];
    snprintf(path, sizeof path, "%d/comm", (int)pid);
    KR_AUTO_FD int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, 15);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    for (char *s = out; *s; s++)
        if (!isprint((unsigned char)*s))
            *s = '?';
}

static void add_stray(struct kr_procs *out, const struct kr_proc *p, pid_t tid, ino_t netns)
{
    out->strays = kr_grow(out->strays, &out->cap_strays, out->n_strays + 1, sizeof *out->strays);
    out->strays[out->n_strays++] = (struct kr_thread){p->pid, tid, netns};
}

static void read_threads(int task, const struct kr_proc *p, struct kr_procs *out)
{
    DIR *d = fdopendir(task);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        char path[300];
        ino_t netns;
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        snprintf(path, sizeof path, "%s/ns/net", entry->d_name);
        if (tid > 0 && tid != p->pid && read_netns(task, path, &netns) && netns != p->netns)
            add_stray(out, p, tid, netns);
    }
    if (d)
        closedir(d);
    else
        close(task);
}

/* The folder has a link for each thread beside its own two (proc_task_getattr in fs/proc/base.c).
 */
static void look_for_strays(int proc, const struct kr_proc *p, struct kr_procs *out)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "%d/task", (int)p->pid);
    if (!p->netns || fstatat(proc, path, &st, 0) || st.st_nlink <= 3)
        return;
    int task = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (task >= 0)
        read_threads(task, p, out);
}

static void read_one(int proc, pid_t pid, struct kr_procs *out)
{
    char path[32];
    struct kr_proc p = {.pid = pid};
    snprintf(path, sizeof path, "%d/ns/net", (int)pid);
    if (!read_netns(proc, path, &p.netns))
        return;
    out->unreadable += p.netns == 0;
    read_name(proc, pid, p.name);
    look_for_strays(proc, &p, out);
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    out->v[out->n++] = p;
}

/* A share of the processes, read by one thread. */
struct share {
    pthread_t thread;
    bool started;
    int proc;
    const pid_t *pids;
    size_t n;
    struct kr_procs found;
};

static void *read_share(void *arg)
{
    struct share *s = arg;
    for (size_t i = 0; i < s->n; i++)
        read_one(s->proc, s->pids[i], &s->found);
    return NULL;
}

static size_t how_many(size_t n)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = cores < 1 ? 1 : cores < MOST_THREADS ? (size_t)cores : MOST_THREADS;
    size_t worth = 1 + n / WORTH_A_THREAD;
    return worth < most ? worth : most;
}

static void append(struct kr_procs *out, struct kr_procs *part)
{
    out->unreadable += part->unreadable;
    out->v = kr_grow(out->v, &out->cap, out->n + part->n, sizeof *out->v);
    out->strays =
        kr_grow(out->strays, &out->cap_strays, out->n_strays + part->n_strays, sizeof *out->strays);
    if (part->n)
        memcpy(out->v + out->n, part->v, part->n * sizeof *part->v);
    if (part->n_strays)
        memcpy(out->strays + out->n_strays, part->strays, part->n_strays * sizeof *part->strays);
    out->n += part->n;
    out->n_strays += part->n_strays;
    kr_procs_free(part);
}

static void read_shared(int proc, const pid_t *pids, size_t n, struct kr_procs *out)
{
    struct share shares[MOST_THREADS] = {0};
    size_t parts = how_many(n), done = 0;
    for (size_t i = 0; i < parts; i++) {
        size_t end = n * (i + 1) / parts;
        shares[i].proc = proc;
        shares[i].pids = pids + done;
        shares[i].n = end - done;
        done = end;
        shares[i].started =
            i + 1 < parts && !pthread_create(&shares[i].thread, NULL, read_share, &shares[i]);
        if (!shares[i].started)
            read_share(&shares[i]);
    }
    for (size_t i = 0; i < parts; i++) {
        if (shares[i].started)
            pthread_join(shares[i].thread, NULL);
        append(out, &shares[i].found);
    }
}

static int by_number(const void *a, const void *b)
{
    const pid_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int read_all(DIR *d, struct kr_procs *out, struct kr_err *e)
{
    KR_AUTO_FREE pid_t *pids = NULL;
    size_t n = 0, cap = 0;
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(d)) != NULL) {
        if (strspn(entry->d_name, "0123456789") != strlen(entry->d_name))
            continue;
        pids = kr_grow(pids, &cap, n + 1, sizeof *pids);
        pids[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
    }
    if (errno)
        return kr_fail(e, KR_UNKNOWN, errno, "reading /proc");
    if (n)
        qsort(pids, n, sizeof *pids, by_number);
    read_shared(dirfd(d), pids, n, out);
    return 0;
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
    return bad;
}

void kr_procs_free(struct kr_procs *p)
{
    free(p->v);
    free(p->strays);
    memset(p, 0, sizeof *p);
}

static int by_pid(const void *key, const void *element)
{
    const struct kr_proc *p = element;
    pid_t pid = *(const pid_t *)key;
    return (pid > p->pid) - (pid < p->pid);
}

const struct kr_proc *kr_procs_find(const struct kr_procs *p, pid_t pid)
{
    return p->n ? bsearch(&pid, p->v, p->n, sizeof *p->v, by_pid) : NULL;
}

#include <kr/owners.h>

#include <kr/mem.h>
#include <kr/procs.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_FDS 4096

struct search {
    struct kr_wanted *v;
    size_t n, open; /* open: not found yet; a tun device stays open, it may have several holders */
    bool tuns, whole;
    const struct kr_proc *p;
    int fds; /* /proc/PID/fd */
};

static int by_inode(const void *a, const void *b)
{
    const struct kr_wanted *x = a, *y = b;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static void found(struct search *s, struct kr_wanted *w)
{
    if (w->pid) {
        w->others += w->netns != s->p->netns || strcmp(w->name, s->p->name) != 0;
        return;
    }
    w->pid = s->p->pid;
    w->netns = s->p->netns;
    memcpy(w->name, s->p->name, sizeof w->name);
    s->open -= w->inode != 0;
}

static void on_socket(struct search *s, uint32_t inode)
{
    const struct kr_wanted key = {.inode = inode};
    struct kr_wanted *w = inode && s->n ? bsearch(&key, s->v, s->n, sizeof key, by_inode) : NULL;
    if (w)
        found(s, w);
}

/* "iff:	tap0" (tun_chr_show_fdinfo() in drivers/net/tun.c) */
static void on_tun(struct search *s, const char *fd)
{
    char path[64], text[512], name[IFNAMSIZ];
    snprintf(path, sizeof path, "../fdinfo/%.16s", fd);
    KR_AUTO_FD int in = openat(s->fds, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = in < 0 ? -1 : read(in, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    const char *iff = strstr(text, "iff:");
    s->whole &= n >= 0 || errno == ENOENT;
    if (!iff || sscanf(iff, "iff: %15s", name) != 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i].inode && strcmp(s->v[i].tun, name) == 0)
            found(s, &s->v[i]);
}

/* What a descriptor is: "socket:[1234]", or a path. Returns its length, 0 when it is gone. */
static size_t read_link(int fds, const char *fd, char out[static 64])
{
    ssize_t n = readlinkat(fds, fd, out, 63);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

static bool is_socket(const char *link, uint32_t *inode)
{
    static const char socket[] = "socket:[";
    bool is = strncmp(link, socket, sizeof socket - 1) == 0;
    *inode = is ? (uint32_t)strtoul(link + sizeof socket - 1, NULL, 10) : 0;
    return is;
}

static void on_fd(struct search *s, const char *fd)
{
    char link[64];
    uint32_t inode;
    size_t n = read_link(s->fds, fd, link);
    if (is_socket(link, &inode))
        on_socket(s, inode);
    else if (s->tuns && n >= 4 && strcmp(link + n - 4, "/tun") == 0)
        on_tun(s, fd); /* /dev/net/tun, wherever a container has it */
}

static DIR *open_fds(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    return opendir(path);
}

static void look_into(struct search *s, const struct kr_proc *p)
{
    DIR *d = open_fds(p->pid);
    s->whole &= d || errno == ENOENT || errno == ESRCH;
    if (!d)
        return;
    const struct dirent *entry;
    s->p = p;
    s->fds = dirfd(d);
    for (size_t i = 0; (s->open || s->tuns) && (entry = readdir(d)); i++) {
        if (entry->d_name[0] != '.')
            on_fd(s, entry->d_name);
        if (i == MOST_FDS) {
            s->whole = false;
            break;
        }
    }
    closedir(d);
}

bool kr_owners_find(const struct kr_procs *procs, ino_t first, struct kr_wanted *v, size_t n)
{
    struct search s = {.v = v, .n = n, .whole = procs->unreadable == 0};
    if (!n)
        return true;
    qsort(v, n, sizeof *v, by_inode);
    for (size_t i = 0; i < n; i++) {
        s.open += v[i].inode != 0;
        s.tuns |= v[i].inode == 0;
    }
    for (int others = 0; others < 2; others++)
        for (size_t i = 0; i < procs->n && (s.open || s.tuns); i++)
            if ((procs->v[i].netns != first) == others)
                look_into(&s, &procs->v[i]);
    return s.whole;
}

/* ---- all sockets of a process ---------------------------------------------------------------- */

int kr_inodes_add(pid_t pid, struct kr_inodes *out)
{
    char link[64];
    uint32_t inode;
    const struct dirent *entry;
    DIR *d = open_fds(pid);
    if (!d)
        return -1;
    while ((errno = 0, entry = readdir(d)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (!read_link(dirfd(d), entry->d_name, link) && errno != ENOENT)
            break;
        if (is_socket(link, &inode)) {
            out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
            out->v[out->n++] = inode;
        }
    }
    int why = errno;
    closedir(d);
    errno = why;
    return why ? -1 : 0;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void kr_inodes_sort(struct kr_inodes *l)
{
    if (l->n)
        qsort(l->v, l->n, sizeof *l->v, by_number);
}

bool kr_inodes_have(const struct kr_inodes *l, uint32_t inode)
{
    return l->n && bsearch(&inode, l->v, l->n, sizeof *l->v, by_number) != NULL;
}

void kr_inodes_free(struct kr_inodes *l)
{
    free(l->v);
    *l = (struct kr_inodes){0};
}

#include "spaces.h"

#include <kr/caps.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/procs.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_PID_NS "pid:[4026531836]" /* PROC_PID_INIT_INO of linux/proc_ns.h */
/* Only the first network namespace has it (net_core_table in net/core/sysctl_net_core.c). */
#define FIRST_NET_ONLY "/proc/sys/net/core/netdev_max_backlog"

static void add(struct kr_spaces *s, struct kr_keeper k)
{
    s->keepers = kr_grow(s->keepers, &s->cap_keepers, s->n_keepers + 1, sizeof k);
    s->keepers[s->n_keepers++] = k;
}

/* "\040" is a blank (mangle_path() in fs/seq_file.c). */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        unsigned c;
        if (*s == '\\' && sscanf(s + 1, "%3o", &c) == 1 && c < 256) {
            *to++ = (char)c;
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

/* "36 35 0:4 net:[4026532281] /run/netns/x rw shared:1 - nsfs nsfs rw" */
bool kr_spaces_mount_line(char *line, ino_t *inode, char **path)
{
    unsigned long long n;
    int at = 0;
    if (sscanf(line, "%*d %*d %*u:%*u net:[%llu] %n", &n, &at) != 1 || !at)
        return false;
    *inode = (ino_t)n;
    *path = line + at;
    line[(size_t)at + strcspn(line + at, " \n")] = '\0';
    unescape(*path);
    return true;
}

/* hidepid keeps processes out of the list, unless one may trace them (proc(5)). */
static void look_at_proc_mount(const char *line, struct kr_spaces *s)
{
    const char *type = strstr(line, " - proc ");
    const char *hidden = type && strstr(line, " /proc ") ? strstr(type, "hidepid=") : NULL;
    if (!hidden || strncmp(hidden, "hidepid=0", 9) == 0 || strncmp(hidden, "hidepid=off", 11) == 0)
        return;
    if (!kr_caps_have(CAP_SYS_PTRACE))
        snprintf(s->blind, sizeof s->blind,
                 "/proc is mounted with hidepid, and this process lacks CAP_SYS_PTRACE");
}

static int list_mounts(struct kr_spaces *s, struct kr_err *e)
{
    KR_AUTO_FREE char *line = NULL;
    size_t cap = 0;
    FILE *in = fopen("/proc/thread-self/mountinfo", "re");
    if (!in)
        return kr_fail(e, KR_UNKNOWN, errno, "/proc/self/mountinfo");
    while (getline(&line, &cap, in) > 0) {
        struct kr_keeper k = {0};
        char *path;
        look_at_proc_mount(line, s);
        if (!kr_spaces_mount_line(line, &k.inode, &path))
            continue;
        s->paths = kr_grow(s->paths, &s->cap_paths, s->n_paths + 1, sizeof *s->paths);
        k.who = s->paths[s->n_paths++] = kr_strdup(path);
        add(s, k);
    }
    int bad = ferror(in);
    fclose(in);
    return bad ? kr_fail(e, KR_UNKNOWN, 0, "/proc/self/mountinfo can't be read") : 0;
}

bool kr_spaces_still_mounted(ino_t inode)
{
    KR_AUTO_FREE char *line = NULL;
    char *path;
    size_t cap = 0;
    ino_t found = 0;
    FILE *in = fopen("/proc/thread-self/mountinfo", "re");
    while (in && found != inode && getline(&line, &cap, in) > 0)
        if (!kr_spaces_mount_line(line, &found, &path))
            found = 0;
    if (in)
        fclose(in);
    return !in || found == inode;
}

static const char *name_of(const struct kr_procs *procs, pid_t pid)
{
    const struct kr_proc *p = kr_procs_find(procs, pid);
    return p ? p->name : "";
}

static int by_inode(const void *a, const void *b)
{
    const struct kr_keeper *x = a, *y = b;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    if (!x->pid != !y->pid) /* mounts first: they stay */
        return x->pid ? 1 : -1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

static void group(struct kr_spaces *s)
{
    size_t cap = 0;
    qsort(s->keepers, s->n_keepers, sizeof *s->keepers, by_inode);
    for (size_t i = 0, end; i < s->n_keepers; i = end) {
        const struct kr_keeper *k = &s->keepers[i];
        for (end = i + 1; end < s->n_keepers && s->keepers[end].inode == k->inode;)
            end++;
        if (k->inode == s->inode)
            continue;
        s->v = kr_grow(s->v, &cap, s->n + 1, sizeof *s->v);
        s->v[s->n++] = (struct kr_space){.inode = k->inode,
                                         .keepers = k,
                                         .n_keepers = end - i,
                                         .ours = KR_NSID_NONE,
                                         .there = KR_NSID_NONE};
    }
}

int kr_spaces_list(const struct kr_procs *procs, struct kr_spaces *s, struct kr_err *e)
{
    char link[64] = "";
    s->unreadable = procs->unreadable;
    s->first = access(FIRST_NET_ONLY, F_OK) == 0;
    if (readlink("/proc/self/ns/pid", link, sizeof link - 1) < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "/proc/self/ns/pid");
    s->all_pids = strcmp(link, FIRST_PID_NS) == 0;
    if (list_mounts(s, e))
        return -1;
    for (size_t i = 0; i < procs->n; i++)
        if (procs->v[i].netns && procs->v[i].netns != s->inode)
            add(s, (struct kr_keeper){procs->v[i].netns, procs->v[i].pid, 0, procs->v[i].name});
    for (size_t i = 0; i < procs->n_strays; i++) {
        const struct kr_thread *t = &procs->strays[i];
        if (t->netns && t->netns != s->inode)
            add(s, (struct kr_keeper){t->netns, t->pid, t->tid, name_of(procs, t->pid)});
        s->unreadable += t->netns == 0;
    }
    if (s->n_keepers)
        group(s);
    return 0;
}

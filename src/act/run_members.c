#include "run_members.h"

#include <kr/clock.h>
#include <kr/mem.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEP_MS 1
#define MOST_ENVIRON (256u << 10)

struct member {
    pid_t pid, parent;
    char state;
    bool ours;
};
struct members {
    struct member *v;
    size_t n, cap;
};

static ssize_t slurp(pid_t pid, const char *name, char *out, size_t room)
{
    char path[64];
    size_t have = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t n = 1; fd >= 0 && n > 0 && have<room; have += n> 0 ? (size_t)n : 0)
        n = read(fd, out + have, room - have);
    return fd < 0 ? -1 : (ssize_t)have;
}

/* State and parent stand behind the name, which may hold anything. */
static bool read_stat(struct member *m)
{
    char text[512];
    ssize_t n = slurp(m->pid, "stat", text, sizeof text - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    const char *s = strrchr(text, ')');
    int parent = 0;
    if (!s || sscanf(s + 1, " %c %d", &m->state, &parent) != 2)
        return false;
    m->parent = parent;
    return m->state != 'Z' && m->state != 'X';
}

static bool has_mark(pid_t pid, const char *mark)
{
    KR_AUTO_FREE char *text = kr_calloc(MOST_ENVIRON + 1, 1);
    ssize_t n = slurp(pid, "environ", text, MOST_ENVIRON);
    for (const char *p = text; n > 0 && p < text + n; p += strlen(p) + 1)
        if (strcmp(p, mark) == 0)
            return true;
    return false;
}

static void read_all(struct members *all)
{
    DIR *d = opendir("/proc");
    for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
        struct member m = {.pid = (pid_t)strtol(x->d_name, NULL, 10)};
        if (m.pid <= 0 || m.pid == getpid() || !read_stat(&m))
            continue;
        all->v = kr_grow(all->v, &all->cap, all->n + 1, sizeof *all->v);
        all->v[all->n++] = m;
    }
    if (d)
        closedir(d);
}

static bool parent_is_ours(const struct members *all, pid_t parent)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].pid == parent)
            return all->v[i].ours;
    return false;
}

static void find(const struct kr_cage *c, struct members *all)
{
    bool more = true;
    read_all(all);
    for (size_t i = 0; i < all->n; i++)
        all->v[i].ours = all->v[i].pid == c->root || has_mark(all->v[i].pid, c->mark);
    while (more) {
        more = false;
        for (size_t i = 0; i < all->n; i++)
            if (!all->v[i].ours && parent_is_ours(all, all->v[i].parent))
                more = all->v[i].ours = true;
    }
}

/* Returns how many there are that are not in one of these states. */
static size_t each(const struct kr_cage *c, int sig, const char *passed_over)
{
    struct members all = {0};
    size_t n = 0;
    find(c, &all);
    for (size_t i = 0; i < all.n; i++) {
        if (!all.v[i].ours || strchr(passed_over, all.v[i].state))
            continue;
        n++;
        if (sig)
            kill(all.v[i].pid, sig);
    }
    free(all.v);
    return n;
}

bool kr_members_stop(const struct kr_cage *c, unsigned ms)
{
    uint64_t until = kr_now_us() + (uint64_t)ms * 1000;
    while (each(c, SIGSTOP, "Tt")) {
        if (kr_now_us() >= until)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return true;
}

void kr_members_signal(const struct kr_cage *c, int sig)
{
    each(c, sig, "");
}

bool kr_members_any(const struct kr_cage *c)
{
    return each(c, 0, "") > 0;
}

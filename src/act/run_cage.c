#include <kr/run_cage.h>

#include "run_members.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEP_MS 1

static int read_text(int dir, const char *name, char *out, size_t room)
{
    KR_AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, room - 1) : -1;
    out[n > 0 ? n : 0] = '\0';
    return n < 0 ? -1 : 0;
}

static int write_text(int dir, const char *name, const char *text)
{
    KR_AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* ---- making one -------------------------------------------------------------------------------*/

/* Where the version 2 hierarchy is mounted. */
static bool find_mount(char *out, size_t room)
{
    char line[PATH_MAX + 256], at[PATH_MAX], type[64];
    FILE *in = fopen("/proc/self/mounts", "re");
    bool found = false;
    while (in && !found && fgets(line, sizeof line, in))
        found = sscanf(line, "%*s %4095s %63s", at, type) == 2 && strcmp(type, "cgroup2") == 0;
    if (in)
        fclose(in);
    return found && (size_t)snprintf(out, room, "%s", at) < room;
}

/* The cgroup of this process, below the mount: the line "0::/PATH". */
static bool find_own(char *out, size_t room)
{
    char line[PATH_MAX];
    FILE *in = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (in && !found && fgets(line, sizeof line, in))
        found = strncmp(line, "0::/", 4) == 0;
    if (in)
        fclose(in);
    if (!found || strstr(line, "/.."))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return (size_t)snprintf(out, room, "%s", line[4] ? line + 3 : "") < room;
}

static const char *make(struct kr_cage *c)
{
    char mount[PATH_MAX / 2], own[PATH_MAX / 4];
    if (!find_mount(mount, sizeof mount))
        return "no cgroup2 file system is mounted";
    if (!find_own(own, sizeof own))
        return "the cgroup of this process can't be told";
    snprintf(c->dir, sizeof c->dir, "%s%s/kumo-redirect-run-%d", mount, own, (int)getpid());
    rmdir(c->dir);
    if (mkdir(c->dir, 0755)) {
        c->dir[0] = '\0';
        return strerror(errno);
    }
    c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->fd >= 0 && faccessat(c->fd, "cgroup.freeze", W_OK, AT_EACCESS) == 0)
        return NULL;
    kr_cage_close(c);
    return "the cgroup has no freezer (Linux 5.2)";
}

void kr_cage_open(struct kr_cage *c)
{
    unsigned char raw[8] = {0};
    *c = (struct kr_cage){.fd = -1};
    if (getrandom(raw, sizeof raw, 0) != sizeof raw)
        memcpy(raw, &(pid_t){getpid()}, sizeof(pid_t));
    int n = snprintf(c->mark, sizeof c->mark, KR_RUN_MARK "=");
    for (size_t i = 0; i < sizeof raw; i++)
        n += snprintf(c->mark + n, sizeof c->mark - (size_t)n, "%02x", raw[i]);
    const char *why = make(c);
    if (why)
        snprintf(c->why, sizeof c->why, "%s", why);
}

int kr_cage_put(struct kr_cage *c, pid_t pid, struct kr_err *e)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)pid);
    c->root = pid;
    if (c->fd < 0 || write_text(c->fd, "cgroup.procs", text) == 0)
        return 0;
    return kr_fail(e, KR_CANNOT, errno, "%s/cgroup.procs", c->dir);
}

/* ---- what is done to it -----------------------------------------------------------------------*/

static bool event_is(const struct kr_cage *c, const char *line)
{
    char text[256];
    return read_text(c->fd, "cgroup.events", text, sizeof text) == 0 && strstr(text, line);
}

static bool wait_for(const struct kr_cage *c, const char *line, unsigned ms)
{
    uint64_t until = kr_now_us() + (uint64_t)ms * 1000;
    while (!event_is(c, line)) {
        if (kr_now_us() >= until)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return true;
}

bool kr_cage_freeze(const struct kr_cage *c, unsigned ms)
{
    if (!c->root)
        return true;
    if (c->fd >= 0 && write_text(c->fd, "cgroup.freeze", "1") == 0)
        return wait_for(c, "frozen 1", ms);
    return kr_members_stop(c, ms);
}

static void kill_each(const struct kr_cage *c, int sig)
{
    char text[65536];
    if (read_text(c->fd, "cgroup.procs", text, sizeof text))
        return;
    for (char *p = text, *end; *p; p = *end ? end + 1 : end) {
        long pid = strtol(p, &end, 10);
        if (end == p)
            return;
        kill((pid_t)pid, sig);
    }
}

void kr_cage_signal(const struct kr_cage *c, int sig)
{
    if (!c->root)
        return;
    if (c->fd >= 0)
        kill_each(c, sig);
    else
        kr_members_signal(c, sig);
}

bool kr_cage_kill(const struct kr_cage *c, unsigned ms)
{
    uint64_t until = kr_now_us() + (uint64_t)ms * 1000;
    while (c->root && !kr_cage_empty(c)) {
        if (c->fd < 0 || write_text(c->fd, "cgroup.kill", "1")) /* Linux 5.14 */
            kr_cage_signal(c, SIGKILL);
        if (kr_now_us() >= until)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return true;
}

bool kr_cage_empty(const struct kr_cage *c)
{
    if (!c->root)
        return true;
    return c->fd >= 0 ? event_is(c, "populated 0") : !kr_members_any(c);
}

void kr_cage_close(struct kr_cage *c)
{
    kr_close_fd(&c->fd);
    c->fd = -1;
    /* The last process may not be reaped to the end yet. */
    for (int tries = 0; *c->dir && rmdir(c->dir) && errno == EBUSY && tries < 200; tries++)
        poll(NULL, 0, STEP_MS);
    c->dir[0] = '\0';
}

#include <kr/xdp.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

int kr_xsk_parse(const char *text, size_t *n, bool *absent)
{
    char name[32], first[32] = "";
    unsigned size;
    long sockets;
    *n = 0;
    *absent = true;
    if (sscanf(text, "%31s", first) != 1 || strcmp(first, "protocol") != 0)
        return -1;
    for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        if (sscanf(line + 1, "%31s %u %ld", name, &size, &sockets) != 3)
            return -1;
        if (strcmp(name, "XDP") != 0)
            continue;
        *absent = false;
        *n += sockets > 0 ? (size_t)sockets : 0;
    }
    return 0;
}

static int read_file(const char *path, struct kr_buf *out, struct kr_err *e)
{
    char piece[4096];
    ssize_t n;
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    while ((n = read(fd, piece, sizeof piece)) > 0)
        kr_buf_add(out, piece, (size_t)n);
    return n < 0 ? kr_fail(e, KR_UNKNOWN, errno, "%s", path) : 0;
}

int kr_xsk_count(size_t *n, bool *absent, struct kr_err *e)
{
    static const char path[] = "/proc/thread-self/net/protocols";
    KR_AUTO_BUF struct kr_buf text = {0};
    if (read_file(path, &text, e))
        return -1;
    if (kr_xsk_parse(kr_buf_str(&text), n, absent))
        return kr_fail(e, KR_UNKNOWN, 0, "%s can't be read", path);
    if (!*absent)
        return 0;
    KR_AUTO_FD int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT)
        return 0;
    return kr_fail(e, KR_UNKNOWN, fd < 0 ? errno : 0, "AF_XDP is not in %s, but a socket says %s",
                   path, fd < 0 ? "" : "that it is there");
}

static bool holds_one(const char *pid)
{
    char path[300], proto[16];
    const struct dirent *d;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *dir = opendir(path);
    while (dir && !found && (d = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, d->d_name);
        ssize_t n = getxattr(path, "system.sockprotoname", proto, sizeof proto - 1);
        found = n > 0 && (proto[n] = '\0', strcmp(proto, "XDP") == 0);
    }
    if (dir)
        closedir(dir);
    return found;
}

static void take(const char *pid, struct kr_xsk_owner *out)
{
    char path[64];
    KR_AUTO_BUF struct kr_buf name = {0};
    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    read_file(path, &name, NULL);
    out->pid = atoi(pid);
    snprintf(out->name, sizeof out->name, "%.15s", kr_buf_str(&name));
    out->name[strcspn(out->name, "\n")] = '\0';
}

size_t kr_xsk_owners(struct kr_xsk_owner *out, size_t max)
{
    size_t n = 0;
    const struct dirent *d;
    DIR *proc = opendir("/proc");
    while (proc && n < max && (d = readdir(proc)) != NULL)
        if (isdigit((unsigned char)*d->d_name) && holds_one(d->d_name))
            take(d->d_name, &out[n++]);
    if (proc)
        closedir(proc);
    return n;
}

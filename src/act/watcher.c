/* The record is locked by its writer as long as it lives (F_OFD_SETLK, fcntl(2)): whether a watch
 * lives is asked of the kernel, not of a process number, and asking disturbs nobody. */
#include <kr/watcher.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SCHEMA "kumo-redirect/watch/1"
#define ASK_MS 10000

static struct flock whole(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static bool is_held(int fd)
{
    struct flock l = whole(F_WRLCK);
    return fcntl(fd, F_OFD_GETLK, &l) || l.l_type != F_UNLCK;
}

static int read_record(int fd, struct kr_watcher *out)
{
    char text[512] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    json_t *j = n > 0 ? json_loads(text, 0, NULL) : NULL;
    const char *schema = json_string_value(json_object_get(j, "schema"));
    const char *since = json_string_value(json_object_get(j, "since"));
    bool good = schema && strcmp(schema, SCHEMA) == 0 && since;
    if (good) {
        out->pid = (pid_t)json_integer_value(json_object_get(j, "pid"));
        out->start = (uint64_t)json_integer_value(json_object_get(j, "start"));
        out->port = (uint32_t)json_integer_value(json_object_get(j, "port"));
        snprintf(out->since, sizeof out->since, "%s", since);
    }
    json_decref(j);
    return good ? 0 : -1;
}

int kr_watcher_find(const struct kr_paths *paths, struct kr_watcher *out, struct kr_err *e)
{
    memset(out, 0, sizeof *out);
    KR_AUTO_FD int fd = open(paths->watch, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "%s", paths->watch);
    if (!is_held(fd))
        return 0;
    return read_record(fd, out) ? kr_fail(e, KR_UNKNOWN, 0, "%s can't be read", paths->watch) : 1;
}

int kr_watcher_become(const struct kr_paths *paths, struct kr_err *e)
{
    struct flock l = whole(F_WRLCK);
    struct kr_watcher other = {0};
    KR_AUTO_FD int fd = open(paths->watch, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "%s", paths->watch);
    if (fcntl(fd, F_OFD_SETLK, &l)) {
        if (errno != EAGAIN && errno != EACCES)
            return kr_fail(e, KR_CANNOT, errno, "locking %s", paths->watch);
        read_record(fd, &other);
        return kr_fail(e, KR_CANNOT, 0,
                       "another watch (process %d) is at work in this network "
                       "namespace",
                       (int)other.pid);
    }
    int keep = fd;
    fd = -1;
    return keep;
}

int kr_watcher_write(int record, const struct kr_watcher *w, struct kr_err *e)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "{\"schema\":\"" SCHEMA "\",\"pid\":%d,\"start\":%ju,\"port\":%u,"
                     "\"since\":\"%s\"}\n",
                     (int)w->pid, (uintmax_t)w->start, w->port, w->since);
    if (pwrite(record, text, (size_t)n, 0) != n || ftruncate(record, n))
        return kr_fail(e, KR_CANNOT, errno, "writing the record of the watch");
    return 0;
}

/* A connected socket, or -1. */
static int dial(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof un)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The connection over which it was answered, or -1: it was not. */
static int ask(const struct kr_paths *paths, const char *word, char answer[static 256])
{
    KR_AUTO_FD int fd = dial(paths->watch_control);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t size = (ssize_t)strlen(word), n = -1;
    if (fd >= 0 && send(fd, word, (size_t)size, MSG_NOSIGNAL) == size && poll(&p, 1, ASK_MS) > 0)
        n = read(fd, answer, 255);
    answer[n > 0 ? n : 0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    int answered = n > 0 ? fd : -1;
    fd = n > 0 ? -1 : fd;
    return answered;
}

/* *held: the connection, when it said yes. */
static int tell(const struct kr_paths *paths, const char *word, int *held, struct kr_err *e)
{
    struct kr_watcher w;
    char answer[256] = "";
    int lives = kr_watcher_find(paths, &w, e);
    if (lives <= 0)
        return lives;
    KR_AUTO_FD int fd = ask(paths, word, answer);
    if (fd >= 0 && strcmp(answer, "ok") == 0) {
        *held = fd;
        fd = -1;
        return 0;
    }
    if (kr_watcher_find(paths, &w, e) == 0) /* it ended meanwhile */
        return 0;
    return kr_fail(e, KR_CANNOT, 0, "the watch (process %d) %s%s; end it first", (int)w.pid,
                   *answer ? "keeps the tables: " : "does not answer", answer);
}

int kr_watcher_release(const struct kr_paths *paths, struct kr_err *e)
{
    KR_AUTO_FD int held = -1;
    return tell(paths, KR_WATCH_RELEASE, &held, e);
}

int kr_watcher_aside(const struct kr_paths *paths, int *held, struct kr_err *e)
{
    *held = -1;
    return tell(paths, KR_WATCH_ASIDE, held, e);
}

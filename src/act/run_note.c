#include <kr/run_note.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "kumo-redirect/run-note/1"
#define MOST 4096

static void path_of(const struct kr_paths *paths, char out[static 128])
{
    size_t n = strlen(paths->state);
    const char suffix[] = ".json";
    if (n > sizeof suffix && strcmp(paths->state + n - sizeof suffix + 1, suffix) == 0)
        n -= sizeof suffix - 1;
    snprintf(out, 128, "%.*s.run.json", (int)n, paths->state);
}

static struct flock whole(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static int fill(int fd, const char *command)
{
    char since[32];
    kr_state_now(since);
    json_t *j = json_pack("{s:s, s:i, s:s, s:s}", "schema", SCHEMA, "pid", (int)getpid(), "since",
                          since, "command", command);
    KR_AUTO_FREE char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    size_t n = text ? strlen(text) : 0;
    return n && ftruncate(fd, 0) == 0 && pwrite(fd, text, n, 0) == (ssize_t)n ? 0 : -1;
}

int kr_run_note_begin(const struct kr_paths *paths, const char *command, struct kr_err *e)
{
    char path[128];
    struct flock l = whole(F_WRLCK);
    path_of(paths, path);
    KR_AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    if (fcntl(fd, F_OFD_SETLK, &l))
        return kr_fail(e, KR_CANNOT, 0, "another run is under way here");
    if (fill(fd, command))
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    int keep = fd;
    fd = -1;
    return keep;
}

void kr_run_note_end(const struct kr_paths *paths, int fd)
{
    if (fd < 0)
        return;
    kr_run_note_forget(paths);
    kr_close_fd(&fd);
}

int kr_run_note_look(const struct kr_paths *paths, char said[static 400])
{
    char path[128], text[MOST];
    struct flock l = whole(F_WRLCK);
    path_of(paths, path);
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : 0;
    if (fd < 0)
        return 0;
    bool lives = fcntl(fd, F_OFD_GETLK, &l) || l.l_type != F_UNLCK;
    json_t *j = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    const char *since = json_string_value(json_object_get(j, "since"));
    const char *command = json_string_value(json_object_get(j, "command"));
    snprintf(said, 400, "the run of '%.200s' since %s (process %d) %s",
             command ? command : "an unknown command", since ? since : "an unknown time",
             (int)json_integer_value(json_object_get(j, "pid")),
             lives ? "is under way" : "was killed: its guards were left standing");
    json_decref(j);
    return lives ? 1 : 2;
}

void kr_run_note_forget(const struct kr_paths *paths)
{
    char path[128];
    path_of(paths, path);
    unlink(path);
}

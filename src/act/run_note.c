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

static void take(const char *text, size_t n, struct kr_run_note *out)
{
    json_t *j = n ? json_loadb(text, n, 0, NULL) : NULL;
    const char *since = json_string_value(json_object_get(j, "since"));
    const char *command = json_string_value(json_object_get(j, "command"));
    snprintf(out->since, sizeof out->since, "%s", since ? since : "an unknown time");
    snprintf(out->command, sizeof out->command, "%.200s", command ? command : "an unknown command");
    out->pid = (pid_t)json_integer_value(json_object_get(j, "pid"));
    json_decref(j);
}

void kr_run_note_read(const struct kr_paths *paths, struct kr_run_note *out)
{
    char path[128], text[MOST];
    struct flock l = whole(F_WRLCK);
    *out = (struct kr_run_note){.is = KR_RUN_NONE};
    path_of(paths, path);
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof text);
    bool lives = fcntl(fd, F_OFD_GETLK, &l) || l.l_type != F_UNLCK;
    out->is = lives ? KR_RUN_UNDER_WAY : KR_RUN_KILLED;
    take(text, n > 0 ? (size_t)n : 0, out);
}

void kr_run_note_say(const struct kr_run_note *n, char said[static 400])
{
    snprintf(
        said, 400, "the run of '%s' since %s (process %d) %s", n->command, n->since, (int)n->pid,
        n->is == KR_RUN_UNDER_WAY ? "is under way" : "was killed: its guards were left standing");
}

void kr_run_note_forget(const struct kr_paths *paths)
{
    char path[128];
    path_of(paths, path);
    unlink(path);
}

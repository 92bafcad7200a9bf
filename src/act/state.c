#include <kr/state.h>

#include <kr/err.h>
#include <kr/file.h>
#include <kr/json_text.h>
#include <kr/mem.h>
#include <kr/netns.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLANK (32 << 10)

#define TMP_PATH (sizeof((struct kr_paths *)0)->state + 8)

int kr_paths_find(struct kr_paths *out, struct kr_err *e)
{
    ino_t inode;
    if (kr_netns_inode(&inode, e))
        return -1;
    if (mkdir(KR_STATE_DIR, 0755) && errno != EEXIST)
        return kr_fail(e, KR_CANNOT, errno, "making %s", KR_STATE_DIR);
    const struct {
        char *path;
        const char *suffix;
    } files[] = {{out->state, "json"},
                 {out->lock, "lock"},
                 {out->control, "sink.sock"},
                 {out->log, "sink.log"},
                 {out->evidence, "evidence.json"},
                 {out->watch, "watch"},
                 {out->watch_control, "watch.sock"},
                 {out->events, "events.jsonl"},
                 {out->let_go, "let-go.json"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        snprintf(files[i].path, sizeof out->state, KR_STATE_DIR "/%ju.%s", (uintmax_t)inode,
                 files[i].suffix);
    return 0;
}

/* A watch holds it for some milliseconds at a time. */
static int lock_within(int fd, unsigned ms)
{
    const unsigned step = 5;
    int bad;
    while ((bad = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK && ms >= step) {
        poll(NULL, 0, (int)step);
        ms -= step;
    }
    return bad;
}

int kr_state_lock(const struct kr_paths *paths, unsigned wait_ms, struct kr_err *e)
{
    char holder[32] = "";
    KR_AUTO_FD int fd = open(paths->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return kr_fail(e, KR_CANNOT, errno, "%s", paths->lock);
    if (lock_within(fd, wait_ms)) {
        if (errno != EWOULDBLOCK)
            return kr_fail(e, KR_CANNOT, errno, "locking %s", paths->lock);
        ssize_t n = pread(fd, holder, sizeof holder - 1, 0);
        holder[n > 0 ? strcspn(holder, " \n") : 0] = '\0';
        return kr_fail(e, KR_CANNOT, 0,
                       "another kumo-redirect (process %s) is at work in this network namespace",
                       *holder ? holder : "unknown");
    }
    int n = snprintf(holder, sizeof holder, "%-10d\n", (int)getpid());
    if (pwrite(fd, holder, (size_t)n, 0) != n)
        return kr_fail(e, KR_CANNOT, errno, "writing %s", paths->lock);
    int keep = fd;
    fd = -1;
    return keep;
}

void kr_state_now(char out[static 32])
{
    struct tm tm;
    time_t now = time(NULL);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

static int fill(const json_t *root, struct kr_state *out, struct kr_err *e)
{
    const char *schema = json_string_value(json_object_get(root, "schema"));
    if (!schema || strcmp(schema, KR_STATE_SCHEMA) != 0)
        return kr_fail(e, KR_UNKNOWN, 0, "its schema is '%s', not " KR_STATE_SCHEMA,
                       schema ? schema : "");
    const struct {
        char *to;
        size_t size;
        const char *key;
    } texts[] = {{out->since, sizeof out->since, "since"},
                 {out->nonce, sizeof out->nonce, "nonce"},
                 {out->hole, sizeof out->hole, "hole"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *s = json_string_value(json_object_get(root, texts[i].key));
        snprintf(texts[i].to, texts[i].size, "%s", s ? s : "");
    }
    out->sink_pid = (pid_t)json_integer_value(json_object_get(root, "sink_pid"));
    return kr_plan_from_state(json_object_get(root, "plan"), &out->plan, e);
}

static void drop_json(json_t **j)
{
    json_decref(*j);
}

int kr_state_read(const struct kr_paths *paths, struct kr_state *out, struct kr_err *e)
{
    memset(out, 0, sizeof *out);
    KR_AUTO_FD int fd = open(paths->state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "%s", paths->state);
    json_error_t why;
    __attribute__((cleanup(drop_json))) json_t *root = kr_json_read(fd, &why);
    if (!root)
        return kr_fail(e, KR_UNKNOWN, 0, "%s:%d: %s", paths->state, why.line, why.text);
    if (fill(root, out, e) == 0)
        return 1;
    kr_state_free(out);
    return kr_wrap(e, "%s", paths->state);
}

static char *state_text(const struct kr_state *s)
{
    __attribute__((cleanup(drop_json))) json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:o}", "schema", KR_STATE_SCHEMA, "version",
                  KR_VERSION, "since", s->since, "nonce", s->nonce, "hole", s->hole, "sink_pid",
                  (int)s->sink_pid, "plan", kr_plan_to_state(&s->plan));
    return root ? json_dumps(root, JSON_COMPACT) : NULL;
}

static int make_temporary(const char *path, char tmp[static TMP_PATH], struct kr_err *e)
{
    snprintf(tmp, TMP_PATH, "%s.XXXXXX", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    return fd < 0 ? kr_fail(e, KR_CANNOT, errno, "%s", tmp) : fd;
}

/* Room for at least as much as the real one will take. */
static int rehearse_write(const struct kr_paths *paths, const struct kr_state *s, struct kr_err *e)
{
    char tmp[TMP_PATH];
    off_t n = (off_t)(8192 + 128 * (s->plan.lan.n + s->plan.uplinks.n));
    KR_AUTO_FD int fd = make_temporary(paths->state, tmp, e);
    if (fd < 0)
        return -1;
    static char blank[BLANK];
    int err = n > BLANK                            ? posix_fallocate(fd, 0, n)
              : kr_write_all(fd, blank, (size_t)n) ? errno
                                                   : 0;
    unlink(tmp);
    return err ? kr_fail(e, KR_CANNOT, err, "writing %s", paths->state) : 0;
}

int kr_evidence_drop(const struct kr_paths *paths, struct kr_err *e)
{
    if (unlink(paths->evidence) && errno != ENOENT)
        return kr_fail(e, KR_CANNOT, errno, "removing %s", paths->evidence);
    return 0;
}

int kr_state_write(const struct kr_paths *paths, const struct kr_state *s, bool rehearse,
                   struct kr_err *e)
{
    if (rehearse)
        return rehearse_write(paths, s, e);
    KR_AUTO_FREE char *text = state_text(s);
    if (!text)
        return kr_fail(e, KR_INTERNAL, 0, "the state can't be put into JSON");
    return kr_evidence_drop(paths, e) || kr_file_replace(paths->state, text, KR_FILE_PLAIN, e) ? -1
                                                                                               : 0;
}

int kr_state_remove(const struct kr_paths *paths, struct kr_err *e)
{
    const char *const files[] = {paths->control, paths->log, paths->evidence, paths->state};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (unlink(files[i]) && errno != ENOENT)
            return kr_fail(e, KR_CANNOT, errno, "removing %s", files[i]);
    return 0;
}

void kr_state_free(struct kr_state *s)
{
    kr_plan_free(&s->plan);
    memset(s, 0, sizeof *s);
}

#include <kr/sink_target.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *prefix;
    enum kr_format format;
} formats[] = {
    {"mbox:", KR_FORMAT_MBOX}, {"maildir:", KR_FORMAT_MAILDIR}, {"jsonl:", KR_FORMAT_JSONL}};

static int add(struct kr_targets *t, enum kr_format format, const char *path, struct kr_err *e)
{
    if (t->n == KR_TARGETS)
        return kr_fail(e, KR_USAGE, 0, "'%s': there are %u files to write already", path,
                       KR_TARGETS);
    t->v[t->n++] = (struct kr_target){.format = format, .path = path, .fd = -1, .fresh = -1};
    return 0;
}

int kr_targets_add(struct kr_targets *t, const char *text, struct kr_err *e)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        size_t n = strlen(formats[i].prefix);
        if (strncmp(text, formats[i].prefix, n) == 0 && text[n])
            return add(t, formats[i].format, text + n, e);
    }
    return kr_fail(e, KR_USAGE, 0, "--capture '%s' is none of mbox:FILE, maildir:DIR, jsonl:FILE",
                   text);
}

int kr_targets_log(struct kr_targets *t, const char *path, struct kr_err *e)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].format == KR_FORMAT_CONNECTIONS) {
            t->v[i].path = path;
            return 0;
        }
    return add(t, KR_FORMAT_CONNECTIONS, path, e);
}

static int cannot(const struct kr_target *t, const char *what, struct kr_err *e)
{
    int why = errno;
    return kr_fail(e, KR_CANNOT, why, "%s '%s'%s%s",
                   t->format == KR_FORMAT_CONNECTIONS ? "--log-connections" : "--capture", t->path,
                   *what ? ": " : "", what);
}

/* "-" is standard output. A file that others may read keeps its mode: it is the operator's. */
static int open_file(struct kr_target *t, struct kr_err *e)
{
    struct stat st;
    t->fd = strcmp(t->path, "-") == 0
                ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                : open(t->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
                       0600);
    if (t->fd < 0 || fstat(t->fd, &st))
        return cannot(t, "", e);
    t->regular = S_ISREG(st.st_mode);
    return 0;
}

struct owner {
    uid_t user;
    gid_t group;
    bool change;
};

/* A folder, made when it is not there; -1. */
static int open_folder(int at, const char *path, const struct owner *o)
{
    bool made = mkdirat(at, path, 0700) == 0;
    if (!made && errno != EEXIST)
        return -1;
    KR_AUTO_FD int fd =
        openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (made ? O_NOFOLLOW : 0));
    if (fd < 0 || (made && o->change && fchown(fd, o->user, o->group)))
        return -1;
    int keep = fd;
    fd = -1;
    return keep;
}

static int open_maildir(struct kr_target *t, const struct owner *o, struct kr_err *e)
{
    KR_AUTO_FD int top = open_folder(AT_FDCWD, t->path, o);
    if (top < 0)
        return cannot(t, "", e);
    KR_AUTO_FD int cur = open_folder(top, "cur", o);
    t->fd = open_folder(top, "tmp", o);
    t->fresh = open_folder(top, "new", o);
    return cur < 0 || t->fd < 0 || t->fresh < 0 ? cannot(t, "", e) : 0;
}

int kr_targets_open(struct kr_targets *t, const char *user, struct kr_err *e)
{
    struct owner o = {.change = geteuid() == 0};
    const struct passwd *pw = o.change && t->n ? getpwnam(user ? user : "nobody") : NULL;
    if (pw) {
        o.user = pw->pw_uid;
        o.group = pw->pw_gid;
    }
    for (size_t i = 0; i < t->n; i++) {
        struct kr_target *one = &t->v[i];
        if (one->format == KR_FORMAT_MAILDIR ? open_maildir(one, &o, e) : open_file(one, e))
            return -1;
    }
    return 0;
}

int kr_targets_check(const struct kr_targets *t, struct kr_err *e)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct kr_target *one = &t->v[i];
        if (one->format == KR_FORMAT_MAILDIR &&
            (faccessat(one->fd, ".", W_OK | X_OK, AT_EACCESS) ||
             faccessat(one->fresh, ".", W_OK | X_OK, AT_EACCESS)))
            return cannot(one, "the user this sink became may not write there", e);
    }
    return 0;
}

void kr_targets_close(struct kr_targets *t)
{
    for (size_t i = 0; i < t->n; i++) {
        kr_close_fd(&t->v[i].fd);
        kr_close_fd(&t->v[i].fresh);
    }
}

bool kr_targets_messages(const struct kr_targets *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].format != KR_FORMAT_CONNECTIONS)
            return true;
    return false;
}

bool kr_targets_content(const struct kr_targets *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].format == KR_FORMAT_MBOX || t->v[i].format == KR_FORMAT_MAILDIR ||
            (t->v[i].format == KR_FORMAT_JSONL && t->content))
            return true;
    return false;
}

bool kr_targets_connections(const struct kr_targets *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].format == KR_FORMAT_CONNECTIONS)
            return true;
    return false;
}

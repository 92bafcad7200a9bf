#include "mta_set.h"

#include <kr/err.h>
#include <kr/tool.h>

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_OUTPUT (64u << 20) /* a table of a million entries */

static bool take(const char *s, size_t n, void *arg)
{
    struct kr_buf *out = arg;
    kr_buf_add(out, s, n);
    return out->len <= MOST_OUTPUT;
}

/* A program that others can change is theirs, and root's word is lent to it by what is read. */
static int trusted(const char *path, struct kr_err *e)
{
    struct stat st;
    if (stat(path, &st))
        return kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    if (geteuid() == 0 && (st.st_uid != 0 || (st.st_mode & 022)))
        return kr_fail(e, KR_UNKNOWN, 0, "%s could be changed by others than root", path);
    return 0;
}

static int whom(const char *user, struct kr_tool *t, struct kr_err *e)
{
    if (geteuid() != 0)
        return 0;
    const struct passwd *pw = getpwnam(user ? user : "nobody");
    if (!pw || !pw->pw_uid)
        return kr_fail(e, KR_UNKNOWN, 0, "there is no user '%s' without privileges",
                       user ? user : "nobody");
    t->uid = pw->pw_uid;
    t->gid = pw->pw_gid;
    return 0;
}

int kr_mta_tool_end(const char *const *argv, const char *user, struct kr_buf *out,
                    struct kr_tool_end *end, struct kr_err *e)
{
    struct kr_tool t = {
        .argv = argv, .idle_ms = 5000, .most_ms = 20000, .on_bytes = take, .arg = out};
    kr_buf_add(out, "", 0);
    if (trusted(argv[0], e) || whom(user, &t, e) || kr_tool_run(&t, end, e))
        return -1;
    if (end->stopped)
        return kr_fail(e, KR_UNKNOWN, 0, "%s says too much", argv[0]);
    if (memchr(out->s, '\0', out->len))
        return kr_fail(e, KR_UNKNOWN, 0, "%s says what is no text", argv[0]);
    return 0;
}

int kr_mta_tool(const char *const *argv, const char *user, struct kr_buf *out, struct kr_err *e)
{
    struct kr_tool_end end;
    if (kr_mta_tool_end(argv, user, out, &end, e))
        return -1;
    if (end.status)
        return kr_fail(e, KR_UNKNOWN, 0, "%s ends with status %d: %s", argv[0], end.status,
                       end.said);
    return 0;
}

const char *kr_mta_program(const char *const *paths)
{
    struct stat st;
    for (; *paths; paths++)
        if (stat(*paths, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111))
            return *paths;
    return NULL;
}

bool kr_mta_same_root(const struct kr_mta *m)
{
    char path[64];
    struct stat ours, theirs;
    if (!m || !m->pid)
        return true;
    snprintf(path, sizeof path, "/proc/%d/root", (int)m->pid);
    return stat("/", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

char *kr_mta_next_line(char **at)
{
    char *line = *at, *eol;
    if (!line || !*line)
        return NULL;
    eol = strchr(line, '\n');
    *at = eol ? eol + 1 : line + strlen(line);
    if (eol)
        *eol = '\0';
    return line;
}

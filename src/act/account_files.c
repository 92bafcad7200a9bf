/* Where records are. */
#include <kr/account.h>

#include "account_files.h"

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEPT 100u               /* records in KR_RUNS_DIR; the oldest go */
#define RECORD_MOST (64u << 20) /* octets */

static int make_folders(const char *path, struct kr_err *e)
{
    char part[PATH_MAX];
    for (const char *p = path + 1;; p++) {
        if (*p && *p != '/')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)(p - path), path);
        if (mkdir(part, 0755) && errno != EEXIST)
            return kr_fail(e, KR_CANNOT, errno, "making %s", part);
        if (!*p)
            return 0;
    }
}

/* "20261127T181530Z-4711.json": by its name, the newest is the greatest. */
static bool is_record(const char *name)
{
    static const char shape[] = "dddddddd"
                                "T"
                                "dddddd"
                                "Z-";
    size_t i = 0;
    for (; shape[i]; i++)
        if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
            return false;
    size_t digits = strspn(name + i, "0123456789");
    return digits && strcmp(name + i + digits, ".json") == 0;
}

static int is_chosen(const struct dirent *d)
{
    return is_record(d->d_name);
}

/* Names of records, the oldest first; the caller frees them. -1 without a folder. */
static int list(struct dirent ***out)
{
    return scandir(KR_RUNS_DIR, out, is_chosen, alphasort);
}

static void free_list(struct dirent **v, int n)
{
    for (int i = 0; i < n; i++)
        free(v[i]);
    if (n >= 0)
        free(v);
}

int account_file_choose(const char *wish, char out[static PATH_MAX], struct kr_err *e)
{
    char when[32];
    struct tm tm;
    time_t now = time(NULL);
    if (wish) {
        if (snprintf(out, PATH_MAX, "%s", wish) > PATH_MAX - 16)
            return kr_fail(e, KR_USAGE, 0, "--record '%.60s...' is too long", wish);
        return 0;
    }
    if (make_folders(KR_RUNS_DIR, e))
        return -1;
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    snprintf(out, PATH_MAX, KR_RUNS_DIR "/%s-%d.json", when, (int)getpid());
    return 0;
}

void account_files_prune(void)
{
    struct dirent **v = NULL;
    int n = list(&v);
    for (int i = 0; i + (int)KEPT < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, KR_RUNS_DIR "/%s", v[i]->d_name);
        unlink(path);
    }
    free_list(v, n);
}

int kr_runs_last(char path[static 256], struct kr_err *e)
{
    struct dirent **v = NULL;
    int n = list(&v);
    bool found = n > 0;
    if (found)
        snprintf(path, 256, KR_RUNS_DIR "/%.200s", v[n - 1]->d_name);
    free_list(v, n);
    return found ? 0 : kr_fail(e, KR_UNKNOWN, 0, "there is no record of a run in " KR_RUNS_DIR);
}

/* "2026-11-27T18:15:30.123Z" */
static bool to_us(const char *text, int64_t *us)
{
    struct tm tm = {0};
    unsigned ms = 0;
    int used = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3uZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &used) != 7 ||
        !used || text[used])
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t t = timegm(&tm);
    *us = (int64_t)t * 1000000 + (int64_t)ms * 1000;
    return t > 0;
}

int kr_run_span(const struct kr_run *r, int64_t *from, int64_t *to, struct kr_err *e)
{
    if (!to_us(r->began, from) || !to_us(r->ended, to) || *to < *from)
        return kr_fail(e, KR_UNKNOWN, 0, "the record does not say when the run was: '%s' to '%s'",
                       r->began, r->ended);
    return 0;
}

static int read_all(int fd, struct kr_buf *out)
{
    static char chunk[64 << 10];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        kr_buf_add(out, chunk, (size_t)n);
        if (out->len > RECORD_MOST) {
            errno = EFBIG;
            return -1;
        }
    }
    return 0;
}

int kr_run_read(const char *path, struct kr_run *out, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *out = (struct kr_run){.status = -1};
    if (fd < 0)
        return kr_fail(e, KR_USAGE, errno, "'%s'", path);
    if (read_all(fd, &text))
        return kr_fail(e, KR_UNKNOWN, errno, "'%s'", path);
    return kr_run_from_text(kr_buf_str(&text), text.len, out, e) ? kr_wrap(e, "'%s'", path) : 0;
}

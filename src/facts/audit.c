/* Theory of operation: the audit.
 *
 * kumo-sink answers an accepted message with "2.0.0 Ok: kumo-sink NONCE ...", and the nonce is new
 * with each start: 96 random bits. Every MTA logs that answer. So a delivery whose logged answer
 * holds it ended at the sink, whatever name and address the MTA believed to talk to; and one whose
 * answer does not hold it ended elsewhere. Names, addresses and proxies are only told.
 *
 * Refusals prove nothing: the sink's are meant to look like a provider's. */
#include "audit_internal.h"

#include <kr/mem.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Findings take the place of unknowns when there are too many rows. */
static struct kr_audit_row *room(struct kr_audit *a, bool unknown)
{
    if (a->n < KR_AUDIT_SHOWN)
        return &a->v[a->n++];
    for (size_t i = a->n; !unknown && i-- > 0;)
        if (a->v[i].unknown) {
            memmove(&a->v[i], &a->v[i + 1], (a->n - i - 1) * sizeof a->v[0]);
            return &a->v[a->n - 1];
        }
    return NULL;
}

__attribute__((format(printf, 3, 0))) static void add(struct audit_log *l, bool unknown,
                                                      const char *fmt, va_list ap)
{
    struct kr_audit_row *row = room(l->all, unknown);
    *(unknown ? &l->all->unknowns : &l->all->findings) += 1;
    if (!row)
        return;
    row->unknown = unknown;
    if (l->line)
        snprintf(row->where, sizeof row->where, "%.295s:%ju", l->path, (uintmax_t)l->line);
    else
        snprintf(row->where, sizeof row->where, "%.319s", l->path);
    vsnprintf(row->what, sizeof row->what, fmt, ap);
}

void audit_elsewhere(struct audit_log *l, const char *fmt, ...)
{
    va_list ap;
    l->all->deliveries++;
    va_start(ap, fmt);
    add(l, false, fmt, ap);
    va_end(ap);
}

void audit_doubt(struct audit_log *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(l, true, fmt, ap);
    va_end(ap);
}

void kr_audit_doubt(struct kr_audit *a, const char *where, const char *what)
{
    struct audit_log l = {.all = a, .path = where};
    audit_doubt(&l, "%s", what);
}

bool audit_in_window(struct audit_log *l, int64_t us, int64_t tick)
{
    bool in = us + tick > l->want->from && us <= l->want->to;
    l->all->outside += !in;
    return in;
}

void audit_delivery(struct audit_log *l, const char *reply, const char *where)
{
    const char *mark = l->want->signature;
    bool known = mark && *mark, sink = known && strstr(reply, mark);
    l->all->at_sink += sink;
    l->all->deliveries += sink || !known;
    if (!known)
        audit_doubt(l, "delivered %s; what the sink would have answered is not known", where);
    else if (!sink)
        audit_elsewhere(l, "delivered %s, which answered '%.160s' and not as the sink does", where,
                        reply);
}

void audit_kept(struct audit_log *l)
{
    l->all->deliveries++;
    l->all->kept++;
}

static void take_line(void *arg, char *line, size_t n)
{
    struct audit_log *l = arg;
    l->line++;
    l->all->lines++;
    if (n > AUDIT_LINE_MOST)
        audit_doubt(l, "a line of more than %u octets", AUDIT_LINE_MOST);
    else if (memchr(line, '\0', n))
        audit_doubt(l, "NUL octets: something of the log is lost");
    else if (audit_kumo_line(l, line, n) || audit_postfix_line(l, line) || audit_exim_line(l, line))
        l->known++;
    else if (strstr(line, "status=sent (") || strstr(line, " C=\"250 "))
        audit_doubt(l, "it tells of a delivery, but not as Postfix or Exim write it");
}

static void read_log(struct audit_log *l, int fd)
{
    bool whole = true;
    const char *why = audit_read(fd, take_line, l, &whole);
    if (!whole)
        audit_doubt(l, "the last line has no end: it was cut off, or is written still");
    l->line = 0;
    if (why)
        audit_doubt(l, "%s", why);
    else if (l->all->lines && !l->known && whole)
        audit_doubt(l, "no line of it is of a log of KumoMTA, Postfix or Exim");
}

static void read_file(struct kr_audit *a, const struct kr_audit_want *want, const char *path,
                      int fd)
{
    struct audit_log l = {.all = a, .want = want, .path = path};
    a->files++;
    uint64_t lines = a->lines;
    a->lines = 0;
    read_log(&l, fd);
    a->lines += lines;
}

static int is_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* KumoMTA begins a new file every so often: those that were last written before the run are not
 * read. */
static void read_entry(struct kr_audit *a, const struct kr_audit_want *want, int dir,
                       const char *path, const char *name)
{
    char whole[PATH_MAX];
    struct stat st;
    struct audit_log l = {.all = a, .want = want, .path = whole};
    KR_AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    snprintf(whole, sizeof whole, "%s/%s", path, name);
    if (fd < 0 || fstat(fd, &st))
        audit_doubt(&l, "it can't be read: %s", strerror(errno));
    else if (S_ISREG(st.st_mode) && ((int64_t)st.st_mtim.tv_sec + 1) * 1000000 >= want->from)
        read_file(a, want, whole, fd);
}

static void read_folder(struct kr_audit *a, const struct kr_audit_want *want, const char *path,
                        int dir)
{
    struct dirent **v = NULL;
    struct audit_log l = {.all = a, .want = want, .path = path};
    int n = scandirat(dir, ".", &v, is_visible, alphasort);
    if (n < 0)
        audit_doubt(&l, "it can't be read: %s", strerror(errno));
    else if (n == 0)
        audit_doubt(&l, "there is no log in it");
    for (int i = 0; i < n; i++) {
        read_entry(a, want, dir, path, v[i]->d_name);
        free(v[i]);
    }
    free(v);
}

void kr_audit_log(struct kr_audit *a, const struct kr_audit_want *want, const char *path)
{
    struct stat st;
    struct audit_log l = {.all = a, .want = want, .path = path};
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st))
        audit_doubt(&l, "it can't be read: %s", strerror(errno));
    else if (S_ISDIR(st.st_mode))
        read_folder(a, want, path, fd);
    else if (S_ISREG(st.st_mode))
        read_file(a, want, path, fd);
    else
        audit_doubt(&l, "it is neither a file nor a folder");
}

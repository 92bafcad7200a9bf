/* Files and texts that a command names: scripts that start a generator, and its mail file. */
#include "run_line_internal.h"

#include <kr/buf.h>
#include <kr/csv.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST (1u << 20)        /* octets of a script */
#define MOST_MAIL (256u << 20) /* of a mail file */

/* A regular file as a whole. 0: read; 1: there is none, or it is too large; -1. */
static int read_file(const char *path, size_t most, struct kr_buf *out)
{
    struct stat st;
    char chunk[16384];
    KR_AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size > most)
        return 1;
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n <= 0)
            return n ? -1 : 0;
        kr_buf_add(out, chunk, (size_t)n);
        if (out->len > most)
            return 1;
    }
}

/* ---- shell texts ------------------------------------------------------------------------------*/

static bool mentions(const char *text)
{
    return strstr(text, "traffic-gen") || strstr(text, "kumo-gen");
}

/* The words behind the generator's name, to the end of its command. */
static size_t take_options(const struct kr_shell *s, size_t from, struct kr_option_word *v,
                           bool *passes)
{
    size_t n = 0;
    for (size_t i = from; i < s->n && !s->v[i - 1].last; i++) {
        *passes |= s->v[i].arguments;
        v[n++] = (struct kr_option_word){s->v[i].text, s->v[i].expands, s->v[i].arguments};
    }
    return n;
}

static int sets_suffix(const struct kr_option_words *w, const char *where, struct kr_err *e)
{
    static const char option[] = "--domain-suffix";
    for (size_t i = 0; i < w->n; i++)
        if (strncmp(w->v[i].text, option, sizeof option - 1) == 0)
            return kr_fail(e, KR_USAGE, 0,
                           "%s sets --domain-suffix itself: take it out there, run says it behind "
                           "\"$@\"",
                           where);
    return 0;
}

/* `where` names the text in errors. */
static int one_generator(struct kr_run_line *l, const struct kr_shell *s, size_t at,
                         const char *where, const struct kr_run_line_want *want, struct kr_err *e)
{
    bool passes = l->placed;
    KR_AUTO_FREE struct kr_option_word *v = kr_calloc(s->n, sizeof *v);
    struct kr_option_words w = {v, take_options(s, at + 1, v, &passes),
                                kr_run_has_letters(s->v[at].text)};
    l->letters = w.letters;
    if (!passes)
        return kr_fail(e, KR_USAGE, 0,
                       "%s does not hand its arguments on: let the line of %s end in \"$@\", or "
                       "write {suffix} in the command",
                       where, s->v[at].text);
    if (!l->placed && sets_suffix(&w, where, e))
        return -1;
    return kr_run_line_options(l, &w, want, e) ? kr_wrap(e, "%s", where) : 0;
}

static int read_text(struct kr_run_line *l, const char *text, const char *where,
                     const struct kr_run_line_want *want, struct kr_err *e)
{
    struct kr_shell s;
    int found = 0;
    if (kr_shell_read(text, &s, e))
        return kr_wrap(e, "%s", where);
    for (size_t i = 0; i < s.n && found >= 0; i++)
        if (kr_run_is_generator(s.v[i].text))
            found = one_generator(l, &s, i, where, want, e) ? -1 : 1;
    kr_shell_free(&s);
    return found;
}

/* A word with a slash, or one that a shell starts, is a file here; the first is looked for in PATH
 * (execvp(3)). */
static bool find_file(const char *word, bool first, char out[static PATH_MAX])
{
    const char *path = getenv("PATH");
    if (strlen(word) >= PATH_MAX || !*word)
        return false;
    strcpy(out, word);
    if (strchr(word, '/') || !first)
        return access(out, R_OK) == 0;
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        if (snprintf(out, PATH_MAX, "%.*s/%s", (int)n, p, word) < PATH_MAX &&
            access(out, R_OK) == 0)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}

static int read_script(struct kr_run_line *l, const char *path, const struct kr_run_line_want *want,
                       struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    if (read_file(path, MOST, &text) || !text.len || memchr(text.s, '\0', text.len) ||
        !mentions(text.s))
        return 0;
    return read_text(l, text.s, path, want, e);
}

bool kr_run_is_text(const char *word)
{
    return strpbrk(word, " \t\n") != NULL;
}

int kr_run_line_text(struct kr_run_line *l, size_t i, const struct kr_run_line_want *want,
                     struct kr_err *e)
{
    char path[PATH_MAX];
    const char *word = l->words.v[i];
    if (kr_run_is_text(word))
        return mentions(word) ? read_text(l, word, "the text of the command", want, e) : 0;
    if (*word == '-' || !find_file(word, i == 0, path))
        return 0;
    return read_script(l, path, want, e);
}

/* ---- the mail file ----------------------------------------------------------------------------*/

/* The columns whose addresses mail goes to: bounces go to senders. */
static unsigned columns(const struct kr_csv *c)
{
    unsigned which = 0;
    for (size_t i = 0; i < c->cells && i < 32; i++)
        if (strcasecmp(kr_csv_text(c, i), "recipient") == 0 ||
            strcasecmp(kr_csv_text(c, i), "sender") == 0)
            which |= 1u << i;
    return which;
}

static void add_addresses(struct kr_run_line *l, const struct kr_csv *c, unsigned which)
{
    for (size_t i = 0; i < c->cells && i < 32; i++) {
        const char *at = which >> i & 1 ? strrchr(kr_csv_text(c, i), '@') : NULL;
        if (at && at[1] && (!l->domains.n || strcmp(l->domains.v[l->domains.n - 1], at + 1) != 0))
            kr_strlist_add(&l->domains, kr_run_line_keep(l, kr_strdup(at + 1)));
    }
}

int kr_run_line_mail_file(struct kr_run_line *l, const char *path, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    KR_AUTO_CSV struct kr_csv c;
    int got = read_file(path, MOST_MAIL, &text);
    kr_csv_begin(&c, path, kr_buf_str(&text), text.len);
    if (got)
        return kr_fail(e, KR_USAGE, errno, "--mail-file '%s'", path);
    got = kr_csv_row(&c, e);
    unsigned which = got == 1 ? columns(&c) : 0;
    if (got == 1 && !which)
        return kr_fail(e, KR_USAGE, 0, "--mail-file '%s' has no column recipient", path);
    while (got == 1 && (got = kr_csv_row(&c, e)) == 1)
        add_addresses(l, &c, which);
    return got;
}

#include "mta_exim.h"

#include <kr/mem.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 8
#define MOST_CONDITIONS 64
#define LONGEST 65536

enum part { MAIN, ROUTERS, TRANSPORTS, ELSEWHERE };

struct parse {
    struct kr_exim *x;
    const char *file;
    unsigned line, first, depth; /* first: where the logical line began */
    enum part part;
    /* Open .ifdefs: is what follows read, and was one branch of it already? */
    bool reads[MOST_CONDITIONS], done[MOST_CONDITIONS];
    size_t open;
};

static void parse_file(struct parse *p, const char *file);

static bool begins_with(const char *s, const char *word)
{
    return strncmp(s, word, strlen(word)) == 0;
}

/* ---- macros ---------------------------------------------------------------------------------- */

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const char *s)
{
    size_t n = 0;
    while (in_word(s[n]))
        n++;
    return n;
}

/* The macro that this word is, else the longest one it begins with. */
static const struct kr_mta_param *macro_at(const struct kr_exim *x, const char *word, size_t len)
{
    const struct kr_mta_param *best = NULL;
    size_t best_len = 0;
    if (!isupper((unsigned char)*word) && *word != '_')
        return NULL;
    for (size_t i = x->macros.n; i-- > 0;) {
        size_t n = strlen(x->macros.v[i].name);
        if (n <= len && n > best_len && memcmp(x->macros.v[i].name, word, n) == 0) {
            best = &x->macros.v[i];
            best_len = n;
        }
    }
    return best;
}

static void put_macros(const struct parse *p, const char *s, struct kr_buf *out)
{
    kr_buf_add(out, "", 0);
    while (*s && out->len < LONGEST) {
        size_t n = word_length(s);
        const struct kr_mta_param *m = n ? macro_at(p->x, s, n) : NULL;
        size_t used = m ? strlen(m->name) : n ? n : 1;
        if (m)
            kr_buf_text(out, m->value);
        else
            kr_buf_add(out, s, used);
        s += used;
    }
    if (*s)
        kr_mta_say(p->x->r, KR_MTA_UNKNOWN, KR_IN_DOUBT, p->file, p->first, "the line is too long");
}

/* "NAME = text" or "NAME == text". */
static bool define(const struct parse *p, const char *text)
{
    size_t n = word_length(text);
    const char *eq = text + n + strspn(text + n, " \t");
    KR_AUTO_BUF struct kr_buf value = {0};
    if (!isupper((unsigned char)*text) || *eq != '=')
        return false;
    eq += eq[1] == '=' ? 2 : 1;
    put_macros(p, eq + strspn(eq, " \t"), &value);
    kr_mta_param_set(&p->x->macros, text, n, value.s, value.len, p->first);
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool reading(const struct parse *p)
{
    for (size_t i = 0; i < p->open; i++)
        if (!p->reads[i])
            return false;
    return true;
}

/* Any of the words is a macro. Those Exim defines itself begin with '_': not known here. */
static bool any_defined(const struct parse *p, const char *words, bool *maybe)
{
    *maybe = false;
    for (; *words; words += word_length(words) ? word_length(words) : 1) {
        size_t n = word_length(words);
        *maybe = *maybe || *words == '_';
        if (n && macro_at(p->x, words, n))
            return true;
    }
    return false;
}

static void begin_condition(struct parse *p, const char *words, bool want)
{
    bool maybe, defined = any_defined(p, words, &maybe);
    if (p->open == MOST_CONDITIONS) {
        kr_mta_say(p->x->r, KR_MTA_UNKNOWN, KR_IN_DOUBT, p->file, p->first,
                   "too many conditions within each other");
        return;
    }
    p->reads[p->open] = defined == want || maybe;
    p->done[p->open++] = defined == want && !maybe;
}

static void other_branch(struct parse *p, const char *words, bool want)
{
    bool maybe = false, defined = words ? any_defined(p, words, &maybe) : want;
    if (p->open == 0)
        return;
    size_t i = p->open - 1;
    p->reads[i] = !p->done[i] && (defined == want || maybe);
    p->done[i] = p->done[i] || (defined == want && !maybe);
}

static void include(struct parse *p, const char *text, bool must)
{
    KR_AUTO_BUF struct kr_buf path = {0};
    const char *file = p->file;
    unsigned line = p->line, first = p->first;
    put_macros(p, text + strspn(text, " \t\""), &path);
    path.s[strcspn(path.s, "\" \t")] = '\0';
    if (!kr_mta_exists(p->x->r, path.s, NULL) || p->depth == DEEPEST) {
        if (must || p->depth == DEEPEST)
            kr_mta_say(p->x->r, KR_MTA_UNKNOWN, KR_IN_DOUBT, p->file, p->first,
                       "%.150s can't be included", path.s);
        return;
    }
    parse_file(p, path.s);
    p->file = file;
    p->line = line;
    p->first = first;
}

/* A line that begins with a dot and a letter. */
static void directive(struct parse *p, const char *s)
{
    if (begins_with(s, ".ifdef"))
        begin_condition(p, s + 6, true);
    else if (begins_with(s, ".ifndef"))
        begin_condition(p, s + 7, false);
    else if (begins_with(s, ".elifdef"))
        other_branch(p, s + 8, true);
    else if (begins_with(s, ".elifndef"))
        other_branch(p, s + 9, false);
    else if (begins_with(s, ".else"))
        other_branch(p, NULL, true);
    else if (begins_with(s, ".endif"))
        p->open -= p->open > 0;
    else if (begins_with(s, ".include_if_exists") && reading(p))
        include(p, s + 18, false);
    else if (begins_with(s, ".include") && reading(p))
        include(p, s + 8, true);
}

/* ---- drivers --------------------------------------------------------------------------------- */

static void begin_part(struct parse *p, const char *name)
{
    p->part = begins_with(name, "routers")      ? ROUTERS
              : begins_with(name, "transports") ? TRANSPORTS
                                                : ELSEWHERE;
}

static void add_driver(struct parse *p, const char *name, size_t len)
{
    struct kr_exim *x = p->x;
    x->drivers = kr_grow(x->drivers, &x->cap, x->n + 1, sizeof *x->drivers);
    struct kr_exim_driver *d = &x->drivers[x->n++];
    memset(d, 0, sizeof *d);
    d->transport = p->part == TRANSPORTS;
    snprintf(d->name, sizeof d->name, "%.*s", (int)(len < 60 ? len : 60), name);
    snprintf(d->file, sizeof d->file, "%.250s", p->file);
}

static void add_option(struct parse *p, const char *text)
{
    struct kr_exim *x = p->x;
    if (begins_with(text, "hide "))
        text += 5;
    if (p->part == MAIN)
        kr_mta_param_assign(&x->main, text, strlen(text), p->first);
    else if (x->n && x->drivers[x->n - 1].transport == (p->part == TRANSPORTS))
        kr_mta_param_assign(&x->drivers[x->n - 1].options, text, strlen(text), p->first);
}

static void whole_line(struct parse *p, const char *s)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    if (*s == '.' && isalpha((unsigned char)s[1])) {
        directive(p, s);
        return;
    }
    if (!reading(p) || define(p, s))
        return;
    put_macros(p, s, &text);
    size_t n = word_length(text.s);
    const char *after = text.s + n + strspn(text.s + n, " \t");
    if (begins_with(text.s, "begin "))
        begin_part(p, text.s + 6 + strspn(text.s + 6, " \t"));
    else if (p->part == ELSEWHERE)
        return;
    else if (p->part != MAIN && n && *after == ':')
        add_driver(p, text.s, n);
    else
        add_option(p, text.s);
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* A line goes on in the next one when it ends in a backslash; comments between are left out. */
static void add_line(struct parse *p, const char *text, size_t len, struct kr_buf *all)
{
    text = kr_mta_trim(text, &len);
    if (len && *text == '#')
        return;
    if (all->len == 0)
        p->first = p->line;
    bool more = len && text[len - 1] == '\\';
    kr_buf_add(all, text, len - more);
    if (more)
        return;
    if (all->len)
        whole_line(p, all->s);
    all->len = 0;
}

static void parse_file(struct parse *p, const char *file)
{
    KR_AUTO_BUF struct kr_buf text = {0}, all = {0};
    p->depth++;
    p->file = file;
    p->line = 0;
    if (kr_mta_file(p->x->r, file, &text) == 1)
        for (const char *at = text.s, *end = text.s + text.len; at < end;) {
            const char *eol = memchr(at, '\n', (size_t)(end - at));
            p->line++;
            add_line(p, at, (size_t)((eol ? eol : end) - at), &all);
            at = eol ? eol + 1 : end;
        }
    if (all.len)
        whole_line(p, all.s);
    p->depth--;
}

void kr_exim_parse(struct kr_exim *x, const char *file)
{
    struct parse p = {.x = x};
    parse_file(&p, file);
}

void kr_exim_free(struct kr_exim *x)
{
    for (size_t i = 0; i < x->n; i++)
        kr_mta_params_free(&x->drivers[i].options);
    free(x->drivers);
    kr_mta_params_free(&x->macros);
    kr_mta_params_free(&x->main);
}

const struct kr_exim_driver *kr_exim_transport(const struct kr_exim *x, const char *name,
                                               size_t len)
{
    for (size_t i = 0; i < x->n; i++)
        if (x->drivers[i].transport && strlen(x->drivers[i].name) == len &&
            memcmp(x->drivers[i].name, name, len) == 0)
            return &x->drivers[i];
    return NULL;
}

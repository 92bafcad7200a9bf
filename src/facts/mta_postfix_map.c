/* Postfix's lookup tables, as far as they are text (DATABASE_README, regexp_table(5),
 * cidr_table(5)). Which key is looked up does not matter: every result may come. */
#include "mta_postfix.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 4

struct walk {
    struct kr_pf *pf;
    const struct kr_pf_place *at; /* where the list of maps stands */
    kr_pf_result *f;
    unsigned how, depth;
};
typedef void map_reader(const struct walk *w, const char *arg, size_t len);

static void map_list(const struct walk *w, const char *list, size_t len);

static void doubt(const struct walk *w, const char *map)
{
    kr_mta_say(w->pf->r, KR_MTA_UNKNOWN, KR_IN_DOUBT, w->at->file, w->at->line,
               "%s: the map %.120s can't be read here", w->at->setting, map);
}

/* "/pattern/flags", "!/pattern/": what is behind it, else behind the first word. */
static const char *after_key(const char *s, const char *end)
{
    const char *p = s + (s < end && *s == '!');
    if (p < end && ispunct((unsigned char)*p) && *p != '[' && *p != '@' && *p != '.' && *p != '*' &&
        *p != '_' && *p != '-' && *p != '+' && *p != '"') {
        char mark = *p++;
        while (p < end && *p != mark)
            p += *p == '\\' && p + 1 < end ? 2 : 1;
    }
    while (p < end && !isspace((unsigned char)*p))
        p++;
    while (p < end && isspace((unsigned char)*p))
        p++;
    return p;
}

static bool begins(const char *s, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - s) >= n && memcmp(s, word, n) == 0;
}

static void read_table(const struct walk *w, const char *file)
{
    KR_AUTO_BUF struct kr_buf text = {0}, line = {0};
    unsigned n = 0, first = 0;
    int got = kr_mta_file(w->pf->r, file, &text);
    const char *at = text.s;
    if (got == 0)
        doubt(w, file);
    while (got == 1 && kr_pf_line(&at, text.s + text.len, &n, &line, &first)) {
        const char *end = line.s + line.len;
        if (begins(line.s, end, "if ") || begins(line.s, end, "if/") ||
            begins(line.s, end, "endif"))
            continue;
        const char *value = after_key(line.s, end);
        const struct kr_pf_place at_line = {file, first, w->at->setting};
        w->f(w->pf, &at_line, value, (size_t)(end - value), w->how);
    }
}

/* What postmap(1) made of the text may be older than the text. */
static void check_compiled(const struct walk *w, const char *file, const char *suffix)
{
    char compiled[300];
    time_t text_time, made;
    snprintf(compiled, sizeof compiled, "%.280s.%s", file, suffix);
    if (kr_mta_exists(w->pf->r, file, &text_time) && kr_mta_exists(w->pf->r, compiled, &made) &&
        made < text_time)
        kr_mta_say(w->pf->r, KR_MTA_UNKNOWN, KR_IN_DOUBT, compiled, 0,
                   "older than the text it is made of, which is what was read; run postmap");
}

static void map_file(const struct walk *w, const char *arg, size_t len, const char *suffix)
{
    char file[256];
    if (len >= sizeof file || len == 0) {
        doubt(w, "with a long name");
        return;
    }
    memcpy(file, arg, len);
    file[len] = '\0';
    if (suffix)
        check_compiled(w, file, suffix);
    read_table(w, file);
}

static void map_text(const struct walk *w, const char *arg, size_t len)
{
    map_file(w, arg, len, NULL);
}

static void map_hash(const struct walk *w, const char *arg, size_t len)
{
    map_file(w, arg, len, "db");
}

static void map_lmdb(const struct walk *w, const char *arg, size_t len)
{
    map_file(w, arg, len, "lmdb");
}

static void map_cdb(const struct walk *w, const char *arg, size_t len)
{
    map_file(w, arg, len, "cdb");
}

static void map_dbm(const struct walk *w, const char *arg, size_t len)
{
    map_file(w, arg, len, "pag");
}

/* The inside of braces, when they are all of it. */
static void unbrace(const char **arg, size_t *len)
{
    const char *at = *arg, *word;
    size_t n;
    if (*len && **arg == '{' && kr_pf_word(&at, *arg + *len, &word, &n) && word > *arg) {
        *arg = word;
        *len = n;
    }
}

static void map_inline(const struct walk *w, const char *arg, size_t len)
{
    const char *word, *eq;
    size_t n;
    unbrace(&arg, &len);
    const char *at = arg;
    while (kr_pf_word(&at, arg + len, &word, &n))
        if ((eq = memchr(word, '=', n)) != NULL) {
            const char *value = eq + 1, *end = word + n;
            while (value < end && isspace((unsigned char)*value))
                value++;
            w->f(w->pf, w->at, value, (size_t)(end - value), w->how);
        }
}

static void map_static(const struct walk *w, const char *arg, size_t len)
{
    unbrace(&arg, &len);
    w->f(w->pf, w->at, arg, len, w->how);
}

static void map_random(const struct walk *w, const char *arg, size_t len)
{
    const char *word;
    size_t n;
    unbrace(&arg, &len);
    const char *at = arg;
    while (kr_pf_word(&at, arg + len, &word, &n))
        w->f(w->pf, w->at, word, n, w->how);
}

static void map_of_maps(const struct walk *w, const char *arg, size_t len)
{
    const struct walk inner = {w->pf, w->at, w->f, w->how, w->depth + 1};
    unbrace(&arg, &len);
    if (w->depth < DEEPEST)
        map_list(&inner, arg, len);
    else
        doubt(w, "within maps");
}

static void map_none(const struct walk *w, const char *arg, size_t len)
{
    (void)w, (void)arg, (void)len;
}

static const struct {
    const char *type;
    map_reader *read;
} types[] = {
    {"texthash", map_text},   {"regexp", map_text},      {"pcre", map_text},
    {"cidr", map_text},       {"hash", map_hash},        {"btree", map_hash},
    {"lmdb", map_lmdb},       {"cdb", map_cdb},          {"dbm", map_dbm},
    {"inline", map_inline},   {"static", map_static},    {"randmap", map_random},
    {"pipemap", map_of_maps}, {"unionmap", map_of_maps}, {"fail", map_none},
    {"proxy", map_of_maps},
};

static void one_map(const struct walk *w, const char *text, size_t len)
{
    char name[160];
    const char *colon = memchr(text, ':', len);
    size_t n = colon ? (size_t)(colon - text) : 0;
    for (size_t i = 0; n && i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].type) == n && memcmp(types[i].type, text, n) == 0) {
            types[i].read(w, colon + 1, len - n - 1);
            return;
        }
    if (!colon) { /* without a type: the default one, a file whose text has its name */
        map_file(w, text, len, "db");
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(n < 40 ? n : 40), text);
    doubt(w, name);
}

static void map_list(const struct walk *w, const char *list, size_t len)
{
    const char *at = list, *word;
    size_t n;
    while (kr_pf_word(&at, list + len, &word, &n))
        one_map(w, word, n);
}

void kr_pf_maps(struct kr_pf *pf, const struct kr_pf_place *at, const char *list, size_t len,
                kr_pf_result *f, unsigned how)
{
    const struct walk w = {pf, at, f, how, 0};
    map_list(&w, list, len);
}

/* Theory of operation. Three questions about a command: where do the generator's options begin,
 * which domains do they name, where does the suffix go. What stands in plain is read; what a shell
 * would make of a variable is not guessed: then the domains have to be said. */
#include <kr/run_line.h>

#include "run_line_internal.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/preflight.h>

#include <string.h>

#define SUFFIX_OPTION "--domain-suffix"

/* Options of traffic-gen and kumo-gen that take a value: what follows them is no option. */
static const char *const with_value[] = {"--domain-suffix",
                                         "--domain",
                                         "--target",
                                         "--concurrency",
                                         "--duration",
                                         "--message-count",
                                         "--body-file",
                                         "--throttle",
                                         "--header",
                                         "--body-size",
                                         "--http-batch",
                                         "--mail-file",
                                         "--recipients",
                                         "--source",
                                         "--arrivals",
                                         "--warm-up",
                                         "--timeout",
                                         "--drain",
                                         "--seed",
                                         "--workers",
                                         "--compat",
                                         "--format",
                                         "--live",
                                         "-t",
                                         "-c",
                                         "-n",
                                         "-d",
                                         "-f",
                                         "-m",
                                         "-s",
                                         "-w",
                                         "--messages-per-connection"};

static bool takes_value(const char *word, bool letters)
{
    if (word[0] == '-' && word[1] != '-' && !letters)
        return false;
    for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++)
        if (strcmp(word, with_value[i]) == 0)
            return true;
    return false;
}

static const char *name_of(const char *word)
{
    const char *slash = strrchr(word, '/');
    return slash ? slash + 1 : word;
}

bool kr_run_has_letters(const char *word)
{
    return strcmp(name_of(word), "kumo-gen") == 0;
}

bool kr_run_is_generator(const char *word)
{
    return kr_run_has_letters(word) || strcmp(name_of(word), "traffic-gen") == 0;
}

const char *kr_run_line_keep(struct kr_run_line *l, char *s)
{
    l->own = kr_grow(l->own, &l->cap_own, l->n_own + 1, sizeof *l->own);
    l->own[l->n_own++] = s;
    return s;
}

/* The value of an option that stands at *i, by either spelling; NULL: it is another word. */
static const char *value_of(const struct kr_option_words *w, size_t *i, const char *name)
{
    size_t n = strlen(name);
    const char *word = w->v[*i].text;
    if (!word || strncmp(word, name, n) != 0)
        return NULL;
    if (word[n] == '=' && name[1] == '-')
        return word + n + 1;
    if (word[n] == '\0')
        return *i + 1 < w->n ? w->v[++*i].text : "";
    return name[1] != '-' ? word + n : NULL; /* -fFILE */
}

static int shell_only(const char *option, const char *value, struct kr_err *e)
{
    return kr_fail(e, KR_USAGE, 0,
                   "%s '%s' is known to the shell only; say the domains to run: --domain NAME, "
                   "--domains-file FILE",
                   option, value);
}

static int add_domain(struct kr_run_line *l, const struct kr_option_words *w, size_t i,
                      const char *value, struct kr_err *e)
{
    if (w->v[i].expands)
        return shell_only("--domain", value, e);
    if (!*value)
        return kr_fail(e, KR_USAGE, 0, "--domain names no domain");
    kr_strlist_add(&l->domains, kr_run_line_keep(l, kr_strdup(value)));
    return 0;
}

static int add_mail_file(struct kr_run_line *l, const struct kr_option_words *w, size_t i,
                         const char *value, struct kr_err *e)
{
    if (w->v[i].expands)
        return shell_only("--mail-file", value, e);
    return kr_run_line_mail_file(l, value, e);
}

static int scan(struct kr_run_line *l, const struct kr_option_words *w, struct kr_err *e)
{
    for (size_t i = 0; i < w->n && strcmp(w->v[i].text, "--") != 0; i++) {
        const char *value, *word = w->v[i].text;
        if ((value = value_of(w, &i, SUFFIX_OPTION)) != NULL) {
            l->bare |= !*value;
        } else if ((value = value_of(w, &i, "--domain")) != NULL) {
            if (add_domain(l, w, i, value, e))
                return -1;
        } else if (w->letters && ((value = value_of(w, &i, "--mail-file")) != NULL ||
                                  (value = value_of(w, &i, "-f")) != NULL)) {
            if (add_mail_file(l, w, i, value, e))
                return -1;
        } else if (takes_value(word, w->letters)) {
            i++;
        }
    }
    return 0;
}

/* An option without its value would take the next word for it: --domain-suffix. */
static int check_values(const struct kr_option_words *w, struct kr_err *e)
{
    for (size_t i = 0; i < w->n && strcmp(w->v[i].text, "--") != 0; i++) {
        const char *option = w->v[i].text;
        if (!takes_value(option, w->letters))
            continue;
        if (++i == w->n && strcmp(option, SUFFIX_OPTION) != 0)
            return kr_fail(e, KR_USAGE, 0, "'%s' at the end of the command has no value", option);
        if (i < w->n && w->v[i].arguments)
            return kr_fail(e, KR_USAGE, 0, "'%s' takes the first of \"$@\" for its value", option);
    }
    return 0;
}

int kr_run_line_options(struct kr_run_line *l, const struct kr_option_words *w,
                        const struct kr_run_line_want *want, struct kr_err *e)
{
    struct kr_err why = {0};
    if (check_values(w, e))
        return -1;
    if (scan(l, w, &why) == 0)
        return 0;
    if (want->names_given && why.exit == KR_USAGE)
        return 0;
    if (e)
        *e = why;
    return -1;
}

static int own_options(struct kr_run_line *l, const struct kr_run_line_want *want, struct kr_err *e)
{
    size_t n = l->words.n - l->options;
    KR_AUTO_FREE struct kr_option_word *v = kr_calloc(n + 1, sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i].text = l->words.v[l->options + i];
    const struct kr_option_words w = {v, n, l->letters};
    return kr_run_line_options(l, &w, want, e);
}

/* ---- where the options begin ------------------------------------------------------------------*/

static bool names_suffix(const char *word)
{
    size_t n = strlen(SUFFIX_OPTION);
    return strncmp(word, SUFFIX_OPTION, n) == 0 && (word[n] == '\0' || word[n] == '=');
}

static bool has_place(const char *word)
{
    return strstr(word, "{suffix}") || strstr(word, "{.suffix}");
}

/* 1: found, 0: not, -1. */
static int find_generator(struct kr_run_line *l, const struct kr_run_line_want *want,
                          struct kr_err *e)
{
    for (size_t i = 0; i < l->words.n; i++) {
        if (kr_run_is_generator(l->words.v[i])) {
            l->options = i + 1;
            l->letters = kr_run_has_letters(l->words.v[i]);
            return 1;
        }
        int got = kr_run_line_text(l, i, want, e);
        if (got) {
            /* Behind the text of sh -c the next word is $0. */
            bool text = kr_run_is_text(l->words.v[i]);
            l->nameless = text && i + 1 == l->words.n;
            l->options = i + 1 + (text && !l->nameless);
            return got;
        }
    }
    for (size_t i = 0; i < l->words.n; i++)
        if (names_suffix(l->words.v[i])) {
            l->options = 1;
            return 1;
        }
    return 0;
}

static int must_tell(const struct kr_run_line *l, const struct kr_run_line_want *want,
                     struct kr_err *e)
{
    const char *name = l->words.v[0];
    if (!l->known && !l->placed && !want->template)
        return kr_fail(e, KR_USAGE, 0,
                       "'%s' is no traffic-gen as far as can be seen: say how it takes its suffix, "
                       "by --suffix-arg TEMPLATE or {suffix} in its words",
                       name);
    if (!l->known && !l->domains.n && !want->names_given)
        return kr_fail(e, KR_USAGE, 0,
                       "which domains does '%s' mail to? Say --domains-file FILE or --domain NAME",
                       name);
    return 0;
}

static char *filled(const char *word, const char *suffix)
{
    struct kr_buf b = {0};
    for (const char *p = word; *p;) {
        bool plain = strncmp(p, "{suffix}", 8) == 0, dotted = strncmp(p, "{.suffix}", 9) == 0;
        if (plain || dotted) {
            kr_buf_printf(&b, "%s%s", dotted && *suffix ? "." : "", suffix);
            p += plain ? 8 : 9;
        } else {
            kr_buf_add(&b, p++, 1);
        }
    }
    return b.s ? b.s : kr_strdup("");
}

/* What is left of a place around another one would be one, too. */
static int check_place(const char *word, struct kr_err *e)
{
    KR_AUTO_FREE char *left = filled(word, "");
    return has_place(left) ? kr_fail(e, KR_USAGE, 0, "'%s' has a {suffix} around another", word)
                           : 0;
}

static int split_template(struct kr_run_line *l, const char *template, struct kr_err *e)
{
    struct kr_shell s;
    if (!template)
        return 0;
    if (!has_place(template))
        return kr_fail(e, KR_USAGE, 0, "--suffix-arg '%s' has no {suffix} in it", template);
    if (kr_shell_read(template, &s, e))
        return kr_wrap(e, "--suffix-arg '%s'", template);
    int bad = 0;
    for (size_t i = 0; i < s.n && !bad; i++) {
        kr_strlist_add(&l->more, kr_run_line_keep(l, kr_strdup(s.v[i].text)));
        bad = check_place(s.v[i].text, e);
    }
    kr_shell_free(&s);
    return bad;
}

int kr_run_line_read(const struct kr_run_line_want *want, struct kr_run_line *l, struct kr_err *e)
{
    *l = (struct kr_run_line){.suffix = want->suffix ? want->suffix : KR_RUN_SUFFIX};
    if (!want->words->n)
        return kr_fail(e, KR_USAGE, 0, "run needs a command: kumo-redirect run -- traffic-gen ...");
    for (size_t i = 0; i < want->words->n; i++) {
        kr_strlist_add(&l->words, want->words->v[i]);
        l->placed |= has_place(want->words->v[i]);
        if (check_place(want->words->v[i], e))
            return -1;
    }
    int found = find_generator(l, want, e);
    if (found < 0 || split_template(l, want->template, e))
        return -1;
    l->known = l->announces = found;
    if ((l->known && own_options(l, want, e)) || must_tell(l, want, e))
        return -1;
    if (l->known && !l->domains.n && !want->names_given)
        kr_traffic_gen_defaults(&l->domains);
    return 0;
}

void kr_run_line_free(struct kr_run_line *l)
{
    for (size_t i = 0; i < l->n_own; i++)
        free(l->own[i]);
    free(l->own);
    kr_strlist_free(&l->words);
    kr_strlist_free(&l->domains);
    kr_strlist_free(&l->more);
    *l = (struct kr_run_line){0};
}

/* ---- the command as it is run -----------------------------------------------------------------*/

struct making {
    char **argv;
    size_t n, cap;
};

static void add(struct making *m, char *word)
{
    m->argv = kr_grow(m->argv, &m->cap, m->n + 2, sizeof *m->argv);
    m->argv[m->n++] = word;
    m->argv[m->n] = NULL;
}

static void add_no_suffix(struct making *m)
{
    add(m, kr_strdup(SUFFIX_OPTION));
    add(m, kr_strdup(""));
}

/* Without its suffix: every --domain-suffix is emptied, or one is added at the end of the options.
 */
static void add_real(const struct kr_run_line *l, struct making *m)
{
    bool emptied = l->placed || l->more.n, over = false;
    for (size_t i = 0; i < l->words.n; i++) {
        const char *word = l->words.v[i];
        bool own = l->known && i >= l->options && !over;
        if (own && strcmp(word, "--") == 0) {
            over = true;
            if (!emptied)
                add_no_suffix(m);
            emptied = true;
        }
        if (own && !over && names_suffix(word) && !has_place(word)) {
            add_no_suffix(m);
            i += word[strlen(SUFFIX_OPTION)] == '\0';
            emptied = true;
            continue;
        }
        add(m, filled(word, ""));
        if (own && !over && takes_value(word, l->letters) && i + 1 < l->words.n)
            add(m, filled(l->words.v[++i], ""));
    }
    if (!emptied && l->nameless)
        add(m, kr_strdup("sh"));
    if (!emptied)
        add_no_suffix(m);
}

char **kr_run_line_argv(const struct kr_run_line *l, bool real)
{
    struct making m = {0};
    if (real)
        add_real(l, &m);
    for (size_t i = 0; !real && i < l->words.n; i++)
        add(&m, filled(l->words.v[i], l->suffix));
    for (size_t i = 0; i < l->more.n; i++)
        add(&m, filled(l->more.v[i], real ? "" : l->suffix));
    return m.argv;
}

void kr_run_argv_free(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}

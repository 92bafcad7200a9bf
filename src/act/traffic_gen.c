#include <kr/preflight.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <string.h>

/* Options of traffic-gen that take a value: what follows them is no option. */
static const char *const with_value[] = {"--domain-suffix", "--target",        "--concurrency",
                                         "--duration",      "--message-count", "--body-file",
                                         "--throttle",      "--header",        "--body-size"};

static bool takes_value(const char *word)
{
    for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++)
        if (strcmp(word, with_value[i]) == 0)
            return true;
    return false;
}

void kr_traffic_gen_defaults(struct kr_strlist *out)
{
    static const char *const names[] = {"aol.com", "gmail.com", "hotmail.com", "yahoo.com"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        kr_strlist_add(out, names[i]);
}

/* Takes one line apart as a shell would: blanks, quotes of both kinds, backslashes. In place. */
static int split(char *s, struct kr_strlist *out, struct kr_err *e)
{
    while (*s) {
        char quote = '\0', *to, *word;
        s += strspn(s, " \t\n");
        if (!*s)
            return 0;
        for (to = word = s; *s && (quote || !strchr(" \t\n", *s)); s++) {
            if (quote ? *s == quote : *s == '"' || *s == '\'')
                quote = quote ? '\0' : *s;
            else if (*s == '\\' && quote != '\'' && s[1])
                *to++ = *++s;
            else
                *to++ = *s;
        }
        if (quote)
            return kr_fail(e, KR_USAGE, 0, "--from-command: a quote %c is not closed", quote);
        bool last = !*s;
        *to = '\0';
        kr_strlist_add(out, word);
        if (last)
            return 0;
        s++;
    }
    return 0;
}

static int scan(const struct kr_strlist *words, struct kr_strlist *out, struct kr_err *e)
{
    static const char name[] = "--domain";
    const size_t n = sizeof name - 1, before = out->n;
    for (size_t i = 0; i < words->n; i++) {
        const char *w = words->v[i];
        if (strncmp(w, "--domain=", n + 1) == 0) {
            kr_strlist_add(out, w + n + 1);
        } else if (strcmp(w, name) == 0) {
            if (i + 1 == words->n)
                return kr_fail(e, KR_USAGE, 0,
                               "--from-command: --domain at the end names no domain");
            kr_strlist_add(out, words->v[++i]);
        } else if (takes_value(w)) {
            i++;
        }
    }
    if (out->n == before)
        kr_traffic_gen_defaults(out);
    return 0;
}

int kr_traffic_gen_domains(const struct kr_strlist *words, char **store, struct kr_strlist *out,
                           struct kr_err *e)
{
    struct kr_strlist apart = {0};
    *store = NULL;
    if (!words->n)
        return kr_fail(e, KR_USAGE, 0, "--from-command needs a command: -- traffic-gen ...");
    if (words->n > 1 || !strpbrk(words->v[0], " \t\n"))
        return scan(words, out, e);
    *store = kr_strdup(words->v[0]);
    int bad = split(*store, &apart, e) || scan(&apart, out, e);
    kr_strlist_free(&apart);
    return bad ? -1 : 0;
}

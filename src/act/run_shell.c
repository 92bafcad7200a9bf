#include <kr/run_shell.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <string.h>

#define BLANKS " \t\r"
#define OPERATORS "\n;|&()<>"

struct reading {
    const char *at, *begin; /* begin: of the word, as it is written */
    struct kr_buf word;
    bool any, expands; /* a word has begun; it is not only what it says */
};

static void put(struct reading *r, char c)
{
    kr_buf_add(&r->word, &c, 1);
    r->any = true;
}

/* Without the quotes a shell would drop empty arguments; other quotes make it something else. */
static bool is_all_arguments(const struct reading *r)
{
    static const char *const ways[] = {"\"$@\"", "\"${@}\""};
    size_t n = (size_t)(r->at - r->begin);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strlen(ways[i]) == n && memcmp(r->begin, ways[i], n) == 0)
            return true;
    return false;
}

static void end_word(struct kr_shell *s, struct reading *r)
{
    if (!r->any)
        return;
    s->v = kr_grow(s->v, &s->cap, s->n + 1, sizeof *s->v);
    s->v[s->n++] = (struct kr_shell_word){.text = kr_strdup(kr_buf_str(&r->word)),
                                          .expands = r->expands,
                                          .arguments = is_all_arguments(r)};
    kr_buf_free(&r->word);
    r->any = r->expands = false;
}

static void end_command(struct kr_shell *s, struct reading *r)
{
    end_word(s, r);
    if (s->n)
        s->v[s->n - 1].last = true;
}

static void single_quotes(struct reading *r)
{
    r->any = true;
    for (r->at++; *r->at && *r->at != '\''; r->at++)
        put(r, *r->at);
}

static void backslash(struct reading *r, bool quoted)
{
    r->at++;
    if (*r->at == '\n' || !*r->at)
        return;
    if (quoted && !strchr("$`\"\\", *r->at))
        put(r, '\\');
    put(r, *r->at);
}

static void plain(struct reading *r)
{
    r->expands |= *r->at == '$' || *r->at == '`';
    put(r, *r->at);
}

static void double_quotes(struct reading *r)
{
    r->any = true;
    for (r->at++; *r->at && *r->at != '"'; r->at += *r->at != '\0') {
        if (*r->at == '\\')
            backslash(r, true);
        else
            plain(r);
    }
}

/* At something that is neither blank nor operator. */
static int part_of_word(struct reading *r, struct kr_err *e)
{
    char c = *r->at;
    if (!r->any)
        r->begin = r->at;
    if (c == '\'')
        single_quotes(r);
    else if (c == '"')
        double_quotes(r);
    else if (c == '\\')
        backslash(r, false);
    else
        plain(r);
    if ((c == '\'' || c == '"') && !*r->at)
        return kr_fail(e, KR_USAGE, 0, "a quote %c is not closed", c);
    return 0;
}

static int read_words(struct kr_shell *s, struct reading *r, struct kr_err *e)
{
    for (; *r->at; r->at += *r->at != '\0') {
        if (strchr(BLANKS, *r->at)) {
            end_word(s, r);
        } else if (strchr(OPERATORS, *r->at)) {
            end_command(s, r);
        } else if (*r->at == '#' && !r->any) {
            r->at += strcspn(r->at, "\n");
            end_command(s, r);
        } else if (part_of_word(r, e)) {
            return -1;
        }
    }
    end_command(s, r);
    return 0;
}

int kr_shell_read(const char *text, struct kr_shell *out, struct kr_err *e)
{
    struct reading r = {.at = text};
    *out = (struct kr_shell){0};
    int bad = read_words(out, &r, e);
    kr_buf_free(&r.word);
    if (bad)
        kr_shell_free(out);
    return bad;
}

void kr_shell_free(struct kr_shell *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->v[i].text);
    free(s->v);
    *s = (struct kr_shell){0};
}

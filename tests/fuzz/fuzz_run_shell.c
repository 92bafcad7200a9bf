/* A shell's text of whatever octets: its words, put into quotes, are read again as the same words,
 * and a generator is found in it only where its arguments are handed on. */
#include "act/run_text.c"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 'word' 'it'\''s'; a line for each command. */
static void quote(const struct kr_shell *s, struct kr_buf *out)
{
    for (size_t i = 0; i < s->n; i++) {
        kr_buf_add(out, "'", 1);
        for (const char *p = s->v[i].text; *p; p++)
            kr_buf_printf(out, *p == '\'' ? "'\\''" : "%c", *p);
        kr_buf_printf(out, "'%c", s->v[i].last ? '\n' : ' ');
    }
}

static bool same(const struct kr_shell *a, const struct kr_shell *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].text, b->v[i].text) != 0 || a->v[i].last != b->v[i].last ||
            b->v[i].expands)
            return false;
    return true;
}

static void check_words(const char *text)
{
    struct kr_shell first, again;
    KR_AUTO_BUF struct kr_buf quoted = {0};
    if (kr_shell_read(text, &first, NULL))
        return;
    quote(&first, &quoted);
    if (first.n && !first.v[first.n - 1].last)
        abort();
    if (kr_shell_read(kr_buf_str(&quoted), &again, NULL) || !same(&first, &again))
        abort();
    kr_shell_free(&again);
    kr_shell_free(&first);
}

static bool hands_on(const char *text)
{
    return strstr(text, "\"$@\"") || strstr(text, "\"${@}\"");
}

static void check_generator(const char *text)
{
    const struct kr_run_line_want want = {.names_given = true};
    struct kr_run_line l = {0};
    struct kr_err e = {0};
    int got = read_text(&l, text, "text", &want, &e);
    if (got == 1 && !hands_on(text))
        abort();
    if (got < 0 && (e.exit != KR_USAGE || !*e.msg))
        abort();
    for (size_t i = 0; i < l.domains.n; i++)
        if (!*l.domains.v[i])
            abort();
    kr_run_line_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KR_AUTO_FREE char *text = kr_calloc(size + 1, 1);
    memcpy(text, data, size);
    check_words(text);
    if (!strstr(text, "-f")) /* a mail file is another's */
        check_generator(text);
    return 0;
}

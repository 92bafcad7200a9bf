#include <kr/csv.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <string.h>

void kr_csv_begin(struct kr_csv *c, const char *name, const char *data, size_t len)
{
    *c = (struct kr_csv){.name = name, .p = data, .end = data + len, .next_line = 1};
    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        c->p += 3;
}

static bool at_line_end(const struct kr_csv *c)
{
    return c->p == c->end || *c->p == '\n' ||
           (*c->p == '\r' && c->p + 1 < c->end && c->p[1] == '\n');
}

static void skip_line_end(struct kr_csv *c)
{
    if (c->p == c->end)
        return;
    c->p += *c->p == '\r' ? 2 : 1;
    c->next_line++;
}

static int fail(const struct kr_csv *c, const char *what, struct kr_err *e)
{
    return kr_fail(e, KR_USAGE, 0, "%s:%u: %s", c->name, c->next_line, what);
}

/* Behind the opening quote. */
static int quoted(struct kr_csv *c, struct kr_err *e)
{
    for (;;) {
        const char *q = memchr(c->p, '"', (size_t)(c->end - c->p));
        if (!q)
            return fail(c, "a quote is opened here and never closed", e);
        for (const char *lf = c->p; (lf = memchr(lf, '\n', (size_t)(q - lf))) != NULL; lf++)
            c->next_line++;
        kr_buf_add(&c->text, c->p, (size_t)(q - c->p));
        c->p = q + 1;
        if (c->p == c->end || *c->p != '"')
            break;
        kr_buf_add(&c->text, "\"", 1);
        c->p++;
    }
    if (at_line_end(c) || *c->p == ',')
        return 0;
    return fail(c, "something stands between a closing quote and the comma", e);
}

static int bare(struct kr_csv *c, struct kr_err *e)
{
    const char *from = c->p;
    for (; !at_line_end(c) && *c->p != ','; c->p++)
        if (*c->p == '"')
            return fail(c, "a quote stands inside a value that is not quoted", e);
    kr_buf_add(&c->text, from, (size_t)(c->p - from));
    return 0;
}

static int cell(struct kr_csv *c, struct kr_err *e)
{
    size_t at = c->text.len;
    bool quote = !at_line_end(c) && *c->p == '"';
    c->p += quote;
    if (quote ? quoted(c, e) : bare(c, e))
        return -1;
    c->cell = kr_grow(c->cell, &c->cap, c->cells + 1, sizeof *c->cell);
    c->cell[c->cells++] = (struct kr_csv_cell){at, c->text.len - at};
    kr_buf_add(&c->text, "", 1);
    return memchr(c->text.s + at, '\0', c->text.len - at - 1) ? fail(c, "a NUL octet", e) : 0;
}

int kr_csv_row(struct kr_csv *c, struct kr_err *e)
{
    while (c->p < c->end && at_line_end(c))
        skip_line_end(c);
    c->cells = 0;
    c->text.len = 0;
    c->line = c->next_line;
    if (c->p == c->end)
        return 0;
    for (;;) {
        if (cell(c, e))
            return -1;
        if (at_line_end(c))
            break;
        c->p++;
    }
    skip_line_end(c);
    return 1;
}

const char *kr_csv_text(const struct kr_csv *c, size_t i)
{
    return c->text.s + c->cell[i].at;
}

void kr_csv_end(struct kr_csv *c)
{
    kr_buf_free(&c->text);
    free(c->cell);
    memset(c, 0, sizeof *c);
}

#include <kr/opt.h>

#include <kr/buf.h>

#include <string.h>

#define COLUMN 28
#define WIDTH 100

static void left_side(const struct kr_opt *o, struct kr_buf *b)
{
    if (o->letter)
        kr_buf_printf(b, "  -%c, --%s", o->letter, o->name);
    else
        kr_buf_printf(b, "      --%s", o->name);
    if (o->kind != KR_OPT_FLAG)
        kr_buf_printf(b, " %s", o->arg ? o->arg : "VALUE");
}

/* How much of the text fits into a line of `room` columns: up to a space, or a word too long. */
static size_t line_of(const char *text, size_t room)
{
    size_t n = strlen(text);
    if (n <= room)
        return n;
    for (n = room; n && text[n] != ' '; n--)
        ;
    return n ? n : strcspn(text, " ");
}

static void right_side(const char *help, FILE *out)
{
    for (;;) {
        size_t n = line_of(help, WIDTH - COLUMN);
        fprintf(out, "%.*s\n", (int)n, help);
        help += n + strspn(help + n, " ");
        if (!*help)
            return;
        fprintf(out, "%*s", COLUMN, "");
    }
}

void kr_opt_usage(const struct kr_opt_table *t, FILE *out)
{
    for (size_t i = 0; i < t->n; i++) {
        KR_AUTO_BUF struct kr_buf left = {0};
        left_side(&t->rows[i], &left);
        if (left.len + 1 > COLUMN)
            fprintf(out, "%s\n%*s", left.s, COLUMN, "");
        else
            fprintf(out, "%-*s", COLUMN, left.s);
        right_side(t->rows[i].help, out);
    }
}

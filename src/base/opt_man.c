#include <kr/opt.h>

/* Text for roff: a backslash and a minus mean something, and so does a line's first dot or quote.
 */
static void roff(const char *s, FILE *out)
{
    if (*s == '.' || *s == '\'')
        fputs("\\&", out);
    for (; *s; s++) {
        if (*s == '\\')
            fputs("\\e", out);
        else if (*s == '-')
            fputs("\\-", out);
        else
            fputc(*s, out);
    }
}

static void choices(const struct kr_opt *o, FILE *out)
{
    fputs("\nOne of ", out);
    for (size_t i = 0; o->choices[i]; i++) {
        fputs(i ? ", \\fB" : "\\fB", out);
        roff(o->choices[i], out);
        fputs("\\fR", out);
    }
    fputs(".", out);
}

static void man_row(const struct kr_opt *o, FILE *out)
{
    fputs(".TP\n", out);
    if (o->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", out);
    roff(o->name, out);
    fputs("\\fR", out);
    if (o->kind != KR_OPT_FLAG) {
        fputs(" \\fI", out);
        roff(o->arg ? o->arg : "VALUE", out);
        fputs("\\fR", out);
    }
    fputs("\n", out);
    roff(o->help, out);
    if (o->kind == KR_OPT_CHOICE)
        choices(o, out);
    fputs("\n", out);
}

void kr_opt_man(const struct kr_opt_table *t, FILE *out)
{
    for (size_t i = 0; i < t->n; i++)
        man_row(&t->rows[i], out);
}

void kr_opt_names(const struct kr_opt_table *t, FILE *out)
{
    for (size_t i = 0; i < t->n; i++) {
        fprintf(out, "--%s\n", t->rows[i].name);
        if (t->rows[i].letter)
            fprintf(out, "-%c\n", t->rows[i].letter);
    }
}

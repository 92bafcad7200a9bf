#include <kr/catalogue.h>
#include <kr/checks.h>
#include <kr/report.h>

#include <stdlib.h>
#include <string.h>

#define WIDTH 78

/* Words to lines of WIDTH columns, after a margin. */
static void wrap(const char *margin, const char *text, FILE *out)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column && column + 1 + n > WIDTH) {
            fputs("\n", out);
            column = 0;
        }
        fprintf(out, "%s%.*s", column ? " " : margin, (int)n, text);
        column += n + (column ? 1 : strlen(margin));
        text += n;
        text += strspn(text, " ");
    }
    fputs("\n", out);
}

static void say_list(FILE *out)
{
    const char *group = "";
    for (size_t i = 0; i < kr_checks_count(); i++) {
        const struct kr_check *c = kr_checks_at(i);
        if (strcmp(group, kr_checks_group_of(i)) != 0)
            fprintf(out, "%s%s\n", i ? "\n" : "", group = kr_checks_group_of(i));
        fprintf(out, "  %-20s %s\n", c->id, c->title);
    }
}

static void say_rows(const char *rows, FILE *out)
{
    char *end;
    if (*rows)
        fputs("\nLeak paths of the catalogue\n", out);
    for (; *rows; rows = *end ? end + 1 : end) {
        const struct kr_path *p = kr_catalogue((unsigned)strtoul(rows, &end, 10));
        if (p)
            fprintf(out, "  %.*s %s\n", (int)(end - rows), rows, p->title);
    }
}

void kr_text_explain(const struct kr_check *c, FILE *out)
{
    if (!c) {
        say_list(out);
        return;
    }
    fprintf(out, "%s: %s\n\n", c->id, c->title);
    wrap("", c->why, out);
    fputs("\nHow it is checked\n", out);
    wrap("  ", c->how, out);
    fputs("\nWhat to do\n", out);
    wrap("  ", c->remedy, out);
    fprintf(out, "\n%s%s%s%s\n", c->phase == KR_ACTIVE ? "Sends something. " : "",
            c->advice     ? "Advice: no leak, so it is shown but not judged."
            : c->waivable ? "May be waived: --allow "
                          : "Can't be waived.",
            !c->advice && c->waivable ? c->id : "", !c->advice && c->waivable ? "=REASON" : "");
    say_rows(c->rows, out);
}

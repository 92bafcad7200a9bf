#include <kr/opt.h>

#include <kr/buf.h>

#include <string.h>

#define COLUMN 28

static void left_side(const struct kr_opt *o, struct kr_buf *b)
{
    if (o->letter)
        kr_buf_printf(b, "  -%c, --%s", o->letter, o->name);
    else
        kr_buf_printf(b, "      --%s", o->name);
    if (o->kind != KR_OPT_FLAG)
        kr_buf_printf(b, " %s", o->arg ? o->arg : "VALUE");
}

void kr_opt_usage(const struct kr_opt_table *t, FILE *out)
{
    for (size_t i = 0; i < t->n; i++) {
        KR_AUTO_BUF struct kr_buf left = {0};
        left_side(&t->rows[i], &left);
        if (left.len + 1 > COLUMN)
            fprintf(out, "%s\n%*s%s\n", left.s, COLUMN, "", t->rows[i].help);
        else
            fprintf(out, "%-*s%s\n", COLUMN, left.s, t->rows[i].help);
    }
}

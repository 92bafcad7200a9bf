#include <kr/opt_words.h>

#include <kr/buf.h>
#include <kr/opt.h>

#include <stdbool.h>
#include <string.h>

static void word(const struct kr_opt *row, const char *value, struct kr_buf *out)
{
    kr_buf_printf(out, "--%s%s%s", row->name, value ? "=" : "", value ? value : "");
    kr_buf_add(out, "", 1);
}

void kr_opt_words(const struct kr_opt_table *t, const void *target, struct kr_buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct kr_opt *row = &t->rows[i];
        const void *at = (const char *)target + row->offset;
        const struct kr_strlist *list = at;
        if (row->kind == KR_OPT_FLAG && *(const bool *)at)
            word(row, NULL, out);
        if (row->kind == KR_OPT_CHOICE)
            word(row, row->choices[*(const int *)at], out);
        for (size_t k = 0; row->kind == KR_OPT_LIST && k < list->n; k++)
            word(row, list->v[k], out);
    }
}

#include "fetch.h"

#include <kr/err.h>
#include <kr/opt.h>

#include <stddef.h>

#define AT(field) offsetof(struct fetch_options, field)
static const struct kr_opt rows[] = {
    {.name = "ca-file", .kind = KR_OPT_STRING, .offset = AT(ca_file), .arg = "FILE"},
    {.name = "seconds", .kind = KR_OPT_UINT, .offset = AT(seconds), .max = 600, .arg = "N"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

int fetch_options_read(int argc, char **argv, struct fetch_options *o, struct kr_err *e)
{
    struct kr_strlist operands = {0};
    const struct kr_opt_target target = {&table, o};
    int bad = kr_opt_parse(&target, 1, argc, argv, 0, &operands, e);
    if (!bad && operands.n)
        bad = kr_fail(e, KR_USAGE, 0, "'%s' is one word too many", operands.v[0]);
    kr_strlist_free(&operands);
    return bad;
}

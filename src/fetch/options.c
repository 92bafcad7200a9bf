#include "fetch.h"

#include <kr/opt.h>
#include <kr/start.h>

#include <stddef.h>

#define AT(field) offsetof(struct fetch_options, field)
static const struct kr_opt rows[] = {
    {.name = "ca-file", .kind = KR_OPT_STRING, .offset = AT(ca_file), .arg = "FILE"},
    {.name = "seconds", .kind = KR_OPT_UINT, .offset = AT(seconds), .max = 600, .arg = "N"},
};
static const struct kr_opt_table table = {rows, sizeof rows / sizeof *rows};

int fetch_options_read(int argc, char **argv, struct fetch_options *o, struct kr_err *e)
{
    return kr_start_options(&table, argc, argv, o, e);
}

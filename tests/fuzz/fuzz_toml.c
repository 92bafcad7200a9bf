/* libFuzzer on the TOML reader: any bytes are read, or refused with a place inside them; what was
 * read can be walked, each key finds its own value, and each date-time is one when read again. */
#include "base/toml_access.c"
#include "base/toml_date.c"
#include "base/toml_doc.c"
#include "base/toml_key.c"
#include "base/toml_number.c"
#include "base/toml_parse.c"
#include "base/toml_string.c"
#include "base/toml_text.c"
#include "base/toml_value.c"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(what) ((what) ? (void)0 : abort())

static void walk(const struct kr_toml_value *v, unsigned depth)
{
    MUST(depth <= KR_TOML_DEPTH && *kr_toml_type_name(kr_toml_type(v)));
    if (kr_toml_type(v) == KR_TOML_DATETIME)
        MUST(!kr_toml_parse_datetime(v->text.s, v->text.s + v->text.len));
    if (kr_toml_type(v) == KR_TOML_STRING)
        MUST(v->text.s[v->text.len] == '\0');
    for (size_t i = 0; i < kr_toml_count(v); i++) {
        const struct kr_toml_value *child = kr_toml_at(v, i);
        MUST(kr_toml_line(child) >= 1);
        MUST(kr_toml_type(v) == KR_TOML_ARRAY ? !kr_toml_key(child)
                                              : kr_toml_find(v, child->key) == child);
        walk(child, depth + 1);
    }
}

static void check_error(const struct kr_err *e, size_t size)
{
    unsigned line = 0, column = 0;
    MUST(e->exit == KR_USAGE && sscanf(e->msg, "f:%u:%u: ", &line, &column) == 2);
    MUST(line >= 1 && column >= 1 && line <= size + 1 && column <= size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_err e = {0};
    struct kr_toml *doc = kr_toml_read("f", (const char *)data, size, &e);
    if (doc)
        walk(kr_toml_root(doc), 0);
    else
        check_error(&e, size);
    kr_toml_free(doc);
    return 0;
}

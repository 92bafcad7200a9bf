#include "toml_tree.h"

#include <string.h>

const char *kr_toml_type_name(enum kr_toml_type t)
{
    static const char *const names[] = {
        [KR_TOML_STRING] = "string", [KR_TOML_INTEGER] = "integer",    [KR_TOML_FLOAT] = "float",
        [KR_TOML_BOOL] = "boolean",  [KR_TOML_DATETIME] = "date-time", [KR_TOML_ARRAY] = "array",
        [KR_TOML_TABLE] = "table",
    };
    _Static_assert(sizeof names / sizeof *names == KR_TOML_TABLE + 1, "a name for each type");
    return names[t];
}

enum kr_toml_type kr_toml_type(const struct kr_toml_value *v)
{
    return v->type;
}

unsigned kr_toml_line(const struct kr_toml_value *v)
{
    return v->line;
}

size_t kr_toml_count(const struct kr_toml_value *v)
{
    return v->type == KR_TOML_ARRAY || v->type == KR_TOML_TABLE ? v->kids.n : 0;
}

const struct kr_toml_value *kr_toml_at(const struct kr_toml_value *v, size_t i)
{
    return i < kr_toml_count(v) ? v->kids.v[i] : NULL;
}

const char *kr_toml_key(const struct kr_toml_value *v)
{
    return v->key.s;
}

size_t kr_toml_key_len(const struct kr_toml_value *v)
{
    return v->key.len;
}

const struct kr_toml_value *kr_toml_get(const struct kr_toml_value *table, const char *key)
{
    if (table->type != KR_TOML_TABLE)
        return NULL;
    return kr_toml_find(table, (struct toml_text){key, strlen(key)});
}

const char *kr_toml_string(const struct kr_toml_value *v, size_t *len)
{
    if (len)
        *len = v->text.len;
    return v->text.s;
}

int64_t kr_toml_integer(const struct kr_toml_value *v)
{
    return v->integer;
}

double kr_toml_float(const struct kr_toml_value *v)
{
    return v->number;
}

bool kr_toml_bool(const struct kr_toml_value *v)
{
    return v->truth;
}

const char *kr_toml_datetime(const struct kr_toml_value *v)
{
    return v->text.s;
}

const char *kr_toml_decimal(const struct kr_toml_value *v)
{
    return v->text.s;
}

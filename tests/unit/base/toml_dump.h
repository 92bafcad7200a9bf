/* A document as one line of text that tells every type and value: {a=int:1,b=[str:"x",bool:true]}.
 * Floats have 17 digits, which name a binary64 exactly. */
#ifndef KR_TESTS_TOML_DUMP_H
#define KR_TESTS_TOML_DUMP_H

#include <kr/buf.h>
#include <kr/toml.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void dump_text(const char *s, size_t len, struct kr_buf *b)
{
    kr_buf_add(b, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            kr_buf_printf(b, "\\u%04x", c);
        else
            kr_buf_add(b, &s[i], 1);
    }
    kr_buf_add(b, "\"", 1);
}

static void dump_scalar(const struct kr_toml_value *v, struct kr_buf *b)
{
    size_t len;
    const char *s;
    switch (kr_toml_type(v)) {
    case KR_TOML_STRING:
        s = kr_toml_string(v, &len);
        kr_buf_add(b, "str:", 4);
        dump_text(s, len, b);
        return;
    case KR_TOML_INTEGER:
        kr_buf_printf(b, "int:%" PRId64, kr_toml_integer(v));
        return;
    case KR_TOML_FLOAT:
        if (isnan(kr_toml_float(v)))
            kr_buf_printf(b, "float:nan");
        else
            kr_buf_printf(b, "float:%.17g", kr_toml_float(v));
        return;
    case KR_TOML_BOOL:
        kr_buf_printf(b, "bool:%s", kr_toml_bool(v) ? "true" : "false");
        return;
    default:
        kr_buf_printf(b, "time:%s", kr_toml_datetime(v));
    }
}

static void dump_value(const struct kr_toml_value *v, struct kr_buf *b)
{
    bool table = kr_toml_type(v) == KR_TOML_TABLE;
    if (!table && kr_toml_type(v) != KR_TOML_ARRAY) {
        dump_scalar(v, b);
        return;
    }
    kr_buf_add(b, table ? "{" : "[", 1);
    for (size_t i = 0; i < kr_toml_count(v); i++) {
        const struct kr_toml_value *child = kr_toml_at(v, i);
        if (i)
            kr_buf_add(b, ",", 1);
        if (table) {
            dump_text(kr_toml_key(child), kr_toml_key_len(child), b);
            kr_buf_add(b, "=", 1);
        }
        dump_value(child, b);
    }
    kr_buf_add(b, table ? "}" : "]", 1);
}

#endif

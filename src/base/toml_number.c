#include "toml_parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 99;
}

/* Digits with single underscores between them go to the scratch buffer without those; returns where
 * they end, which is where they begin when there are none. */
static const char *digits(struct toml_parser *p, const char *s, const char *to, unsigned base)
{
    const char *end = s;
    while (s < to && digit(*s) < base) {
        kr_buf_add(&p->scratch, s, 1);
        end = ++s;
        if (s < to && *s == '_')
            s++;
    }
    return end;
}

static const char *set_integer(struct toml_parser *p, bool negative, unsigned base,
                               struct kr_toml_value *v)
{
    const uint64_t most = (uint64_t)INT64_MAX + negative;
    uint64_t n = 0;
    char text[24];
    for (const char *s = p->scratch.s; *s; s++) {
        if (n > (most - digit(*s)) / base)
            return "an integer is -9223372036854775808 to 9223372036854775807";
        n = n * base + digit(*s);
    }
    v->type = KR_TOML_INTEGER;
    v->integer = negative ? (int64_t)(0 - n) : (int64_t)n;
    int len = snprintf(text, sizeof text, "%" PRId64, v->integer);
    v->text = kr_toml_keep(p->doc, text, (size_t)len);
    return NULL;
}

static const char *prefixed(struct toml_parser *p, const char *s, const char *to,
                            struct kr_toml_value *v)
{
    static const struct {
        const char *prefix, *why;
        unsigned base;
    } rows[] = {{"0x", "0x needs hexadecimal digits, with single underscores between them", 16},
                {"0o", "0o needs digits 0 to 7, with single underscores between them", 8},
                {"0b", "0b needs digits 0 and 1, with single underscores between them", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strncmp(s, rows[i].prefix, 2) == 0) {
            const char *end = digits(p, s + 2, to, rows[i].base);
            return end == s + 2 || end < to ? rows[i].why : set_integer(p, false, rows[i].base, v);
        }
    return "this is no value; a string needs quotes";
}

static const char *part(struct toml_parser *p, const char **at, const char *to, const char *mark)
{
    const char *s = *at;
    kr_buf_add(&p->scratch, mark, 1);
    if (*mark == 'e' && s < to && (*s == '+' || *s == '-'))
        kr_buf_add(&p->scratch, s++, 1);
    *at = digits(p, s, to, 10);
    if (*at == s)
        return *mark == '.' ? "digits must follow the decimal point"
                            : "digits must follow the exponent's E";
    return NULL;
}

static const char *decimal(struct toml_parser *p, const char *s, const char *to, bool negative,
                           struct kr_toml_value *v)
{
    const char *at = digits(p, s, to, 10), *why = NULL;
    if (at == s)
        return "this is no value; a string needs quotes";
    if (*s == '0' && p->scratch.len > 1)
        return "leading zeros are not allowed";
    if (at == to)
        return set_integer(p, negative, 10, v);
    if (*at == '.') {
        at++;
        why = part(p, &at, to, ".");
    }
    if (!why && at < to && (*at == 'e' || *at == 'E')) {
        at++;
        why = part(p, &at, to, "e");
    }
    if (why)
        return why;
    if (at < to)
        return *at == '_' ? "an underscore must stand between two digits"
                          : "this is no number; a string needs quotes";
    v->type = KR_TOML_FLOAT;
    v->number = strtod(p->scratch.s, NULL) * (negative ? -1 : 1);
    return NULL;
}

static bool word(const char *s, const char *to, const char *known)
{
    size_t n = strlen(known);
    return (size_t)(to - s) == n && memcmp(s, known, n) == 0;
}

const char *kr_toml_parse_number(struct toml_parser *p, const char *from, const char *to,
                                 struct kr_toml_value *v)
{
    bool is_signed = *from == '+' || *from == '-', negative = *from == '-';
    const char *s = from + is_signed;
    p->scratch.len = 0;
    kr_buf_add(&p->scratch, "", 0);
    if (word(s, to, "inf") || word(s, to, "nan")) {
        v->type = KR_TOML_FLOAT;
        v->number = strtod(*s == 'i' ? "inf" : "nan", NULL) * (negative ? -1 : 1);
        return NULL;
    }
    if (to - s > 1 && *s == '0' && s[1] >= 'a' && s[1] != 'e')
        return is_signed ? "0x, 0o and 0b take no sign" : prefixed(p, s, to, v);
    return decimal(p, s, to, negative, v);
}

#include "toml_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned column_of(const struct toml_parser *p, const char *at, unsigned *line)
{
    unsigned column = 1;
    *line = 1;
    for (const char *s = p->text; s < at; s++) {
        if (*s == '\n') {
            (*line)++;
            column = 1;
        } else if (((unsigned char)*s & 0xc0) != 0x80) {
            column++;
        }
    }
    return column;
}

int kr_toml_fail(struct toml_parser *p, const char *at, const char *fmt, ...)
{
    char what[512];
    unsigned line, column = column_of(p, at, &line);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return kr_fail(p->e, KR_USAGE, 0, "%s:%u:%u: %s", kr_toml_name(p->doc), line, column, what);
}

/* Length of the well-formed sequence at s (The Unicode Standard, table 3-7), 0 when it is none. */
static size_t sequence(const char *s)
{
    static const struct {
        unsigned char first, last, low, high, len;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const unsigned char *u = (const unsigned char *)s;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if (*u < rows[r].first || *u > rows[r].last)
            continue;
        if (rows[r].len > 1 && (u[1] < rows[r].low || u[1] > rows[r].high))
            return 0;
        for (size_t i = 2; i < rows[r].len; i++)
            if ((u[i] & 0xc0) != 0x80)
                return 0;
        return rows[r].len;
    }
    return 0;
}

static bool is_control(char c)
{
    unsigned char u = (unsigned char)c;
    return u == 0x7f || (u < 0x20 && u != '\t');
}

int kr_toml_check_text(struct toml_parser *p)
{
    for (const char *s = p->text; s < p->end;) {
        size_t n = sequence(s);
        if (!n)
            return kr_toml_fail(p, s, "byte 0x%02x is not UTF-8 here", (unsigned char)*s);
        if (*s == '\r' && s[1] != '\n')
            return kr_toml_fail(p, s, "a carriage return without a line feed");
        if (is_control(*s) && *s != '\r' && *s != '\n')
            return kr_toml_fail(p, s, "control character U+%04X is not allowed", (unsigned)*s);
        s += n;
    }
    return 0;
}

const char *kr_toml_quote(const char *from, const char *to, char out[static TOML_QUOTED])
{
    const size_t most = TOML_QUOTED - sizeof "''...";
    size_t n = 1;
    out[0] = '\'';
    while (from < to) {
        char one[8];
        size_t len = sequence(from), shown = len;
        if (is_control(*from))
            shown = (size_t)snprintf(one, sizeof one, "\\x%02x", (unsigned char)*from);
        else
            memcpy(one, from, len);
        if (n + shown > most)
            break;
        memcpy(out + n, one, shown);
        n += shown;
        from += len;
    }
    snprintf(out + n, TOML_QUOTED - n, "%s'", from < to ? "..." : "");
    return out;
}

const char *kr_toml_found(const char *at, char out[static TOML_QUOTED])
{
    if (*at == '\0')
        return "the end of the file";
    if (*at == '\n' || *at == '\r')
        return "the end of the line";
    size_t n = strcspn(at, " \t\r\n,]}[{#=\"'");
    return kr_toml_quote(at, at + (n ? n : 1), out);
}

size_t kr_toml_utf8(uint32_t code, char out[static 4])
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(lead[n] | code);
    return n;
}

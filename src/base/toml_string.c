#include "toml_parse.h"

#include <string.h>

struct string {
    const char *opened; /* its first quote, for errors */
    char quote;
    bool literal, lines;
};

static int put_code(struct toml_parser *p, const char *escape, int digits)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    char said[TOML_QUOTED], utf8[4];
    uint32_t code = 0;
    int i = 0;
    for (; i < digits && p->at[i] && strchr(hex, p->at[i]); i++) {
        char c = p->at[i];
        code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (i < digits)
        return kr_toml_fail(p, escape, "%s needs %d hexadecimal digits",
                            kr_toml_quote(escape, p->at + i, said), digits);
    p->at += digits;
    size_t n = kr_toml_utf8(code, utf8);
    if (!n)
        return kr_toml_fail(p, escape, "%s is no Unicode scalar value",
                            kr_toml_quote(escape, p->at, said));
    kr_buf_add(&p->scratch, utf8, n);
    return 0;
}

/* A backslash at the end of a line takes all blanks and line ends up to the next text. */
static bool line_continues(struct toml_parser *p)
{
    const char *after = p->at + strspn(p->at, " \t");
    if (*after != '\n' && *after != '\r')
        return false;
    p->at = after;
    while (kr_toml_skip_newline(p))
        kr_toml_skip_space(p);
    return true;
}

static int escape(struct toml_parser *p, const struct string *s)
{
    static const char letters[] = "btnfr\"\\", meaning[] = "\b\t\n\f\r\"\\";
    const char *start = p->at++;
    char said[TOML_QUOTED];
    if (s->lines && line_continues(p))
        return 0;
    char c = *p->at;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) {
        kr_buf_add(&p->scratch, &meaning[letter - letters], 1);
        p->at++;
        return 0;
    }
    if (c == 'u' || c == 'U') {
        p->at++;
        return put_code(p, start, c == 'u' ? 4 : 8);
    }
    size_t len = c == '\0' || c == '\n' || c == '\r' ? 1 : 2;
    return kr_toml_fail(p, start, "%s is no escape; a backslash itself is '\\\\'",
                        kr_toml_quote(start, start + len, said));
}

/* Three quotes close it, and one or two may stand directly before them. */
static bool closes(struct toml_parser *p, const struct string *s)
{
    size_t n = 0;
    if (!s->lines) {
        p->at++;
        return true;
    }
    while (n < 5 && p->at[n] == s->quote)
        n++;
    kr_buf_add(&p->scratch, p->at, n < 3 ? n : n - 3);
    p->at += n;
    return n >= 3;
}

static int unterminated(struct toml_parser *p, const struct string *s)
{
    char said[TOML_QUOTED];
    const char *end = s->opened + strcspn(s->opened, "\r\n");
    return kr_toml_fail(p, s->opened, "the string %s is never closed",
                        kr_toml_quote(s->opened, end, said));
}

/* Plain text up to the next byte that means something. */
static void copy_plain(struct toml_parser *p, const struct string *s)
{
    const char stops[] = {s->quote, '\r', '\n', s->literal ? '\0' : '\\', '\0'};
    size_t n = strcspn(p->at, stops);
    kr_buf_add(&p->scratch, p->at, n);
    p->at += n;
}

static int body(struct toml_parser *p, const struct string *s)
{
    for (;;) {
        copy_plain(p, s);
        if (*p->at == s->quote) {
            if (closes(p, s))
                return 0;
        } else if (*p->at == '\\') {
            if (escape(p, s))
                return -1;
        } else if (s->lines && kr_toml_skip_newline(p)) {
            kr_buf_add(&p->scratch, "\n", 1);
        } else {
            return unterminated(p, s);
        }
    }
}

int kr_toml_parse_string(struct toml_parser *p, struct toml_text *out)
{
    struct string s = {.opened = p->at, .quote = *p->at, .literal = *p->at == '\''};
    s.lines = p->at[1] == s.quote && p->at[2] == s.quote;
    p->at += s.lines ? 3 : 1;
    p->scratch.len = 0;
    if (s.lines)
        kr_toml_skip_newline(p);
    if (body(p, &s))
        return -1;
    *out = kr_toml_keep(p->doc, p->scratch.s, p->scratch.len);
    return 0;
}

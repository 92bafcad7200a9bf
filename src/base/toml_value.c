#include "toml_parse.h"

#include <string.h>

/* Blanks, line ends and comments, as they may stand inside an array. */
static void skip_lines(struct toml_parser *p)
{
    do {
        kr_toml_skip_space(p);
        kr_toml_skip_comment(p);
    } while (kr_toml_skip_newline(p));
}

static int parse_array(struct toml_parser *p, struct kr_toml_value *v)
{
    char said[TOML_QUOTED];
    v->type = KR_TOML_ARRAY;
    v->form = TOML_CLOSED;
    for (p->at++, skip_lines(p); *p->at != ']'; skip_lines(p)) {
        struct kr_toml_value *child = kr_toml_child(p, v, NULL, p->at);
        if (!child || kr_toml_parse_value(p, child))
            return -1;
        skip_lines(p);
        if (*p->at == ']')
            break;
        if (*p->at != ',')
            return kr_toml_fail(p, p->at, "',' or ']' must follow in the array of line %u, not %s",
                                v->line, kr_toml_found(p->at, said));
        p->at++;
    }
    p->at++;
    return 0;
}

static int parse_inline_table(struct toml_parser *p, struct kr_toml_value *v)
{
    char said[TOML_QUOTED];
    v->type = KR_TOML_TABLE;
    v->form = TOML_CLOSED;
    p->at++;
    kr_toml_skip_space(p);
    if (*p->at == '}') {
        p->at++;
        return 0;
    }
    for (;;) {
        if (kr_toml_parse_keyval(p, v))
            return -1;
        kr_toml_skip_space(p);
        if (*p->at != ',')
            break;
        p->at++;
        kr_toml_skip_space(p);
        if (*p->at == '}')
            return kr_toml_fail(p, p->at, "no ',' may stand before the '}' of an inline table");
    }
    if (*p->at != '}')
        return kr_toml_fail(p, p->at, "',' or '}' must follow in an inline table, not %s",
                            kr_toml_found(p->at, said));
    p->at++;
    return 0;
}

static const char *set_datetime(struct toml_parser *p, const char *from, const char *to,
                                struct kr_toml_value *v)
{
    const char *why = kr_toml_parse_datetime(from, to);
    if (why)
        return why;
    p->scratch.len = 0;
    for (const char *s = from; s < to; s++)
        kr_buf_add(&p->scratch, *s == ' ' || *s == 't' ? "T" : *s == 'z' ? "Z" : s, 1);
    v->type = KR_TOML_DATETIME;
    v->text = kr_toml_keep(p->doc, p->scratch.s, p->scratch.len);
    return NULL;
}

static const char *set_word(struct toml_parser *p, const char *from, const char *to,
                            struct kr_toml_value *v)
{
    size_t n = (size_t)(to - from);
    bool yes = n == 4 && memcmp(from, "true", n) == 0;
    if (yes || (n == 5 && memcmp(from, "false", n) == 0)) {
        v->type = KR_TOML_BOOL;
        v->truth = yes;
        return NULL;
    }
    if (kr_toml_is_datetime(from, to))
        return set_datetime(p, from, to, v);
    return kr_toml_parse_number(p, from, to, v);
}

static int parse_word(struct toml_parser *p, struct kr_toml_value *v)
{
    static const char ends[] = " \t\r\n,]}#";
    char said[TOML_QUOTED];
    const char *from = p->at, *to = from + strcspn(from, ends);
    if (to == from)
        return kr_toml_fail(p, from, "a value must follow, not %s", kr_toml_found(from, said));
    bool time_follows = to - from == 10 && kr_toml_is_datetime(from, to) && from[2] != ':' &&
                        *to == ' ' && to[1] >= '0' && to[1] <= '9';
    if (time_follows)
        to += 1 + strcspn(to + 1, ends);
    const char *why = set_word(p, from, to, v);
    if (why)
        return kr_toml_fail(p, from, "%s: %s", kr_toml_quote(from, to, said), why);
    p->at = to;
    return 0;
}

int kr_toml_parse_value(struct toml_parser *p, struct kr_toml_value *v)
{
    v->line = p->line;
    switch (*p->at) {
    case '"':
    case '\'':
        v->type = KR_TOML_STRING;
        return kr_toml_parse_string(p, &v->text);
    case '[':
        return parse_array(p, v);
    case '{':
        return parse_inline_table(p, v);
    default:
        return parse_word(p, v);
    }
}

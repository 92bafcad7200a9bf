/* What the files of the TOML reader share. The text is first proven to be UTF-8 without stray
 * control characters (toml_text.c); statements and what they may redefine are toml_parse.c and
 * toml_key.c; values are toml_value.c, _string.c, _number.c and _date.c. The text ends in a NUL
 * that stands nowhere else in it, so looking at the next byte is always allowed. */
#ifndef KR_TOML_PARSE_H
#define KR_TOML_PARSE_H

#include "toml_tree.h"

#include <kr/buf.h>
#include <kr/err.h>

struct toml_parser {
    struct kr_toml *doc;
    const char *text, *at, *end;
    unsigned line;
    struct kr_buf scratch;
    struct kr_err *e;
};

#define TOML_QUOTED 96
/* Records "NAME:LINE:COLUMN: what" for a place in the text; returns -1. */
int kr_toml_fail(struct toml_parser *p, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The text between two places in quotes, clipped, control characters made visible. */
const char *kr_toml_quote(const char *from, const char *to, char out[static TOML_QUOTED]);
/* What stands at a place: a quoted word, the end of the line or of the file. */
const char *kr_toml_found(const char *at, char out[static TOML_QUOTED]);
int kr_toml_check_text(struct toml_parser *p);
/* Encodes a code point; returns the length, or 0 for a surrogate and beyond U+10FFFF. */
size_t kr_toml_utf8(uint32_t code, char out[static 4]);

void kr_toml_skip_space(struct toml_parser *p);
bool kr_toml_skip_newline(struct toml_parser *p); /* LF or CRLF; counts the line */
void kr_toml_skip_comment(struct toml_parser *p); /* up to, not over, the line's end */
struct kr_toml_value *kr_toml_child(struct toml_parser *p, struct kr_toml_value *parent,
                                    const struct toml_text *key, const char *at);

/* Each reads what starts at p->at. */
int kr_toml_parse_string(struct toml_parser *p, struct toml_text *out);
int kr_toml_parse_keyval(struct toml_parser *p, struct kr_toml_value *table);
int kr_toml_parse_header(struct toml_parser *p, struct kr_toml_value **table);
int kr_toml_parse_value(struct toml_parser *p, struct kr_toml_value *v);
/* These read the word from..to; a date's `why` says what is wrong with it. */
bool kr_toml_is_datetime(const char *from, const char *to);
const char *kr_toml_parse_datetime(const char *from, const char *to);
/* NULL or what is wrong. Sets type and value of v. */
const char *kr_toml_parse_number(struct toml_parser *p, const char *from, const char *to,
                                 struct kr_toml_value *v);

#endif

/* What session.c, commands.c, params.c, content.c and auth.c share. */
#ifndef KR_SESSION_INTERNAL_H
#define KR_SESSION_INTERNAL_H

#include <kr/sink_session.h>

/* Part of a command line; not NUL-terminated. */
struct arg {
    const char *p;
    size_t n;
};
void arg_skip(struct arg *a, size_t n);
void arg_skip_spaces(struct arg *a);
/* The next word, of which there may be none (n is 0). */
struct arg arg_next_word(struct arg *a);
/* In any case of letters: so begins, and that is all. */
bool arg_begins(struct arg a, const char *word);
bool arg_is(struct arg a, const char *word);
/* Decimal digits and nothing else; above 2^64: UINT64_MAX. */
bool arg_number(struct arg a, uint64_t *out);

/* Appends a reply and its CRLF; a code of 400 or more is counted as a refusal. */
void kr_sink_reply(struct kr_sink_ctx *x, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same of texts in a row, up to NULL: printf(3) takes longer than all else that a reply does.
 */
void kr_sink_say(struct kr_sink_ctx *x, int code, const char *const *part);
/* Digits of v to the base of 2 to 16; they stand at the end of the room, the result says where. */
#define KR_SINK_DIGITS 65
const char *kr_sink_digits(uint64_t v, unsigned base, char room[static KR_SINK_DIGITS]);
/* A reply of 421, after which the connection ends. */
void kr_sink_dismiss(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *text);
/* 421, when the sink is paused. */
bool kr_sink_paused(struct kr_sink_ctx *x, struct kr_sink_session *s);
/* One command line without its line end. */
void kr_sink_command(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *line, size_t n);
/* The parameters after the path of MAIL and of RCPT; false: the refusal was said. */
bool kr_sink_mail_params(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
bool kr_sink_rcpt_params(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
/* xtext (RFC 3461 4); with `high` also UTF-8. */
bool kr_sink_is_xtext(struct arg a, bool high);
/* AUTH and the lines that answer its challenges. */
void kr_sink_auth(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
void kr_sink_auth_line(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
/* DATA and BDAT, and the content after them: octets taken of n > 0. */
void kr_sink_data(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
void kr_sink_bdat(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
size_t kr_sink_content(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n);
size_t kr_sink_chunk(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *p, size_t n);
/* Counts content that was cut off, if this is inside of some. */
void kr_sink_cut(struct kr_sink_ctx *x, const struct kr_sink_session *s);
/* Forgets the transaction. */
void kr_sink_reset(struct kr_sink_ctx *x, struct kr_sink_session *s);

#endif

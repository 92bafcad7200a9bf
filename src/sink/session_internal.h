/* What session.c, commands.c and params.c share. */
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
/* Whole and in any case. */
bool arg_is(struct arg a, const char *word);

/* Appends a reply and its CRLF; a code of 400 or more is counted as a refusal. */
void kr_sink_reply(struct kr_sink_ctx *x, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* One command line without its line end. */
void kr_sink_command(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *line, size_t n);
/* The parameters after the path of MAIL and of RCPT; false: the refusal was said. */
bool kr_sink_mail_params(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
bool kr_sink_rcpt_params(struct kr_sink_ctx *x, struct kr_sink_session *s, struct arg a);
/* Forgets the transaction. */
void kr_sink_reset(struct kr_sink_session *s);

#endif

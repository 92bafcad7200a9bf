/* What session.c and commands.c share. */
#ifndef KR_SESSION_INTERNAL_H
#define KR_SESSION_INTERNAL_H

#include <kr/sink_session.h>

/* Appends a reply and its CRLF; a code of 400 or more is counted as a refusal. */
void kr_sink_reply(struct kr_sink_ctx *x, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* One command line without its line end. */
void kr_sink_command(struct kr_sink_ctx *x, struct kr_sink_session *s, const char *line, size_t n);
/* Forgets the transaction. */
void kr_sink_reset(struct kr_sink_session *s);

#endif

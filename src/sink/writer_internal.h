/* How a record becomes text. */
#ifndef KR_WRITER_INTERNAL_H
#define KR_WRITER_INTERNAL_H

#include <kr/buf.h>
#include <kr/sink_note.h>
#include <kr/sink_writer.h>

/* A message as it lies in the queue. */
struct note_mail {
    const struct kr_note_message *m;
    const char *hello, *sender, *rcpts, *content;
};
/* The recipient at *at, which moves on to the next. */
struct note_rcpt {
    const char *p;
    size_t n;
    unsigned code;
};
struct note_rcpt note_next(const char **at);

struct note_mail note_mail(const struct kr_note_message *m);

/* One line each, LF included. */
void note_mail_json(const struct kr_writer *w, const struct note_mail *m, bool content,
                    struct kr_buf *out);
void note_connection_json(const struct kr_writer *w, const struct kr_note_connection *c,
                          struct kr_buf *out);
/* Header fields of the delivery and the content, with LF for CRLF; mbox: mboxrd, with its From_
 * line and an empty line at the end. */
void note_mail_text(const struct kr_writer *w, const struct note_mail *m, bool mbox,
                    struct kr_buf *out);

#endif

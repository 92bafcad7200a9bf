/* What is sent: message number n is the same for the same seed, whoever sends it and when. Made
 * before the workers are forked; nothing is allocated for a message but room in the caller's
 * buffers. */
#ifndef KR_GEN_MAIL_H
#define KR_GEN_MAIL_H

#include <kr/buf.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct kr_err;
struct kr_gen_config;
struct kr_mail;

struct kr_body {
    char *text; /* as it goes over the line: CRLF, dots doubled, without the last dot */
    size_t len;
    bool whole; /* brings its own header section */
    bool high;  /* holds octets above 127 */
};
struct kr_mail_now { /* the current time as text; zero it */
    time_t second;
    char date[48];
    size_t len;
};

/* Reads the files. NULL: KR_USAGE with file and line; KR_CANNOT. */
struct kr_mail *kr_mail_make(const struct kr_gen_config *cfg, struct kr_err *e);
void kr_mail_free(struct kr_mail *m);
/* Commands of message n, with CRLF, added to out: 0 is MAIL, then a RCPT for each recipient, then
 * DATA. `eight`: the server takes 8-bit content, and is told of it when there is any. */
void kr_mail_command(const struct kr_mail *m, uint64_t n, unsigned which, bool eight,
                     struct kr_buf *out);
unsigned kr_mail_recipients(const struct kr_mail *m);
/* The header section of message n up to and with the empty line, as far as it is not the body's. */
void kr_mail_header(const struct kr_mail *m, uint64_t n, struct kr_mail_now *now,
                    struct kr_buf *out);
const struct kr_body *kr_mail_body(const struct kr_mail *m, uint64_t n);
/* "EHLO NAME": one of the domains, by chance. */
void kr_mail_hello(const struct kr_mail *m, uint64_t chance, struct kr_buf *out);

/* Nonsense words in lines of at most 78 octets, `size` octets at least, ending with CRLF. */
void kr_body_words(struct kr_body *b, uint64_t size);
/* Any text: line ends become CRLF, a dot that begins a line becomes two, the last line is ended. */
void kr_body_take(struct kr_body *b, const char *text, size_t len);
int kr_body_read(struct kr_body *b, const char *path, struct kr_err *e);

#endif

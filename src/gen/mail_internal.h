/* What the files that make mail share. */
#ifndef KR_GEN_MAIL_INTERNAL_H
#define KR_GEN_MAIL_INTERNAL_H

#include <kr/gen_mail.h>
#include <kr/gen_weights.h>

struct text {
    uint32_t at, len; /* in kr_mail.texts */
};
/* A row of the mail file. */
struct row {
    struct text recipient, sender;
    uint32_t body;
};
/* What --header brings instead of ours. */
enum own_header { OWN_FROM, OWN_TO, OWN_SUBJECT, OWN_DATE, OWN_ID, OWN_MAILER, OWN_HEADERS };

struct kr_mail {
    uint64_t seed;
    unsigned recipients;
    bool compat;
    struct kr_buf texts; /* domains with their suffix; mailboxes of the mail file with it */
    struct text *domain;
    struct row *row; /* NULL: recipients are made up */
    size_t rows, row_cap;
    struct kr_weights domains, by_row;
    struct kr_body *body;
    size_t bodies, body_cap;
    struct kr_buf headers; /* those of --header */
    bool given[OWN_HEADERS];
};

struct text kr_mail_keep(struct kr_mail *m, const char *s, size_t n);
/* Rows and bodies of the mail file. `suffix` is appended to every domain. */
int kr_mail_file_read(struct kr_mail *m, const char *path, const char *suffix, struct kr_err *e);
/* Adds all of the file to out. */
int kr_gen_read_file(const char *path, struct kr_buf *out, struct kr_err *e);

#endif

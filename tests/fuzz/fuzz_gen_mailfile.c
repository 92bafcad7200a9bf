/* A mail file: read, or refused with its line; every recipient that was read is a mail address, and
 * its commands are lines. Bodies are never opened: the column must not be named. */
#include "base/csv.c"
#include "gen/mailfile.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct kr_mail *m)
{
    m->recipients = 1;
    for (size_t i = 0; i < m->rows; i++) {
        struct kr_err e = {0};
        struct text t = m->row[i].recipient;
        if (kr_gen_mailbox(m->texts.s + t.at, t.len, &e))
            abort();
    }
    for (uint64_t n = 0; n < 4 && m->rows; n++) {
        KR_AUTO_BUF struct kr_buf out = {0};
        kr_mail_command(m, n, 1, true, &out);
        if (memcmp(out.s, "RCPT TO:<", 9) != 0 || strcmp(out.s + out.len - 3, ">\r\n") != 0 ||
            strcspn(out.s, "\r\n") != out.len - 2)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_err e = {0};
    struct kr_mail *m = kr_calloc(1, sizeof *m);
    struct reader r = {.m = m, .path = "f", .suffix = "s.example"};
    char *text = malloc(size ? size : 1);
    if (size)
        memcpy(text, data, size);
    kr_csv_begin(&r.csv, "f", text, size);
    if (memmem(text, size, "od", 2) == NULL && memmem(text, size, "OD", 2) == NULL &&
        memmem(text, size, "oD", 2) == NULL && memmem(text, size, "Od", 2) == NULL) {
        if (read_rows(&r, &e) == 0)
            check(m);
        else if (e.exit != KR_USAGE || strncmp(e.msg, "f", 1) != 0)
            abort();
    }
    kr_csv_end(&r.csv);
    free(r.weight);
    kr_mail_free(m);
    free(text);
    return 0;
}

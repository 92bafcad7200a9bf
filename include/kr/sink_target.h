/* Files that messages and connections are written to. */
#ifndef KR_SINK_TARGET_H
#define KR_SINK_TARGET_H

#include <stdbool.h>
#include <stddef.h>

struct kr_err;

/* mbox and Maildir get what was accepted, JSON lines get every message that was answered. */
enum kr_format { KR_FORMAT_MBOX, KR_FORMAT_MAILDIR, KR_FORMAT_JSONL, KR_FORMAT_CONNECTIONS };
#define KR_TARGETS 8u

struct kr_target {
    enum kr_format format;
    const char *path;
    int fd;       /* of the file; of the Maildir's tmp; -1: not open */
    int fresh;    /* of the Maildir's new; -1 */
    bool regular; /* what was written of a record that did not fit can be taken back */
    bool failing; /* the last record could not be written */
};
struct kr_targets {
    struct kr_target v[KR_TARGETS];
    size_t n;
    bool content; /* JSON lines have it */
};

/* "mbox:FILE", "maildir:DIR", "jsonl:FILE"; the text is kept. Returns 0, or -1 (KR_USAGE). */
int kr_targets_add(struct kr_targets *t, const char *text, struct kr_err *e);
/* The file for connections; replaces one given before. */
int kr_targets_log(struct kr_targets *t, const char *path, struct kr_err *e);
/* Should: be called before privileges go, and made sure of after. Makes what is not there, files
 * with mode 0600 and folders with 0700, which will belong to `user` when we are root (NULL:
 * nobody). Returns 0, or -1 (KR_CANNOT, quotes the path). */
int kr_targets_open(struct kr_targets *t, const char *user, struct kr_err *e);
int kr_targets_check(const struct kr_targets *t, struct kr_err *e);
void kr_targets_close(struct kr_targets *t);
/* What messages are wanted for, content and all. */
bool kr_targets_messages(const struct kr_targets *t);
bool kr_targets_content(const struct kr_targets *t);
bool kr_targets_connections(const struct kr_targets *t);

#endif

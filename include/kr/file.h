/* Files that are written as a whole or not at all. */
#ifndef KR_FILE_H
#define KR_FILE_H

#include <stddef.h>

struct kr_err;

/* write(2) until all is written, also when a signal comes. Returns 0, or -1 (errno). */
int kr_write_all(int fd, const char *s, size_t n);

enum kr_file_how {
    KR_FILE_PLAIN,   /* not synced: for what a crash of the machine takes away anyway */
    KR_FILE_ON_DISK, /* fsync(2) before it is renamed */
    KR_FILE_REHEARSE /* the temporary file is removed instead: proof that it could be written */
};
/* `text` becomes the whole of `path`, mode 0644: it is written to a temporary file beside it, which
 * is renamed. Returns 0, or -1 (KR_CANNOT; the old file is as it was). */
int kr_file_replace(const char *path, const char *text, enum kr_file_how how, struct kr_err *e);

#endif

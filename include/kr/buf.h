/* A growing string. */
#ifndef KR_BUF_H
#define KR_BUF_H

#include <stddef.h>

struct kr_buf {
    char *s; /* NUL-terminated once anything was added; NULL before */
    size_t len, cap;
};

void kr_buf_add(struct kr_buf *b, const void *data, size_t len);
void kr_buf_text(struct kr_buf *b, const char *text);
void kr_buf_printf(struct kr_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One word for a POSIX shell, whatever is in it: in single quotes where it has to be. */
void kr_buf_shell(struct kr_buf *b, const char *word);
const char *kr_buf_str(const struct kr_buf *b); /* never NULL */
void kr_buf_free(struct kr_buf *b);

#define KR_AUTO_BUF __attribute__((cleanup(kr_buf_free)))

#endif

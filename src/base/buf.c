#include <kr/buf.h>

#include <kr/mem.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void kr_buf_add(struct kr_buf *b, const void *data, size_t len)
{
    b->s = kr_grow(b->s, &b->cap, b->len + len + 1, 1);
    memcpy(b->s + b->len, data, len);
    b->len += len;
    b->s[b->len] = '\0';
}

void kr_buf_printf(struct kr_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0) {
        b->s = kr_grow(b->s, &b->cap, b->len + (size_t)n + 1, 1);
        vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

const char *kr_buf_str(const struct kr_buf *b)
{
    return b->s ? b->s : "";
}

void kr_buf_free(struct kr_buf *b)
{
    free(b->s);
    *b = (struct kr_buf){0};
}

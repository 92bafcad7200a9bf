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

void kr_buf_text(struct kr_buf *b, const char *text)
{
    kr_buf_add(b, text, strlen(text));
}

/* Written where there is room, which mostly is enough, and once more when it was not. */
void kr_buf_printf(struct kr_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    size_t room = b->cap - b->len;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(room ? b->s + b->len : NULL, room, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n >= room) {
        b->s = kr_grow(b->s, &b->cap, b->len + (size_t)n + 1, 1);
        vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (n >= 0)
        b->len += (size_t)n;
    else if (room)
        b->s[b->len] = '\0';
}

void kr_buf_shell(struct kr_buf *b, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    if (*word && !word[strspn(word, plain)]) {
        kr_buf_text(b, word);
        return;
    }
    kr_buf_add(b, "'", 1);
    for (const char *w = word; *w; w++)
        kr_buf_add(b, *w == '\'' ? "'\\''" : w, *w == '\'' ? 4 : 1);
    kr_buf_add(b, "'", 1);
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

#include <kr/err.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int kr_fail(struct kr_err *e, enum kr_exit exit, int sys, const char *fmt, ...)
{
    if (!e)
        return -1;
    char text[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->exit = exit;
    e->sys = sys;
    size_t n = strlen(text);
    memcpy(e->msg, text, n + 1);
    if (sys)
        snprintf(e->msg + n, sizeof e->msg - n, ": %s", strerror(sys));
    return -1;
}

int kr_wrap(struct kr_err *e, const char *fmt, ...)
{
    if (!e)
        return -1;
    char text[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t n = strlen(text), room = sizeof e->msg - 1, old = strlen(e->msg);
    if (n + 2 > room)
        n = room - 2;
    if (old > room - n - 2)
        old = room - n - 2;
    memmove(e->msg + n + 2, e->msg, old);
    memcpy(e->msg, text, n);
    memcpy(e->msg + n, ": ", 2);
    e->msg[n + 2 + old] = '\0';
    return -1;
}

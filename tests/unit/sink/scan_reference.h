/* What kr_scan_feed must find, said the slow way: on the whole content, by looking around each
 * octet. Shared by the unit test and the fuzzer. */
#ifndef KR_SCAN_REFERENCE_H
#define KR_SCAN_REFERENCE_H

#include <kr/sink_scanner.h>

#include <string.h>
#include <strings.h>

struct reference {
    struct kr_scan want;
    size_t taken; /* 0: the end is not there */
};

static int at_is(const char *d, size_t n, size_t i, const char *what)
{
    size_t len = strlen(what);
    return i + len <= n && memcmp(d + i, what, len) == 0;
}

static int line_start(const char *d, size_t n, size_t i)
{
    return i == 0 || (i >= 2 && at_is(d, n, i - 2, "\r\n"));
}

/* The break of any kind that ends before i: 2 for CRLF, 1 for LF or CR alone, 0 for none. */
static int break_before(const char *d, size_t n, size_t i)
{
    if (line_start(d, n, i))
        return 2;
    return d[i - 1] == '\n' || d[i - 1] == '\r';
}

static int break_after(const char *d, size_t n, size_t i)
{
    if (at_is(d, n, i, "\r\n"))
        return 2;
    return i < n && (d[i] == '\n' || d[i] == '\r');
}

static int command_at(const char *d, size_t n, size_t i)
{
    static const char known[] = "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT HELP EXPN";
    if (i + 5 > n || !memchr(" \r\n", d[i + 4], 3))
        return 0;
    for (const char *v = known; *v; v += v[4] ? 5 : 4)
        if (strncasecmp(d + i, v, 4) == 0)
            return 1;
    return 0;
}

static size_t end_of(const char *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (line_start(d, n, i) && at_is(d, n, i, ".\r\n"))
            return i + 3;
    return 0;
}

static void count_octet(struct kr_scan *w, const char *d, size_t n, size_t i)
{
    w->bare_lf += d[i] == '\n' && (i == 0 || d[i - 1] != '\r');
    w->bare_cr += d[i] == '\r' && !at_is(d, n, i, "\r\n");
    if (d[i] != '.')
        return;
    int before = break_before(d, n, i), after = break_after(d, n, i + 1);
    if (before && after && before + after < 4)
        w->smuggle += (uint32_t)command_at(d, n, i + 1 + (size_t)after);
}

static struct reference scan_reference(const char *d, size_t n)
{
    struct reference r = {.taken = end_of(d, n)};
    size_t line = 0;
    r.want.bytes = r.taken ? r.taken - 3 : 0;
    for (size_t i = 0; i < r.taken; i++) {
        count_octet(&r.want, d, r.taken, i);
        if (!at_is(d, r.taken, i, "\r\n"))
            continue;
        int stuffed = d[line] == '.' && i + 2 < r.taken;
        r.want.long_lines += i - line - (size_t)stuffed > KR_SCAN_LONG;
        r.want.bytes -= (size_t)stuffed;
        line = i + 2;
    }
    return r;
}

static int scan_agrees(const struct kr_scan *got, const struct kr_scan *want)
{
    return got->bytes == want->bytes && got->bare_lf == want->bare_lf &&
           got->bare_cr == want->bare_cr && got->long_lines == want->long_lines &&
           got->smuggle == want->smuggle;
}

#endif

#include <kr/sink_answer.h>

#include <kr/buf.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_MOST 500u /* RFC 5321 4.5.3.1.5: 512 with code, separator and CRLF */

struct text {
    const char *p;
    size_t n;
};

static void skip(struct text *t, size_t n)
{
    t->p += n;
    t->n -= n;
}

static struct text trim(struct text t)
{
    while (t.n && (*t.p == ' ' || *t.p == '\t'))
        skip(&t, 1);
    while (t.n && (t.p[t.n - 1] == ' ' || t.p[t.n - 1] == '\t'))
        t.n--;
    return t;
}

/* Up to CRLF, CR or LF; what follows stays in rest. */
static struct text next_line(struct text *rest)
{
    struct text line = {rest->p, 0};
    while (line.n < rest->n && line.p[line.n] != '\r' && line.p[line.n] != '\n')
        line.n++;
    bool crlf = line.n + 1 < rest->n && line.p[line.n] == '\r' && line.p[line.n + 1] == '\n';
    size_t used = line.n + (line.n < rest->n) + crlf;
    skip(rest, used);
    return trim(line);
}

/* "421-", "421 ", "421," before the line's own text. */
static void strip_code(struct text *line, int code)
{
    char digits[8];
    snprintf(digits, sizeof digits, "%d", code);
    bool there = line->n >= 3 && memcmp(line->p, digits, 3) == 0;
    if (there && (line->n == 3 || strchr("- ,", line->p[3])))
        skip(line, line->n == 3 ? 3 : 4);
    *line = trim(*line);
}

static size_t digits(struct text t, size_t at, size_t most)
{
    size_t n = 0;
    while (at + n < t.n && n < most && isdigit((unsigned char)t.p[at + n]))
        n++;
    return n;
}

/* Octets of the enhanced code (RFC 3463) the text starts with, 0: none. */
static size_t enhanced(struct text t)
{
    if (t.n < 5 || !strchr("245", t.p[0]) || t.p[1] != '.')
        return 0;
    size_t subject = digits(t, 2, 3), at = 2 + subject;
    if (!subject || at >= t.n || t.p[at] != '.')
        return 0;
    size_t detail = digits(t, at + 1, 3);
    at += 1 + detail;
    return detail && (at == t.n || t.p[at] == ' ') ? at : 0;
}

/* How much of a line fits: all of it, or up to a space. */
static size_t fitting(struct text t, size_t most)
{
    if (t.n <= most)
        return t.n;
    for (size_t n = most; n > most / 2; n--)
        if (t.p[n] == ' ')
            return n;
    return most;
}

struct wire {
    struct kr_buf b;
    size_t last; /* where the last line begins */
    int code;
    char prefix[16]; /* the enhanced code and a space, or "" */
};

static void add_lines(struct wire *w, struct text t)
{
    do {
        size_t n = fitting(t, LINE_MOST - strlen(w->prefix));
        w->last = w->b.len;
        kr_buf_printf(&w->b, "%d-%s%.*s\r\n", w->code, w->prefix, (int)n, t.p);
        skip(&t, n);
        t = trim(t);
    } while (t.n);
}

/* An enhanced code must be of the class of the code (RFC 2034 4); others are left in the text. */
static void note_enhanced(struct wire *w, struct text *line)
{
    size_t n = enhanced(*line);
    if (!n || n + 2 > sizeof w->prefix || line->p[0] - '0' != w->code / 100)
        return;
    if (!w->prefix[0])
        snprintf(w->prefix, sizeof w->prefix, "%.*s ", (int)n, line->p);
    if (strlen(w->prefix) == n + 1 && memcmp(w->prefix, line->p, n) == 0) {
        skip(line, n);
        *line = trim(*line);
    }
}

static int check(const char *text, size_t len, struct kr_err *e)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && !strchr("\t\r\n", c)) || c == '\0' || c > 126)
            return kr_fail(e, KR_USAGE, 0, "'%.*s' holds octet %u, which may not stand in a reply",
                           (int)(len > 60 ? 60 : len), text, c);
    }
    return 0;
}

int kr_answer_make(struct kr_answer *out, int code, const char *text, size_t len, struct kr_err *e)
{
    struct wire w = {.code = code};
    struct text rest = {text, len};
    if (check(text, len, e))
        return -1;
    while (rest.n) {
        struct text line = next_line(&rest);
        strip_code(&line, code);
        note_enhanced(&w, &line);
        if (line.n)
            add_lines(&w, line);
    }
    if (!w.b.len)
        add_lines(&w, (struct text){"", 0});
    w.b.s[w.last + 3] = ' ';
    *out = (struct kr_answer){w.b.s, (uint32_t)w.b.len, (uint16_t)code, 1};
    return 0;
}

void kr_answers_add(struct kr_answers *l, const struct kr_answer *a)
{
    l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
    l->v[l->n++] = *a;
    l->total += a->weight;
}

const struct kr_answer *kr_answers_pick(const struct kr_answers *l, double u)
{
    double at = u * l->total;
    for (size_t i = 0; i + 1 < l->n; i++) {
        if (at < l->v[i].weight)
            return &l->v[i];
        at -= l->v[i].weight;
    }
    return l->n ? &l->v[l->n - 1] : NULL;
}

void kr_answers_free(struct kr_answers *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].wire);
    free(l->v);
    *l = (struct kr_answers){0};
}

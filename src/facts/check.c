#include <kr/check.h>

#include <kr/mem.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOST 64

static const char *const names[] = {
    [KR_HOLDS] = "holds", [KR_IN_DOUBT] = "unknown", [KR_BROKEN] = "broken"};
_Static_assert(sizeof names / sizeof *names == KR_BROKEN + 1, "a name for each verdict");

const char *kr_verdict_name(enum kr_verdict v)
{
    return names[v];
}

static struct kr_evidence *new_row(struct kr_result *r)
{
    if (r->n == MOST) {
        r->left_out++;
        return memset(&r->spare, 0, sizeof r->spare);
    }
    r->v = kr_grow(r->v, &r->cap, r->n + 1, sizeof *r->v);
    return memset(&r->v[r->n++], 0, sizeof *r->v);
}

static void printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 127)
            *s = '?';
}

struct kr_evidence *kr_result_add(struct kr_result *r, enum kr_verdict v, const char *object,
                                  const char *fmt, ...)
{
    struct kr_evidence *x = new_row(r);
    va_list args;
    x->verdict = v;
    snprintf(x->object, sizeof x->object, "%s", object);
    va_start(args, fmt);
    vsnprintf(x->detail, sizeof x->detail, fmt, args);
    va_end(args);
    printable(x->object);
    printable(x->detail);
    if (v > r->verdict)
        r->verdict = v;
    return x;
}

void kr_result_free(struct kr_result *r)
{
    free(r->v);
    memset(r, 0, sizeof *r);
}

#include <kr/log.h>
#include <kr/report.h>
#include <kr/verify.h>

#include <string.h>
#include <unistd.h>

enum kind { HOLDS, NOTED, WAIVED, ADVICE, UNKNOWN, BROKEN, KINDS };
static const struct {
    const char *word, *color;
} kinds[KINDS] = {
    [HOLDS] = {"holds", "\033[32m"},     [NOTED] = {"holds", "\033[32m"},
    [WAIVED] = {"waived", "\033[33m"},   [ADVICE] = {"advice", "\033[33m"},
    [UNKNOWN] = {"unknown", "\033[35m"}, [BROKEN] = {"broken", "\033[1;31m"},
};

static enum kind kind_of(const struct kr_verified *x)
{
    if (x->result.verdict == KR_HOLDS)
        return x->result.n ? NOTED : HOLDS;
    if (x->waived)
        return WAIVED;
    if (x->check->advice)
        return ADVICE;
    return x->result.verdict == KR_BROKEN ? BROKEN : UNKNOWN;
}

static void say_row(const struct kr_evidence *x, FILE *out)
{
    fprintf(out, "              %s: %s", x->object, x->detail);
    if (*x->ifname)
        fprintf(out, " (%s)", x->ifname);
    if (x->pid)
        fprintf(out, " (process %d)", (int)x->pid);
    fputs("\n", out);
}

static void say_one(const struct kr_verified *x, bool all, FILE *out)
{
    enum kind k = kind_of(x);
    bool color = kr_log_color(fileno(out));
    fprintf(out, "  %s%-9s%s %s: %s\n", color ? kinds[k].color : "", kinds[k].word,
            color ? "\033[0m" : "", x->check->id, x->check->title);
    for (size_t i = 0; i < x->result.n; i++)
        if (all || x->result.v[i].verdict != KR_HOLDS)
            say_row(&x->result.v[i], out);
    if (x->result.left_out)
        fprintf(out, "              and %zu more\n", x->result.left_out);
    if (k == WAIVED)
        fprintf(out, "              accepted: %s\n", x->waived);
    else if (k > NOTED)
        fprintf(out, "              do: %s\n", x->check->remedy);
}

static const char *headline(const struct kr_verify *v)
{
    if (v->verdict == KR_BROKEN)
        return "NOT SAFE";
    return v->verdict == KR_HOLDS ? "safe" : "UNKNOWN, which is not safe";
}

void kr_text_verify(const struct kr_verify *v, bool all, FILE *out)
{
    size_t count[KINDS] = {0};
    bool color = kr_log_color(fileno(out));
    for (size_t i = 0; i < v->n; i++)
        count[kind_of(&v->v[i])]++;
    fprintf(out, "%s%s%s: %s; %zu checks hold",
            color ? kinds[v->verdict == KR_HOLDS ? HOLDS : BROKEN].color : "", headline(v),
            color ? "\033[0m" : "", kr_standing_name(&v->standing), count[HOLDS] + count[NOTED]);
    for (enum kind k = BROKEN; k > NOTED; k--)
        if (count[k])
            fprintf(out, ", %zu %s", count[k], kinds[k].word);
    fprintf(out, " (%u.%03u s)\n", v->us / 1000000, v->us / 1000 % 1000);
    for (enum kind k = KINDS; k-- > 0;)
        for (size_t i = 0; (k > NOTED || all) && i < v->n; i++)
            if (kind_of(&v->v[i]) == k)
                say_one(&v->v[i], all, out);
}

/* For CI systems: TAP, JUnit's XML, GitHub's workflow commands. */
#include <kr/checks.h>
#include <kr/report.h>
#include <kr/verify.h>

#include <string.h>

static bool good(const struct kr_verified *x)
{
    return x->result.verdict == KR_HOLDS || x->waived || x->check->advice;
}

static const char *aside(const struct kr_verified *x)
{
    if (x->result.verdict == KR_HOLDS)
        return NULL;
    return x->waived ? x->waived : x->check->advice ? "advice" : NULL;
}

/* A double-quoted YAML scalar; the evidence is printable already. */
static void yaml(const char *s, FILE *out)
{
    fputc('"', out);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', out);
        fputc(*s, out);
    }
    fputc('"', out);
}

static void tap_rows(const struct kr_verified *x, FILE *out)
{
    fprintf(out, "  ---\n  verdict: %s\n  remedy: ", kr_verdict_name(x->result.verdict));
    yaml(x->check->remedy, out);
    fputs("\n  evidence:\n", out);
    for (size_t i = 0; i < x->result.n; i++) {
        char text[sizeof x->result.v->object + sizeof x->result.v->detail + 4];
        snprintf(text, sizeof text, "%s: %s", x->result.v[i].object, x->result.v[i].detail);
        fputs("    - ", out);
        yaml(text, out);
        fputs("\n", out);
    }
    fputs("  ...\n", out);
}

void kr_tap_verify(const struct kr_verify *v, bool all, FILE *out)
{
    (void)all; /* a plan has a line for each */
    fprintf(out, "TAP version 13\n1..%zu\n", v->n);
    for (size_t i = 0; i < v->n; i++) {
        const struct kr_verified *x = &v->v[i];
        fprintf(out, "%s %zu - %s: %s", good(x) ? "ok" : "not ok", i + 1, x->check->id,
                x->check->title);
        if (aside(x))
            fprintf(out, " # SKIP %s", aside(x));
        fputs("\n", out);
        if (x->result.verdict != KR_HOLDS)
            tap_rows(x, out);
    }
}

static void xml(const char *s, FILE *out)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};
    for (; *s; s++) {
        const char *say = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (*s == entities[i].c)
                say = entities[i].entity;
        if (say)
            fputs(say, out);
        else
            fputc(*s, out);
    }
}

static void xml_attr(const char *name, const char *value, FILE *out)
{
    fprintf(out, " %s=\"", name);
    xml(value, out);
    fputs("\"", out);
}

static void junit_bad(const struct kr_verified *x, FILE *out)
{
    bool broken = x->result.verdict == KR_BROKEN;
    fprintf(out, "      <%s", broken ? "failure" : "error");
    xml_attr("type", kr_verdict_name(x->result.verdict), out);
    xml_attr("message", x->check->title, out);
    fputs(">", out);
    for (size_t i = 0; i < x->result.n; i++) {
        xml(x->result.v[i].object, out);
        fputs(": ", out);
        xml(x->result.v[i].detail, out);
        fputs("\n", out);
    }
    fputs("do: ", out);
    xml(x->check->remedy, out);
    fprintf(out, "</%s>\n", broken ? "failure" : "error");
}

static void junit_one(const struct kr_verified *x, FILE *out)
{
    fputs("    <testcase classname=\"kumo-redirect.verify\"", out);
    xml_attr("name", x->check->id, out);
    fprintf(out, " time=\"%u.%06u\">\n", x->us / 1000000, x->us % 1000000);
    if (!good(x)) {
        junit_bad(x, out);
    } else if (aside(x)) {
        fputs("      <skipped", out);
        xml_attr("message", aside(x), out);
        fputs("/>\n", out);
    }
    fputs("    </testcase>\n", out);
}

void kr_junit_verify(const struct kr_verify *v, bool all, FILE *out)
{
    size_t broken = 0, unknown = 0, skipped = 0;
    (void)all;
    for (size_t i = 0; i < v->n; i++) {
        broken += !good(&v->v[i]) && v->v[i].result.verdict == KR_BROKEN;
        unknown += !good(&v->v[i]) && v->v[i].result.verdict == KR_IN_DOUBT;
        skipped += good(&v->v[i]) && aside(&v->v[i]);
    }
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
            "  <testsuite name=\"kumo-redirect verify\" tests=\"%zu\" failures=\"%zu\" "
            "errors=\"%zu\" skipped=\"%zu\" timestamp=\"%.19s\" time=\"%u.%06u\">\n",
            v->n, broken, unknown, skipped, v->when, v->us / 1000000, v->us % 1000000);
    for (size_t i = 0; i < v->n; i++)
        junit_one(&v->v[i], out);
    fputs("  </testsuite>\n</testsuites>\n", out);
}

/* %, CR and LF are escaped as GitHub's runner reads them; in a property `:` and `,` too. */
static void github_text(const char *s, bool property, FILE *out)
{
    for (; *s; s++)
        if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
            fprintf(out, "%%%02X", (unsigned char)*s);
        else
            fputc(*s, out);
}

static void github_one(const struct kr_verified *x, FILE *out)
{
    fprintf(out, "::%s title=", good(x) ? "notice" : "error");
    github_text("kumo-redirect ", true, out);
    github_text(x->check->id, true, out);
    fputs("::", out);
    github_text(x->check->title, false, out);
    fprintf(out, ": %s", kr_verdict_name(x->result.verdict));
    for (size_t i = 0; i < x->result.n; i++) {
        if (x->result.v[i].verdict == KR_HOLDS)
            continue;
        fputs("%0A", out);
        github_text(x->result.v[i].object, false, out);
        fputs(": ", out);
        github_text(x->result.v[i].detail, false, out);
    }
    fputs("%0A", out);
    github_text(x->waived ? x->waived : x->check->remedy, false, out);
    fputs("\n", out);
}

void kr_github_verify(const struct kr_verify *v, bool all, FILE *out)
{
    size_t bad = 0;
    (void)all;
    for (size_t i = 0; i < v->n; i++) {
        if (v->v[i].result.verdict != KR_HOLDS)
            github_one(&v->v[i], out);
        bad += !good(&v->v[i]);
    }
    fprintf(out, "%zu of %zu checks hold\n", v->n - bad, v->n);
}

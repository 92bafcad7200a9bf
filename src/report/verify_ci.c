/* For CI systems: TAP, JUnit's XML, GitHub's workflow commands. */
#include "escape.h"

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

static void tap_rows(const struct kr_verified *x, FILE *out)
{
    fprintf(out, "  ---\n  verdict: %s\n  remedy: ", kr_verdict_name(x->result.verdict));
    report_yaml(x->check->remedy, out);
    fputs("\n  evidence:\n", out);
    for (size_t i = 0; i < x->result.n; i++) {
        char text[sizeof x->result.v->object + sizeof x->result.v->detail + 4];
        snprintf(text, sizeof text, "%s: %s", x->result.v[i].object, x->result.v[i].detail);
        fputs("    - ", out);
        report_yaml(text, out);
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

static void junit_bad(const struct kr_verified *x, FILE *out)
{
    bool broken = x->result.verdict == KR_BROKEN;
    fprintf(out, "      <%s", broken ? "failure" : "error");
    report_xml_attr("type", kr_verdict_name(x->result.verdict), out);
    report_xml_attr("message", x->check->title, out);
    fputs(">", out);
    for (size_t i = 0; i < x->result.n; i++) {
        report_xml(x->result.v[i].object, out);
        fputs(": ", out);
        report_xml(x->result.v[i].detail, out);
        fputs("\n", out);
    }
    fputs("do: ", out);
    report_xml(x->check->remedy, out);
    fprintf(out, "</%s>\n", broken ? "failure" : "error");
}

static void junit_one(const struct kr_verified *x, FILE *out)
{
    fputs("    <testcase classname=\"kumo-redirect.verify\"", out);
    report_xml_attr("name", x->check->id, out);
    fprintf(out, " time=\"%u.%06u\">\n", x->us / 1000000, x->us % 1000000);
    if (!good(x)) {
        junit_bad(x, out);
    } else if (aside(x)) {
        fputs("      <skipped", out);
        report_xml_attr("message", aside(x), out);
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

static void github_one(const struct kr_verified *x, FILE *out)
{
    fprintf(out, "::%s title=", good(x) ? "notice" : "error");
    report_github("kumo-redirect ", true, out);
    report_github(x->check->id, true, out);
    fputs("::", out);
    report_github(x->check->title, false, out);
    fprintf(out, ": %s", kr_verdict_name(x->result.verdict));
    for (size_t i = 0; i < x->result.n; i++) {
        if (x->result.v[i].verdict == KR_HOLDS)
            continue;
        fputs("%0A", out);
        report_github(x->result.v[i].object, false, out);
        fputs(": ", out);
        report_github(x->result.v[i].detail, false, out);
    }
    fputs("%0A", out);
    report_github(x->waived ? x->waived : x->check->remedy, false, out);
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

/* The account of a run for CI systems: TAP, JUnit's XML, GitHub's workflow commands. */
#include "account_words.h"
#include "escape.h"

#include <kr/report_run.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One thing that is good or not: a row of the balance, or the audit. */
struct item {
    const char *id, *title, *is;
    bool good, unknown;
    char text[600];
};

static struct item of_row(const struct kr_balance_row *row)
{
    struct item x = {.id = row->id,
                     .title = row->title,
                     .is = kr_balanced_name(row->is),
                     .good = row->is <= KR_BAL_EXPLAINED,
                     .unknown = row->is == KR_BAL_UNKNOWN};
    snprintf(x.text, sizeof x.text, "%s", row->text);
    return x;
}

static struct item of_audit(const struct kr_audit *a)
{
    struct item x = {.id = "audit",
                     .title = "every delivery in the MTA's logs ended at the sink",
                     .is = a->findings   ? "leaked"
                           : a->unknowns ? "unknown"
                                         : "holds",
                     .good = !a->findings && !a->unknowns,
                     .unknown = !a->findings && a->unknowns};
    snprintf(x.text, sizeof x.text,
             "%" PRIu64 " deliveries in %" PRIu64 " logs: %" PRIu64 " at the sink, %" PRIu64
             " elsewhere, %" PRIu64 " not known",
             a->deliveries, a->files, a->at_sink, a->findings, a->unknowns);
    return x;
}

struct items {
    struct item v[KR_BALANCE_ROWS + 1];
    size_t n, bad, unknown;
};

static void collect(const struct kr_run *r, const struct kr_audit *audit, struct items *out)
{
    struct kr_balance b;
    kr_run_balance(r, &b);
    out->n = out->bad = out->unknown = 0;
    for (size_t i = 0; i < b.n; i++)
        out->v[out->n++] = of_row(&b.v[i]);
    if (audit)
        out->v[out->n++] = of_audit(audit);
    for (size_t i = 0; i < out->n; i++) {
        out->bad += !out->v[i].good && !out->v[i].unknown;
        out->unknown += out->v[i].unknown;
    }
}

static void audit_rows(const struct kr_audit *a, void (*say)(const char *, FILE *),
                       const char *before, const char *after, FILE *out)
{
    for (size_t i = 0; a && i < a->n; i++) {
        char text[800];
        snprintf(text, sizeof text, "%s: %s", a->v[i].where, a->v[i].what);
        fputs(before, out);
        say(text, out);
        fputs(after, out);
    }
}

void kr_tap_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    struct items all;
    collect(r, audit, &all);
    fprintf(out, "TAP version 13\n1..%zu\n", all.n);
    for (size_t i = 0; i < all.n; i++) {
        const struct item *x = &all.v[i];
        fprintf(out, "%s %zu - %s: %s\n  ---\n  is: %s\n  text: ", x->good ? "ok" : "not ok", i + 1,
                x->id, x->title, x->is);
        report_yaml(x->text, out);
        if (audit && audit->n && strcmp(x->id, "audit") == 0) {
            fputs("\n  rows:", out);
            audit_rows(audit, report_yaml, "\n    - ", "", out);
        }
        fputs("\n  ...\n", out);
    }
}

static void junit_one(const struct item *x, const struct kr_audit *audit, FILE *out)
{
    const char *kind = x->unknown ? "error" : "failure";
    fputs("    <testcase classname=\"kumo-redirect.run\"", out);
    report_xml_attr("name", x->id, out);
    fputs(">\n", out);
    if (!x->good) {
        fprintf(out, "      <%s", kind);
        report_xml_attr("type", x->is, out);
        report_xml_attr("message", x->title, out);
        fputs(">", out);
    } else {
        fputs("      <system-out>", out);
    }
    report_xml(x->text, out);
    if (strcmp(x->id, "audit") == 0)
        audit_rows(audit, report_xml, "\n", "", out);
    fprintf(out, "</%s>\n    </testcase>\n", x->good ? "system-out" : kind);
}

void kr_junit_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    struct items all;
    collect(r, audit, &all);
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
            "  <testsuite name=\"kumo-redirect run\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
            "skipped=\"0\" time=\"%.3f\"",
            all.n, all.bad, all.unknown, r->seconds);
    report_xml_attr("timestamp", r->began, out);
    fputs(">\n", out);
    for (size_t i = 0; i < all.n; i++)
        junit_one(&all.v[i], audit, out);
    fputs("  </testsuite>\n</testsuites>\n", out);
}

static void github_text(const char *s, FILE *out)
{
    report_github(s, false, out);
}

static void summary_file(const struct kr_run *r, const struct kr_audit *audit)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    FILE *f = path && *path ? fopen(path, "ae") : NULL;
    if (!f)
        return;
    kr_markdown_run(r, audit, f);
    fclose(f);
}

void kr_github_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    struct items all;
    char rate[256];
    collect(r, audit, &all);
    for (size_t i = 0; i < all.n; i++) {
        const struct item *x = &all.v[i];
        if (strcmp(x->is, "holds") == 0)
            continue;
        fprintf(out, "::%s title=", x->good ? "notice" : x->unknown ? "warning" : "error");
        report_github("kumo-redirect ", true, out);
        report_github(x->id, true, out);
        fputs("::", out);
        report_github(x->title, false, out);
        fprintf(out, ": %s%%0A", x->is);
        report_github(x->text, false, out);
        if (strcmp(x->id, "audit") == 0)
            audit_rows(audit, github_text, "%0A", "", out);
        fputs("\n", out);
    }
    report_line(account_rate(r, rate, sizeof rate), out);
    fprintf(out, "\n%zu of %zu hold\n", all.n - all.bad - all.unknown, all.n);
    summary_file(r, audit);
}

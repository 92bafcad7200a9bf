/* The account of a run in GitHub's Markdown: the summary of a job. */
#include "account_words.h"
#include "escape.h"

#include <kr/report_run.h>

#include <inttypes.h>

static const char *const marks[KR_BALANCED_N] = {
    [KR_BAL_HOLDS] = "✅",   [KR_BAL_NOTED] = "ℹ️", [KR_BAL_EXPLAINED] = "🟡",
    [KR_BAL_UNKNOWN] = "❔", [KR_BAL_BROKEN] = "❌",
};

static void cell(const char *s, FILE *out)
{
    fputs("| ", out);
    report_markdown(s, out);
    fputs(" ", out);
}

static void balance(const struct kr_balance *b, FILE *out)
{
    fputs("| | | |\n|---|---|---|\n", out);
    for (size_t i = 0; i < b->n; i++) {
        fprintf(out, "| %s %s ", marks[b->v[i].is], kr_balanced_name(b->v[i].is));
        cell(b->v[i].title, out);
        cell(b->v[i].text, out);
        fputs("|\n", out);
    }
    fputs("\n", out);
}

static void providers(const struct kr_run *r, FILE *out)
{
    static const char *const kinds[] = {"messages", "messages_refused", "messages_deferred"};
    if (!r->n_providers)
        return;
    fputs("| provider | accepted | refused | deferred |\n|---|--:|--:|--:|\n", out);
    for (size_t i = 0; i < r->n_providers; i++) {
        cell(r->providers[i].name, out);
        for (size_t k = 0; k < 3; k++) {
            char n[32];
            cell(account_count(kr_numbers_get(&r->providers[i].n, kinds[k]), n), out);
        }
        fputs("|\n", out);
    }
    fputs("\n", out);
}

static void audited(const struct kr_audit *a, FILE *out)
{
    if (!a)
        return;
    fprintf(out,
            "**Audit**: %" PRIu64 " deliveries in %" PRIu64 " logs, %" PRIu64
            " at the sink, %" PRIu64 " elsewhere, %" PRIu64 " not known\n\n",
            a->deliveries, a->files, a->at_sink, a->findings, a->unknowns);
    for (size_t i = 0; i < a->n; i++) {
        fputs("- ", out);
        report_markdown(a->v[i].where, out);
        fputs(": ", out);
        report_markdown(a->v[i].what, out);
        fputs("\n", out);
    }
    fputs(a->n ? "\n" : "", out);
}

void kr_markdown_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    struct kr_balance b;
    char text[256];
    kr_run_balance(r, &b);
    fputs("## kumo-redirect: ", out);
    report_markdown(account_headline(r, &b), out);
    fputs("\n\n**", out);
    report_markdown(account_rate(r, text, sizeof text), out);
    fputs("** \n", out);
    report_markdown(account_machine(r, text, sizeof text), out);
    fputs("  \nnames: ", out);
    report_markdown(account_names(r, text, sizeof text), out);
    fputs("\n\n", out);
    balance(&b, out);
    providers(r, out);
    audited(audit, out);
}

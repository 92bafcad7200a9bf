/* The account of a run as one page that needs nothing else: no scripts, no fonts, no images. */
#include "account_plot.h"
#include "account_style.h"
#include "account_words.h"
#include "escape.h"

#include <kr/report_run.h>

#include <inttypes.h>
#include <string.h>

#define TIMES 60 /* rows of the table beside a plot over time */

static const char *const signs[KR_BALANCED_N] = {
    [KR_BAL_HOLDS] = "✓",   [KR_BAL_NOTED] = "i",  [KR_BAL_EXPLAINED] = "≈",
    [KR_BAL_UNKNOWN] = "?", [KR_BAL_BROKEN] = "✗",
};

static void element(const char *tag, const char *class, const char *text, FILE *out)
{
    fprintf(out, "<%s", tag);
    if (class)
        fprintf(out, " class=\"%s\"", class);
    fputs(">", out);
    report_xml(text, out);
    fprintf(out, "</%s>", tag);
}

static void term(const char *name, const char *text, FILE *out)
{
    element("dt", NULL, name, out);
    element("dd", NULL, text, out);
    fputs("\n", out);
}

static void open_section(const char *id, const char *title, FILE *out)
{
    fprintf(out, "<section aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s</h2>\n", id, id, title);
}

/* ---- head ---------------------------------------------------------------------------------------
 */

static void tile(const char *value, const char *name, FILE *out)
{
    fputs("<div class=\"tile\">", out);
    element("b", NULL, value, out);
    element("span", NULL, name, out);
    fputs("</div>\n", out);
}

static void tile_count(const struct kr_run *r, enum kr_run_group g, const char *number,
                       const char *name, FILE *out)
{
    char text[32];
    bool said = r->facts[g].known || kr_numbers_find(&r->facts[g].n, number);
    tile(said ? account_count(kr_numbers_get(&r->facts[g].n, number), text) : "not known", name,
         out);
}

static void tiles(const struct kr_run *r, FILE *out)
{
    char text[64], n[32];
    double rate = account_per_second(r);
    fputs("<div class=\"tiles\">\n", out);
    snprintf(text, sizeof text, "%s",
             rate < 0 ? "not known" : account_count((uint64_t)(rate + 0.5), n));
    tile(text, "messages/s", out);
    snprintf(text, sizeof text, rate < 0 ? "not known" : "%.2f", rate * 3600 / 1e6);
    tile(text, "million/hour", out);
    tile_count(r, KR_RUN_generator, "sent", "sent by the generator", out);
    tile_count(r, KR_RUN_sink, "messages", "accepted by the sink", out);
    tile_count(r, KR_RUN_sink, "messages_refused", "refused", out);
    tile_count(r, KR_RUN_sink, "messages_deferred", "deferred, each time", out);
    fputs("</div>\n", out);
}

static void head(const struct kr_run *r, const struct kr_balance *b, FILE *out)
{
    char text[256];
    fputs("<header><p class=\"over\">kumo-redirect, the account of a run</p>\n", out);
    fprintf(out, "<h1><span class=\"%s\" aria-hidden=\"true\">%s</span> ",
            kr_balanced_name(b->worst), signs[b->worst]);
    report_xml(account_headline(r, b), out);
    fputs("</h1>\n", out);
    snprintf(text, sizeof text, "%s, %.1f s, on %.60s", r->began, r->seconds, r->host.name);
    element("p", "soft", text, out);
    fputs("</header>\n", out);
}

static void words(const char *name, const struct kr_texts *l, const char *between, bool code,
                  FILE *out)
{
    if (!l->n)
        return;
    element("dt", NULL, name, out);
    fputs(code ? "<dd><code>" : "<dd>", out);
    for (size_t i = 0; i < l->n; i++) {
        char text[512];
        fputs(i ? between : "", out);
        report_xml(code ? account_word(l->v[i], text, sizeof text) : l->v[i], out);
    }
    fputs(code ? "</code></dd>\n" : "</dd>\n", out);
}

static void what(const struct kr_run *r, FILE *out)
{
    char text[256];
    open_section("run", "What was run", out);
    fputs("<dl>\n", out);
    words("command", &r->command, " ", true, out);
    if (r->status >= 0) {
        snprintf(text, sizeof text, "%d", r->status);
        term("its exit status", text, out);
    }
    term("names", account_names(r, text, sizeof text), out);
    words("domains", &r->domains, ", ", false, out);
    words("MTA", &r->mtas, ", ", false, out);
    term("machine", account_machine(r, text, sizeof text), out);
    term("rate", account_rate(r, text, sizeof text), out);
    if (*r->reason)
        term("reason", r->reason, out);
    fputs("</dl></section>\n", out);
}

static void balance(const struct kr_balance *b, FILE *out)
{
    open_section("balance", "The balance", out);
    fputs("<table class=\"balance\"><thead><tr><th scope=\"col\">is</th><th "
          "scope=\"col\">what</th><th scope=\"col\">figures</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < b->n; i++) {
        const char *is = kr_balanced_name(b->v[i].is);
        fprintf(out, "<tr><td class=\"is %s\">%s %s</td><th scope=\"row\">", is, signs[b->v[i].is],
                is);
        report_xml(b->v[i].title, out);
        fputs("</th>", out);
        element("td", "text", b->v[i].text, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></section>\n", out);
}

/* ---- over time ----------------------------------------------------------------------------------
 */

static void time_cell(double v, FILE *out)
{
    fputs("<td class=\"n\">", out);
    if (v < 0)
        fputs("?", out);
    else
        fprintf(out, "%.*f", v < 10 ? 1 : 0, v);
    fputs("</td>", out);
}

static void time_table(const struct kr_run_samples *s, const struct series *x, size_t n, FILE *out)
{
    size_t step = s->n / TIMES + 1;
    fputs("<details><summary>the same as a table</summary><div class=\"scroll\"><table><thead><tr>"
          "<th class=\"n\" scope=\"col\">until, s</th>",
          out);
    for (size_t k = 0; k < n; k++)
        element("th", "n", x[k].name, out);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = step - 1; i < s->n; i += step) {
        fprintf(out, "<tr><th class=\"n\" scope=\"row\">%.1f</th>",
                (double)s->v[i][KR_RUN_AT_us] / 1e6);
        for (size_t k = 0; k < n; k++)
            time_cell(account_value(s, i, step, &x[k]), out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

static void over_time(const struct kr_run *r, const char *id, const char *title, const char *unit,
                      const struct series *x, size_t n, FILE *out)
{
    open_section(id, title, out);
    if (account_plot_time(r, id, title, unit, x, n, out))
        time_table(&r->samples, x, n, out);
    else
        element("p", "soft", "Too few samples were known to draw it.", out);
    fputs("</section>\n", out);
}

static const struct series rates[] = {
    {"sent by the generator", "sent", KR_RUN_AT_sent, true, 1, KR_RUN_AT_us},
    {"accepted by the sink", "accepted", KR_RUN_AT_accepted, false, 1, KR_RUN_AT_us},
    {"refused", "refused", KR_RUN_AT_refused, false, 1, KR_RUN_AT_us},
    {"deferred", "deferred", KR_RUN_AT_deferred, false, 1, KR_RUN_AT_us},
};
static const struct series loads[] = {
    {"processor time of the sink, % of a core", "accepted", KR_RUN_AT_sink_cpu, false, 1e-4,
     KR_RUN_AT_us},
};
static const struct series times[] = {
    {"a transaction at the sink, mean of the interval", "accepted", KR_RUN_AT_transactions_us,
     false, 1e-3, KR_RUN_AT_transactions},
};
static const struct series guards[] = {
    {"blocked by guards", "blocked", KR_RUN_AT_blocked, false, 1, KR_RUN_AT_us},
    {"exempt LAN", "exempt", KR_RUN_AT_exempt, false, 1, KR_RUN_AT_us},
};
#define OVER_TIME(r, id, title, unit, x, out) \
    over_time(r, id, title, unit, x, sizeof(x) / sizeof *(x), out)

/* ---- tables -------------------------------------------------------------------------------------
 */

static void count_cell(uint64_t n, FILE *out)
{
    char text[32];
    element("td", "n", account_count(n, text), out);
}

static void codes(const struct kr_numbers *n, FILE *out)
{
    const char *between = "";
    fputs("<td class=\"codes\">", out);
    for (size_t i = 0; i < n->n; i++) {
        char text[32];
        if (!account_is_code(n->v[i].name) || !n->v[i].n)
            continue;
        fprintf(out, "%s%s: %s", between, n->v[i].name, account_count(n->v[i].n, text));
        between = ", ";
    }
    fputs("</td>", out);
}

static void providers(const struct kr_run *r, FILE *out)
{
    open_section("providers", "Answers by provider", out);
    if (!account_plot_providers(r, out)) {
        element("p", "soft", "The sink tells of none.", out);
        fputs("</section>\n", out);
        return;
    }
    fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">provider</th><th class=\"n\" "
          "scope=\"col\">accepted</th><th class=\"n\" scope=\"col\">refused</th><th class=\"n\" "
          "scope=\"col\">deferred</th><th scope=\"col\">codes</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < r->n_providers; i++) {
        const struct kr_numbers *n = &r->providers[i].n;
        fputs("<tr><th scope=\"row\">", out);
        report_xml(r->providers[i].name, out);
        fputs("</th>", out);
        count_cell(kr_numbers_get(n, "messages"), out);
        count_cell(kr_numbers_get(n, "messages_refused"), out);
        count_cell(kr_numbers_get(n, "messages_deferred"), out);
        codes(n, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></section>\n", out);
}

static void time_of(uint64_t us, FILE *out)
{
    char text[24];
    element("td", "n", account_time(us, text), out);
}

static void latency_row(const struct kr_run_latency *l, FILE *out)
{
    fputs("<tr><th scope=\"row\">", out);
    report_xml(l->who, out);
    fputs(", ", out);
    report_xml(l->kind, out);
    fputs("</th>", out);
    count_cell(l->count, out);
    time_of(l->p50, out);
    time_of(l->p90, out);
    time_of(l->p99, out);
    time_of(l->p999, out);
    time_of(l->max, out);
    fputs("</tr>\n", out);
}

static void latencies(const struct kr_run *r, FILE *out)
{
    static const char *const heads[] = {"times", "p50", "p90", "p99", "p99.9", "max"};
    open_section("latency", "Latency", out);
    if (!account_plot_latency(r, out)) {
        element("p", "soft", "Nothing was measured.", out);
        fputs("</section>\n", out);
        return;
    }
    fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">of</th>", out);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        fprintf(out, "<th class=\"n\" scope=\"col\">%s</th>", heads[i]);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < r->n_latencies; i++)
        if (r->latencies[i].count)
            latency_row(&r->latencies[i], out);
    fputs("</tbody></table></div>\n", out);
    if (*r->facts[KR_RUN_sink].why)
        element("p", "soft", r->facts[KR_RUN_sink].why, out);
    fputs("</section>\n", out);
}

static bool stopped_any(const struct kr_run *r)
{
    const struct kr_numbers *n = &r->facts[KR_RUN_guards].n;
    for (size_t i = 0; i < n->n; i++)
        if (n->v[i].n && strncmp(n->v[i].name, "redirected", 10) != 0)
            return true;
    return !r->facts[KR_RUN_guards].known;
}

static void counters(const struct kr_run *r, FILE *out)
{
    const struct kr_run_facts *f = &r->facts[KR_RUN_guards];
    open_section("guards", "Guards", out);
    if (!stopped_any(r))
        element("p", NULL, "No packet was stopped, and none went to the exempt LAN.", out);
    else if (account_plot_time(r, "guards", "Packets at the guards", "packets/s", guards, 2, out))
        time_table(&r->samples, guards, 2, out);
    if (!f->known) {
        element("p", "soft", f->why, out);
        fputs("</section>\n", out);
        return;
    }
    fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">counter</th><th class=\"n\" "
          "scope=\"col\">packets</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < f->n.n; i++) {
        fputs("<tr><th scope=\"row\"><code>", out);
        report_xml(f->n.v[i].name, out);
        fputs("</code></th>", out);
        count_cell(f->n.v[i].n, out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n<p class=\"soft\">redirected_v4 and _v6 count connections.</p>"
          "</section>\n",
          out);
}

static void events(const struct kr_run *r, FILE *out)
{
    if (!r->n_events)
        return;
    open_section("events", "Events of the watch", out);
    fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">time</th><th "
          "scope=\"col\">what</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < r->n_events; i++) {
        const struct kr_run_event *x = &r->events[i];
        fputs("<tr><td class=\"n\">", out);
        report_xml(x->time, out);
        fprintf(out, "</td><td class=\"text%s\">%s", x->breach ? " broken" : "",
                x->breach ? "BREACH " : "");
        report_xml(x->id, out);
        fputs(": ", out);
        report_xml(x->what, out);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (r->events_in_all > r->n_events)
        fprintf(out, "<p class=\"soft\">and %" PRIu64 " more</p>\n",
                r->events_in_all - r->n_events);
    fputs("</section>\n", out);
}

static void audited(const struct kr_audit *a, FILE *out)
{
    char text[256];
    if (!a)
        return;
    open_section("audit", "The MTA's logs", out);
    snprintf(text, sizeof text,
             "%" PRIu64 " deliveries in %" PRIu64 " logs: %" PRIu64 " at the sink, %" PRIu64
             " in mailboxes of this host, %" PRIu64 " elsewhere, %" PRIu64 " not known",
             a->deliveries, a->files, a->at_sink, a->kept, a->findings, a->unknowns);
    element("p", a->findings ? "broken" : a->unknowns ? "unknown" : "holds", text, out);
    fputs("<ul>\n", out);
    for (size_t i = 0; i < a->n; i++) {
        fprintf(out, "<li><b class=\"%s\">%s</b> <code>", a->v[i].unknown ? "unknown" : "broken",
                a->v[i].unknown ? "? not known" : "✗ elsewhere");
        report_xml(a->v[i].where, out);
        fputs("</code> ", out);
        report_xml(a->v[i].what, out);
        fputs("</li>\n", out);
    }
    fputs("</ul></section>\n", out);
}

void kr_html_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    struct kr_balance b;
    kr_run_balance(r, &b);
    fputs(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><meta http-equiv=\"Content-Security-"
        "Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>",
        out);
    report_xml(account_headline(r, &b), out);
    fputs("</title><style>" ACCOUNT_STYLE "</style></head><body><main>\n", out);
    head(r, &b, out);
    tiles(r, out);
    balance(&b, out);
    audited(audit, out);
    OVER_TIME(r, "rate", "Rate over time", "messages/s", rates, out);
    providers(r, out);
    OVER_TIME(r, "times", "Latency over time", "ms", times, out);
    latencies(r, out);
    counters(r, out);
    OVER_TIME(r, "load", "Headroom of the sink", "% of a core", loads, out);
    events(r, out);
    what(r, out);
    fprintf(out, "<footer class=\"soft\"><p>kumo-redirect ");
    report_xml(r->version, out);
    fputs("</p></footer></main></body></html>\n", out);
}

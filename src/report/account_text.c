/* The account of a run for people at a terminal. */
#include "account_words.h"
#include "escape.h"

#include <kr/log.h>
#include <kr/report_run.h>
#include <kr/run_balance.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char *const colors[KR_BALANCED_N] = {
    [KR_BAL_HOLDS] = "\033[32m",   [KR_BAL_NOTED] = "\033[33m",    [KR_BAL_EXPLAINED] = "\033[33m",
    [KR_BAL_UNKNOWN] = "\033[35m", [KR_BAL_BROKEN] = "\033[1;31m",
};

static const char *paint(FILE *out, const char *code)
{
    return kr_log_color(fileno(out)) ? code : "";
}

static void row(FILE *out, const char *name)
{
    fprintf(out, "  %-12s", name);
}

static void say_words(const char *title, const struct kr_texts *l, const char *between, FILE *out)
{
    if (!l->n)
        return;
    row(out, title);
    for (size_t i = 0; i < l->n; i++) {
        fputs(i ? between : "", out);
        char text[512];
        report_line(*between == ' ' ? account_word(l->v[i], text, sizeof text) : l->v[i], out);
    }
    fputs("\n", out);
}

static void say_line(const char *title, const char *text, FILE *out)
{
    row(out, title);
    report_line(text, out);
    fputs("\n", out);
}

static void say_head(const struct kr_run *r, FILE *out)
{
    char text[256];
    say_words("command", &r->command, " ", out);
    say_line("names", account_names(r, text, sizeof text), out);
    snprintf(text, sizeof text, "%s, %.1f s", r->began, r->seconds);
    say_line("when", text, out);
    say_line("host", account_machine(r, text, sizeof text), out);
    say_words("MTA", &r->mtas, ", ", out);
    say_line("rate", account_rate(r, text, sizeof text), out);
}

static void say_provider(const struct kr_run_provider *p, FILE *out)
{
    fprintf(out, "    %-20s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  ", p->name,
            kr_numbers_get(&p->n, "messages"), kr_numbers_get(&p->n, "messages_refused"),
            kr_numbers_get(&p->n, "messages_deferred"));
    for (size_t i = 0; i < p->n.n; i++)
        if (account_is_code(p->n.v[i].name) && p->n.v[i].n)
            fprintf(out, " %s: %" PRIu64, p->n.v[i].name, p->n.v[i].n);
    fputs("\n", out);
}

static void say_providers(const struct kr_run *r, FILE *out)
{
    if (!r->n_providers)
        return;
    fprintf(out, "  %-22s %10s %10s %10s   replies\n", "answers", "accepted", "refused",
            "deferred");
    for (size_t i = 0; i < r->n_providers; i++)
        say_provider(&r->providers[i], out);
}

static void say_latencies(const struct kr_run *r, FILE *out)
{
    char p50[24], p99[24], max[24];
    for (size_t i = 0; i < r->n_latencies; i++) {
        const struct kr_run_latency *l = &r->latencies[i];
        if (!l->count)
            continue;
        row(out, i ? "" : "latency");
        fprintf(out, "%s, %s: p50 %s, p99 %s, max %s\n", l->who, l->kind, account_time(l->p50, p50),
                account_time(l->p99, p99), account_time(l->max, max));
    }
}

static void say_events(const struct kr_run *r, FILE *out)
{
    for (size_t i = 0; i < r->n_events; i++) {
        const struct kr_run_event *x = &r->events[i];
        if (!x->breach)
            continue;
        char text[1024];
        snprintf(text, sizeof text, "%s %s: %s", x->time, x->id, x->what);
        say_line("breach", text, out);
    }
}

static void say_row(const struct kr_balance_row *x, FILE *out)
{
    fprintf(out, "  %s%-10s%s  %s: ", paint(out, colors[x->is]), kr_balanced_name(x->is),
            paint(out, "\033[0m"), x->title);
    report_line(x->text, out);
    fputs("\n", out);
}

void kr_text_run(const struct kr_run *r, const struct kr_audit *audit, FILE *out)
{
    struct kr_balance b;
    kr_run_balance(r, &b);
    fprintf(out, "%s%s%s\n", paint(out, colors[b.worst]), account_headline(r, &b),
            paint(out, "\033[0m"));
    say_head(r, out);
    for (size_t i = 0; i < b.n; i++)
        say_row(&b.v[i], out);
    say_providers(r, out);
    say_latencies(r, out);
    say_events(r, out);
    account_text_audit(audit, out);
}

#include <kr/account.h>
#include <kr/audit.h>
#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/file.h>
#include <kr/mem.h>
#include <kr/report_run.h>
#include <kr/run_balance.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(struct kr_report_options, field)
static const struct kr_opt rows[] = {
    {.name = "html",
     .kind = KR_OPT_STRING,
     .offset = AT(html),
     .arg = "FILE|-",
     .help = "write one HTML page too, that needs nothing else; - is standard output",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "audit",
     .kind = KR_OPT_LIST,
     .offset = AT(audit),
     .arg = "LOG|auto",
     .help = "read this log (KumoMTA, Postfix, Exim), or a folder of them, for deliveries that did "
             "not end at the sink; auto: where MTAs of this host write; repeatable",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "audit-after",
     .kind = KR_OPT_UINT,
     .offset = AT(audit_after),
     .max = 31536000,
     .arg = "SECONDS",
     .help = "look also at what was delivered so long after the run (0)"},
    {.name = "signature",
     .kind = KR_OPT_STRING,
     .offset = AT(signature),
     .arg = "TEXT",
     .help = "what the sink's answer to a message holds, when it was not ours"},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

/* Where they write unless told otherwise; Debian's and Red Hat's places. */
static const char *const places[] = {
    "/var/log/kumomta",       "/var/log/mail.log",      "/var/log/maillog",
    "/var/log/exim4/mainlog", "/var/log/exim/main.log",
};

static void audit_auto(const struct kr_audit_want *want, struct kr_audit *a)
{
    size_t found = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], F_OK) == 0) {
            kr_audit_log(a, want, places[i]);
            found++;
        }
    if (!found)
        kr_audit_doubt(a, "auto",
                       "no log is where MTAs write by default; with only a journal, save it first: "
                       "journalctl -o short-iso -t postfix/smtp >FILE");
}

/* Fewer deliveries than the sink accepted: the logs are not all there are. */
static void compare(const struct kr_run *r, struct kr_audit *a)
{
    uint64_t accepted = kr_numbers_get(&r->facts[KR_RUN_sink].n, "recipients");
    char text[200];
    if (!r->facts[KR_RUN_sink].known || a->at_sink >= accepted)
        return;
    snprintf(text, sizeof text,
             "they tell of %ju deliveries to the sink, which accepted %ju: they are not whole",
             (uintmax_t)a->at_sink, (uintmax_t)accepted);
    kr_audit_doubt(a, "the logs", text);
}

static int audit(const struct kr_report_options *o, const struct kr_run *r, struct kr_audit *a,
                 struct kr_err *e)
{
    struct kr_audit_want want = {.signature = o->signature ? o->signature : r->signature};
    if (kr_run_span(r, &want.from, &want.to, e))
        return -1;
    want.to += (int64_t)o->audit_after * 1000000;
    for (size_t i = 0; i < o->audit.n; i++)
        if (strcmp(o->audit.v[i], "auto") == 0)
            audit_auto(&want, a);
        else
            kr_audit_log(a, &want, o->audit.v[i]);
    compare(r, a);
    return 0;
}

static void (*const sayers[])(const struct kr_run *, const struct kr_audit *, FILE *) = {
    [KR_FORMAT_TEXT] = kr_text_run,     [KR_FORMAT_JSON] = kr_json_run,
    [KR_FORMAT_TAP] = kr_tap_run,       [KR_FORMAT_JUNIT] = kr_junit_run,
    [KR_FORMAT_GITHUB] = kr_github_run,
};

static int page(const char *path, const struct kr_run *r, const struct kr_audit *a,
                struct kr_err *e)
{
    KR_AUTO_FREE char *text = NULL;
    size_t n = 0;
    if (strcmp(path, "-") == 0) {
        kr_html_run(r, a, stdout);
        return 0;
    }
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return kr_fail(e, KR_INTERNAL, 0, "no memory for the page");
    kr_html_run(r, a, f);
    if (fclose(f))
        return kr_fail(e, KR_INTERNAL, 0, "no memory for the page");
    return kr_file_replace(path, text, KR_FILE_ON_DISK, e);
}

static int worse(int status, const struct kr_audit *a)
{
    if (!a || status == KR_BREACH)
        return status;
    if (a->findings)
        return KR_UNSAFE;
    return a->unknowns && status == KR_OK ? KR_UNKNOWN : status;
}

static int render(const struct kr_common *c, const struct kr_report_options *o, struct kr_run *r,
                  struct kr_err *e)
{
    static struct kr_audit found;
    const struct kr_audit *a = o->audit.n ? &found : NULL;
    struct kr_balance b;
    if (a && audit(o, r, &found, e))
        return (int)e->exit;
    if (o->html && page(o->html, r, a, e))
        return (int)e->exit;
    bool only_page = o->html && strcmp(o->html, "-") == 0;
    if (!only_page && !(c->quiet && c->format == KR_FORMAT_TEXT))
        sayers[c->format](r, a, stdout);
    kr_run_balance(r, &b);
    return worse(kr_run_exit(r, &b), a);
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_run r;
    char last[256];
    const char *path = o->operands.n ? o->operands.v[0] : last;
    if ((!o->operands.n && kr_runs_last(last, e)) || kr_run_read(path, &r, e))
        return (int)e->exit;
    int status = render(c, &o->report, &r, e);
    kr_run_free(&r);
    return status;
}

static const char *const examples[] = {
    "kumo-redirect report                          the last run of this host",
    "kumo-redirect report --html run.html          one page, with plots",
    "kumo-redirect report --audit /var/log/mail.log --audit-after 3600",
    NULL,
};
const struct kr_command kr_cmd_report = {
    .name = "report",
    .summary = "the account of a run; and whether the MTA's logs agree",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, report),
    .operand = "FILE",
    .formats = KR_FORMATS_CHECKS,
    .run = run,
};

/* The account of a run, as the gate keeps it. */
#include "run_steps.h"

#include <kr/account.h>
#include <kr/err.h>
#include <kr/file.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/report_run.h>
#include <kr/run_balance.h>
#include <kr/state.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

int kr_run_account_open(struct run *r, bool real, struct kr_err *e)
{
    const struct kr_ledger_want want = {.paths = &r->session.paths,
                                        .command = (const char *const *)(real ? r->real : r->kept),
                                        .domains = r->line.domains.n ? &r->line.domains : NULL,
                                        .suffix = real ? NULL : r->line.suffix,
                                        .record = r->o->run.record};
    return r->ledger ? 0 : kr_ledger_open(&want, &r->ledger, e);
}

static void (*const forms[])(const struct kr_run *run, const struct kr_audit *audit, FILE *out) = {
    [KR_FORMAT_TEXT] = kr_text_run,     [KR_FORMAT_JSON] = kr_json_run,
    [KR_FORMAT_TAP] = kr_tap_run,       [KR_FORMAT_JUNIT] = kr_junit_run,
    [KR_FORMAT_GITHUB] = kr_github_run,
};

/* Standard output is the command's: the account goes to standard error, or where it is told to. */
static void say(const struct run *r, const struct kr_run *run)
{
    const char *to = r->o->run.account;
    KR_AUTO_FREE char *all = NULL;
    size_t n = 0;
    struct kr_err why = {0};
    FILE *out = open_memstream(&all, &n);
    if (!out)
        return;
    forms[r->common->format](run, NULL, out);
    fclose(out);
    if (to && strcmp(to, "-") != 0) {
        if (kr_file_replace(to, all, KR_FILE_PLAIN, &why))
            kr_error("--account: %s", why.msg);
    } else if (to || !r->common->quiet) {
        fputs(all, to ? stdout : stderr);
    }
}

/* traffic-gen ends with 0 although nothing was sent: its own last line tells. */
static int judge(const struct run *r, const struct kr_run *run, int status)
{
    const struct kr_run_facts *f = &run->facts[KR_RUN_generator];
    struct kr_balance balance;
    kr_run_balance(run, &balance);
    if (status)
        return status;
    if (f->known && (kr_numbers_get(&f->n, "failed") || !kr_numbers_get(&f->n, "sent"))) {
        kr_error("'%s' ended with 0, but says that messages failed", r->line.words.v[0]);
        return KR_UNSAFE;
    }
    for (size_t i = 0; i < balance.n; i++)
        if (balance.v[i].is == KR_BAL_BROKEN && strcmp(balance.v[i].id, "headroom") != 0) {
            kr_error("the account does not balance: %s", balance.v[i].title);
            return KR_UNSAFE;
        }
    return 0;
}

int kr_run_account_close(struct run *r, enum kr_run_outcome outcome, int status, const char *reason)
{
    struct kr_err why = {0};
    const struct kr_ledger_end end = {outcome, status, reason};
    if (!r->ledger)
        return status;
    if (kr_ledger_close(r->ledger, &end, &why))
        kr_error("%s", why.msg);
    const struct kr_run *run = kr_ledger_run(r->ledger);
    int judged = outcome == KR_RUN_HELD || outcome == KR_RUN_KEPT ? judge(r, run, status) : status;
    bool ran = outcome != KR_RUN_REFUSED && outcome != KR_RUN_FAILED;
    if (ran || r->common->format != KR_FORMAT_TEXT) /* else the reason says it all */
        say(r, run);
    kr_info("record: %s", kr_ledger_file(r->ledger));
    kr_ledger_free(r->ledger);
    r->ledger = NULL;
    return judged;
}

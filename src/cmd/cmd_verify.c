#include "session.h"

#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/evidence.h>
#include <kr/log.h>
#include <kr/report.h>
#include <kr/verify.h>

#include <stdio.h>
#include <unistd.h>

#define AT(field) offsetof(struct kr_verify_options, field)
static const struct kr_opt rows[] = {
    {.name = "static",
     .kind = KR_OPT_FLAG,
     .offset = AT(statics),
     .help = "only look: send no probe",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "allow",
     .kind = KR_OPT_LIST,
     .offset = AT(allow),
     .arg = "ID=REASON",
     .help = "a waiver for this check, besides those given to up; recorded with its reason",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "expect-rate",
     .kind = KR_OPT_UINT,
     .offset = AT(expect_rate),
     .max = 100000000,
     .arg = "N",
     .help = "connections a second that the test will make: is there room?"},
    {.name = "expect-concurrency",
     .kind = KR_OPT_UINT,
     .offset = AT(expect_concurrency),
     .max = 1000000000,
     .arg = "N",
     .help = "connections at once"},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

static void (*const forms[])(const struct kr_verify *v, bool all, FILE *out) = {
    [KR_FORMAT_TEXT] = kr_text_verify,     [KR_FORMAT_JSON] = kr_json_verify,
    [KR_FORMAT_TAP] = kr_tap_verify,       [KR_FORMAT_JUNIT] = kr_junit_verify,
    [KR_FORMAT_GITHUB] = kr_github_verify,
};

static void progress(const struct kr_check *c, size_t i, size_t n, void *arg)
{
    (void)arg;
    fprintf(stderr, "\r\033[K%zu/%zu %s", i + 1, n, c->id);
}

static int verify(const struct kr_common *c, struct kr_verify_want *want, struct kr_err *e)
{
    struct kr_session session;
    struct kr_verify v;
    bool live = !c->quiet && !c->verbose && isatty(STDERR_FILENO);
    if (kr_session_open(&session, "verify", KR_JOB_LOOK, c, false, e))
        return (int)e->exit;
    want->progress = live ? progress : NULL;
    int bad = kr_verify(&session.paths, want, &v, e);
    if (live)
        fputs("\r\033[K", stderr);
    if (bad)
        return (int)e->exit;
    /* Inode numbers of namespaces are used again: what lies there may be about one that is gone. */
    bad = kr_standing_any(&v.standing) ? kr_evidence_write(&session.paths, &v, e)
                                       : kr_evidence_drop(&session.paths, e);
    if (!c->quiet || c->format != KR_FORMAT_TEXT)
        forms[c->format](&v, c->verbose, stdout);
    int status = bad ? (int)e->exit : kr_verify_status(&v);
    kr_verify_free(&v);
    return status;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_settings settings;
    struct kr_waivers waivers = {0};
    if (kr_settings_from(&o->up, &settings, e))
        return (int)e->exit;
    for (size_t i = 0; i < o->verify.allow.n; i++)
        if (kr_waiver_add(&waivers, o->verify.allow.v[i], e)) {
            kr_wrap(e, "--allow");
            return (int)e->exit;
        }
    struct kr_verify_want want = {.settings = &settings,
                                  .waivers = &waivers,
                                  .expect_rate = o->verify.expect_rate,
                                  .expect_concurrency = o->verify.expect_concurrency,
                                  .active = !o->verify.statics};
    return verify(c, &want, e);
}

static const char *const examples[] = {
    "sudo kumo-redirect verify                     exit 0 only when no way out was found",
    "sudo kumo-redirect verify --expect-rate 5000",
    "sudo kumo-redirect verify --format junit >verify.xml",
    NULL,
};
const struct kr_command kr_cmd_verify = {
    .name = "verify",
    .summary = "prove again, now: every way out is looked for, and tried",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, verify),
    .formats = KR_FORMATS_CHECKS,
    .run = run,
};

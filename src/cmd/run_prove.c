/* What has to hold before a command may lose its suffix, in the order of their cost. */
#include "run_steps.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/evidence.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/report.h>
#include <kr/run_note.h>
#include <kr/sinkctl.h>
#include <kr/up.h>
#include <kr/verify.h>
#include <kr/watcher.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARM_MS 20000

static int interrupted(struct kr_err *e)
{
    return kr_interrupted ? kr_fail(e, KR_UNKNOWN, 0, "interrupted") : 0;
}

/* ---- what stands ------------------------------------------------------------------------------*/

static void progress(const char *stage, unsigned us, void *arg)
{
    (void)arg;
    kr_debug("up: %-9s %u.%03u ms", stage, us / 1000, us % 1000);
}

static int put_up(struct run *r, struct kr_err *e)
{
    struct kr_up_result result;
    int bad = kr_up(&r->settings, &r->session.paths, progress, NULL, &result, e);
    r->put_up =
        result.ended == KR_ENDED_DONE || (result.ended == KR_ENDED_BLOCKED && !r->was_blocked);
    if (!bad)
        kr_info("redirect: put up for this run");
    kr_up_result_free(&result);
    return bad;
}

static int look_and_put_up(struct run *r, struct kr_err *e)
{
    struct kr_standing s;
    if (kr_standing_read(&r->session.paths, &s, e)) {
        kr_standing_free(&s);
        return -1;
    }
    bool whole = kr_standing_whole(&s);
    r->was_redirect = whole && s.state.plan.mode == KR_MODE_REDIRECT;
    r->was_blocked = whole && s.state.plan.mode == KR_MODE_BLOCK;
    if (r->was_redirect)
        kr_info("redirect: stands since %s, and is left as it is", s.state.since);
    kr_standing_free(&s);
    return r->was_redirect ? 0 : put_up(r, e);
}

/* A sink that was never asked for its account makes up all of it first: that takes a moment, which
 * passes while everything is verified. */
static void ask_sink(struct run *r)
{
    r->asking = fork();
    if (r->asking != 0)
        return;
    kr_sink_ask(&r->session.paths, "stats", NULL, NULL);
    _exit(0);
}

void kr_run_sink_asked(struct run *r)
{
    if (r->asking > 0)
        waitpid(r->asking, NULL, 0);
    r->asking = 0;
}

/* A watch that was there, the service say, makes room for the guard of this run. */
static int watch_alone(struct run *r, struct kr_err *e)
{
    if (kr_watcher_aside(&r->session.paths, &r->aside, e)) {
        e->exit = KR_UNSAFE;
        return kr_wrap(e, "run watches by itself");
    }
    if (r->aside >= 0)
        kr_info("watch: the one that was at work stands aside until this run ends");
    return 0;
}

static int stage_up(struct run *r, struct kr_err *e)
{
    if (kr_session_open(&r->session, "run", KR_JOB_WATCH, r->common, true, e))
        return -1;
    r->opened = true;
    r->note = kr_run_note_begin(&r->session.paths, r->line.words.v[0], e);
    int bad = r->note < 0 || watch_alone(r, e) || look_and_put_up(r, e) ? -1 : 0;
    kr_session_close(&r->session);
    if (!bad)
        ask_sink(r);
    return bad;
}

/* ---- the command and its guard ----------------------------------------------------------------*/

static int stage_child(struct run *r, struct kr_err *e)
{
    const struct kr_run_argvs argvs = {r->real, r->kept};
    kr_cage_open(&r->cage);
    if (*r->cage.why)
        kr_info("no cgroup for the command (%s): it is stopped by signals", r->cage.why);
    return kr_run_child_start(&r->child, &r->cage, &r->user, &argvs, e);
}

static int stage_guard(struct run *r, struct kr_err *e)
{
    const struct kr_guard_want want = {.paths = &r->session.paths,
                                       .waivers = &r->settings.waivers,
                                       .cage = &r->cage,
                                       .own = !r->was_redirect};
    if (kr_guard_start(&r->guard, &want, e) == 0)
        return 0;
    if (e->exit != KR_CANNOT)
        return -1;
    e->exit = KR_UNSAFE;
    return kr_wrap(e, "run watches by itself (end another watch first: systemctl stop "
                      "kumo-redirect-watch)");
}

/* ---- the proof --------------------------------------------------------------------------------*/

/* When up itself found it unsafe, the checks may know why. */
static void explain(struct run *r)
{
    struct kr_verify v;
    const struct kr_verify_want want = {.settings = &r->settings, .waivers = &r->settings.waivers};
    if (kr_verify(&r->session.paths, &want, &v, NULL))
        return;
    if (kr_verify_status(&v) != KR_OK)
        kr_text_verify(&v, false, stderr);
    kr_verify_free(&v);
}

static int verify(struct run *r, FILE *out, struct kr_err *e)
{
    struct kr_verify v;
    const struct kr_verify_want want = {
        .settings = &r->settings, .waivers = &r->settings.waivers, .active = true};
    if (kr_verify(&r->session.paths, &want, &v, e))
        return -1;
    int bad = kr_evidence_write(&r->session.paths, &v, e);
    if (!bad && kr_verify_status(&v) != KR_OK) {
        kr_text_verify(&v, false, out);
        bad = kr_fail(e, (enum kr_exit)kr_verify_status(&v), 0,
                      "verify: %s (reasons and remedies are above)", kr_verdict_name(v.verdict));
    } else if (!bad && r->common->verbose) {
        kr_text_verify(&v, true, out);
    }
    kr_verify_free(&v);
    return bad;
}

static int stage_verify(struct run *r, struct kr_err *e)
{
    if (verify(r, stderr, e))
        return -1;
    kr_info("verify: every way out is closed");
    return 0;
}

pid_t kr_run_prove_again(struct run *r)
{
    struct kr_err why = {0};
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int bad = verify(r, stderr, &why);
    if (bad)
        kr_error("%s", why.msg);
    _exit(bad ? (int)why.exit : 0);
}

static int judge(struct run *r, int status, struct kr_err *e)
{
    const char *said = r->preflight ? r->preflight : "";
    if (status == KR_OK) {
        kr_info("preflight: %.*s", (int)strcspn(said, "\n"), said);
        return 0;
    }
    fputs(said, stderr);
    if (*e->msg)
        return kr_wrap(e, "preflight");
    return kr_fail(e, (enum kr_exit)status, 0, "preflight: %s (reasons and remedies are above)",
                   status == KR_UNSAFE ? "destinations would not reach the sink"
                                       : "it is not known that all destinations reach the sink");
}

static int stage_preflight(struct run *r, struct kr_err *e)
{
    struct kr_common c = *r->common;
    struct kr_strlist all = {0};
    size_t n = 0;
    c.format = KR_FORMAT_TEXT;
    c.quiet = false;
    for (size_t i = 0; i < r->line.domains.n; i++)
        kr_strlist_add(&all, r->line.domains.v[i]);
    for (size_t i = 0; i < r->o->preflight.domains.n; i++)
        kr_strlist_add(&all, r->o->preflight.domains.v[i]);
    FILE *out = open_memstream(&r->preflight, &n);
    int status = out ? kr_preflight_say(&c, &r->o->preflight, &all, out, e) : KR_INTERNAL;
    if (out)
        fclose(out);
    kr_strlist_free(&all);
    return judge(r, status, e);
}

static int stage_arm(struct run *r, struct kr_err *e)
{
    return kr_guard_arm(&r->guard, ARM_MS, e);
}

static int stage_account(struct run *r, struct kr_err *e)
{
    kr_run_sink_asked(r);
    return kr_run_account_open(r, true, e);
}

static const struct {
    const char *name;
    int (*run)(struct run *r, struct kr_err *e);
} stages[] = {
    {"up", stage_up},         {"command", stage_child},       {"guard", stage_guard},
    {"verify", stage_verify}, {"preflight", stage_preflight}, {"account", stage_account},
    {"arm", stage_arm},
};

int kr_run_prove(struct run *r, struct kr_err *e)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        uint64_t begin = kr_now_us();
        if (interrupted(e) || stages[i].run(r, e)) {
            if (i == 0 && r->opened && (e->exit == KR_UNSAFE || e->exit == KR_UNKNOWN))
                explain(r);
            return -1;
        }
        kr_debug("%s took %u ms", stages[i].name, (unsigned)((kr_now_us() - begin) / 1000));
    }
    return interrupted(e);
}

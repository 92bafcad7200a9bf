/* Theory of operation: the gate. Real names are a privilege of one command at one time. Everything
 * is proven first, while the command already stands ready, stopped, in a cage of its own; then the
 * guard is armed, and only then the command is let go without its suffix. Whatever is not certain
 * on the way refuses, and leaves guards. */
#include "run_steps.h"

#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/report.h>
#include <kr/up.h>
#include <kr/watch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const ends[] = {"down", "block", "keep", NULL};

#define AT(field) offsetof(struct kr_run_options, field)
static const struct kr_opt rows[] = {
    {.name = "suffix-arg",
     .kind = KR_OPT_STRING,
     .offset = AT(suffix_arg),
     .arg = "TEMPLATE",
     .help = "for another generator: words that are appended to its command, with {suffix} (or "
             "{.suffix}: with its dot) filled in"},
    {.name = "suffix",
     .kind = KR_OPT_STRING,
     .offset = AT(suffix),
     .arg = "NAME",
     .help = "what {suffix} is when real names are not safe (" KR_RUN_SUFFIX ")"},
    {.name = "keep-suffix-if-unsafe",
     .kind = KR_OPT_FLAG,
     .offset = AT(keep_suffix),
     .help = "run the command with its suffix, unwatched, instead of refusing"},
    {.name = "user",
     .kind = KR_OPT_STRING,
     .offset = AT(user),
     .arg = "NAME",
     .help = "run the command as this user (whoever called sudo)"},
    {.name = "verify-every",
     .kind = KR_OPT_UINT,
     .offset = AT(verify_every),
     .max = 86400,
     .arg = "SECONDS",
     .help = "prove everything again so often, besides watching (600; 0: never)"},
    {.name = "drain",
     .kind = KR_OPT_UINT,
     .offset = AT(drain),
     .max = 86400,
     .arg = "SECONDS",
     .help = "wait at most so long for the mail servers' queues to get empty (60)"},
    {.name = "record",
     .kind = KR_OPT_STRING,
     .offset = AT(record),
     .arg = "FILE",
     .help = "where the record goes, for report (a new file in " KR_RUNS_DIR ")"},
    {.name = "account",
     .kind = KR_OPT_STRING,
     .offset = AT(account),
     .arg = "FILE|-",
     .help = "where the account goes at the end (standard error); - is standard output, which is "
             "the command's"},
    {.name = "at-end",
     .kind = KR_OPT_CHOICE,
     .offset = AT(at_end),
     .arg = "WHAT",
     .choices = ends,
     .help = "becomes of what this run put up: down (blocked, and off when no mail is queued), "
             "block, keep"},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

/* The status that a failure of the gate itself leads to. */
static int own_status(const struct kr_err *e)
{
    if (kr_interrupted)
        return 128 + kr_interrupted;
    switch (e->exit) {
    case KR_USAGE:
        return KR_USAGE;
    case KR_UNSAFE:
    case KR_UNKNOWN:
        return KR_RUN_STATUS_REFUSED;
    default:
        return KR_RUN_STATUS_FAILED;
    }
}

/* ---- the command runs -------------------------------------------------------------------------*/

static void on_output(const void *data, size_t n, void *arg)
{
    struct run *r = arg;
    if (r->ledger)
        kr_ledger_output(r->ledger, 1, data, n);
}

static void on_second(void *arg)
{
    struct run *r = arg;
    if (r->ledger)
        kr_ledger_sample(r->ledger);
}

static void on_event(const struct kr_event *ev, void *arg)
{
    struct run *r = arg;
    if (r->ledger)
        kr_ledger_event(r->ledger, ev);
    if (ev->breach || r->common->verbose)
        kr_text_event(ev, stderr);
}

static pid_t on_prove(void *arg)
{
    return kr_run_prove_again(arg);
}

static struct kr_gate_want gate_of(struct run *r, bool watched)
{
    return (struct kr_gate_want){.paths = &r->session.paths,
                                 .child = &r->child,
                                 .cage = &r->cage,
                                 .guard = watched ? &r->guard : NULL,
                                 .prove_s = watched ? (unsigned)r->o->run.verify_every : 0,
                                 .on_prove = on_prove,
                                 .on_output = on_output,
                                 .on_second = on_second,
                                 .on_event = on_event,
                                 .arg = r};
}

/* Takes the signals, so that none is lost between here and the gate. Returns 0, or the status. */
static int release(struct run *r, bool real, struct kr_err *e)
{
    sigset_t was;
    kr_gate_signals(&was);
    if (kr_interrupted)
        return 128 + kr_interrupted;
    return kr_run_child_release(&r->child, real, r->line.words.v[0], e);
}

static void say_breach(const struct kr_gate_end *end)
{
    kr_error("BREACH: %s", end->why);
    kr_error("the generator was %s, mail is %s, the command was ended%s",
             end->frozen ? "stopped" : "asked to stop",
             end->blocked ? "blocked" : "NOT KNOWN to be blocked",
             end->blocked ? "; look what happened, then: kumo-redirect down" : "");
}

static int ended(struct run *r, const struct kr_gate_end *end)
{
    if (end->stragglers)
        kr_warn("processes that outlived the command were ended: nobody would watch them");
    r->breached = end->breach;
    if (end->breach)
        say_breach(end);
    int status = kr_run_account_close(r, end->breach ? KR_RUN_BREACH : KR_RUN_HELD,
                                      end->breach ? KR_RUN_STATUS_BREACH : end->status,
                                      end->breach ? end->why : NULL);
    kr_guard_end(&r->guard, end->lost);
    kr_cage_close(&r->cage);
    kr_run_let_go(r);
    return status;
}

static int held(struct run *r, struct kr_err *e)
{
    struct kr_gate_end end = {0};
    const struct kr_gate_want want = gate_of(r, true);
    int status = release(r, true, e);
    if (status) {
        end.status = status;
        return ended(r, &end);
    }
    kr_info("released: '%s' runs without a suffix, watched", r->line.words.v[0]);
    if (kr_gate_run(&want, &end, e))
        end.status = KR_RUN_STATUS_FAILED;
    sigprocmask(SIG_SETMASK, &r->child.mask, NULL);
    if (!end.breach && r->child.pid > 0)
        kr_run_drain(r, &want, &end);
    return ended(r, &end);
}

/* ---- it is not safe ---------------------------------------------------------------------------*/

/* The command that stands ready ends with its pipe. */
static void dismiss(struct run *r)
{
    kr_run_child_close(&r->child);
    kr_cage_kill(&r->cage, 5000);
    if (r->child.pid > 0)
        waitpid(r->child.pid, NULL, 0);
    r->child.pid = 0;
    kr_cage_close(&r->cage);
}

static int refuse(struct run *r, struct kr_err *e)
{
    int status = own_status(e);
    dismiss(r);
    kr_run_sink_asked(r);
    if (r->opened && kr_run_account_open(r, false, NULL) == 0)
        kr_run_account_close(r, status == KR_RUN_STATUS_REFUSED ? KR_RUN_REFUSED : KR_RUN_FAILED,
                             -1, e->msg);
    kr_guard_end(&r->guard, false);
    kr_run_let_go(r);
    kr_wrap(e, "refused: '%s' was not started", r->line.words.v[0]);
    return status;
}

static int stand_ready(struct run *r, struct kr_err *e)
{
    const struct kr_run_argvs argvs = {r->real, r->kept};
    if (r->child.pid > 0)
        return 0;
    kr_cage_open(&r->cage);
    return kr_run_child_start(&r->child, &r->cage, &r->user, &argvs, e);
}

/* Nothing of ours is needed for names that lead nowhere: it goes before the command runs. */
static int kept(struct run *r, struct kr_err *e)
{
    struct kr_gate_end end = {0};
    const struct kr_gate_want want = gate_of(r, false);
    KR_AUTO_FREE char *reason = kr_strdup(e->msg);
    kr_warn("NOT SAFE: %s", e->msg);
    kr_warn("'%s' KEEPS ITS SUFFIX: it uses no real name, and nothing is watched",
            r->line.words.v[0]);
    *e = (struct kr_err){0};
    kr_run_sink_asked(r);
    kr_guard_end(&r->guard, false);
    kr_ledger_free(r->ledger);
    r->ledger = NULL;
    kr_run_let_go(r);
    if (stand_ready(r, e))
        return KR_RUN_STATUS_FAILED;
    if (r->opened && kr_run_account_open(r, false, e))
        kr_warn("no account is kept: %s", e->msg);
    e->msg[0] = '\0';
    int status = release(r, false, e);
    if (!status && kr_gate_run(&want, &end, e) == 0)
        status = end.status;
    sigprocmask(SIG_SETMASK, &r->child.mask, NULL);
    kr_cage_close(&r->cage);
    return kr_run_account_close(r, KR_RUN_KEPT, status, reason);
}

static bool may_keep(const struct run *r, const struct kr_err *e)
{
    return r->o->run.keep_suffix && !r->line.bare && !kr_interrupted && e->exit != KR_USAGE &&
           e->exit != KR_INTERNAL;
}

/* ---- the command line -------------------------------------------------------------------------*/

static int read_all(struct run *r, struct kr_err *e)
{
    const struct kr_options *o = r->o;
    const struct kr_run_line_want want = {.words = &o->operands,
                                          .template = o->run.suffix_arg,
                                          .suffix = o->run.suffix,
                                          .names_given =
                                              o->preflight.domains.n || o->preflight.files.n};
    for (size_t i = 0; i < o->preflight.files.n; i++)
        if (strcmp(o->preflight.files.v[i], "-") == 0)
            return kr_fail(e, KR_USAGE, 0, "--domains-file '-': standard input is the command's");
    if (o->up.block)
        return kr_fail(e, KR_USAGE, 0, "block = true: run needs a redirect");
    if (kr_run_line_read(&want, &r->line, e) || kr_settings_from(&o->up, &r->settings, e) ||
        kr_run_user_find(o->run.user, &r->user, e))
        return -1;
    r->real = kr_run_line_argv(&r->line, true);
    r->kept = kr_run_line_argv(&r->line, false);
    return 0;
}

static int gate(struct run *r, struct kr_err *e)
{
    if (read_all(r, e))
        return own_status(e);
    int status = kr_run_child_lookup(r->line.words.v[0], e);
    if (status)
        return status;
    sigprocmask(SIG_BLOCK, NULL, &r->child.mask);
    if (kr_run_prove(r, e) == 0)
        return held(r, e);
    return may_keep(r, e) ? kept(r, e) : refuse(r, e);
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct run r = {.common = c,
                    .o = o,
                    .note = -1,
                    .aside = -1,
                    .session.lock = -1,
                    .cage.fd = -1,
                    .guard.line = -1,
                    .child = {.out = -1, .go = -1, .failed = -1}};
    int status = gate(&r, e);
    kr_ledger_free(r.ledger);
    kr_run_child_close(&r.child);
    kr_run_line_free(&r.line);
    kr_run_argv_free(r.real);
    kr_run_argv_free(r.kept);
    free(r.preflight);
    return status;
}

static const char *const examples[] = {
    "sudo kumo-redirect run -- traffic-gen --domain gmail.com:67.4 --duration 600",
    "sudo kumo-redirect run --keep-suffix-if-unsafe -- ./load.sh     a script that ends in \"$@\"",
    "sudo kumo-redirect run --domains-file names --suffix-arg '--append {.suffix}' -- other-gen",
    NULL,
};
const struct kr_command kr_cmd_run = {
    .name = "run",
    .summary = "the gate: prove, then a generator without its domain suffix, watched",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, run),
    .also = {{&kr_up_settings, offsetof(struct kr_options, up)},
             {&kr_preflight_options, offsetof(struct kr_options, preflight)}},
    .operand = "COMMAND",
    .many = true,
    .rest = true,
    .formats = KR_FORMATS_CHECKS,
    .run = run,
};

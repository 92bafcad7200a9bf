#include "session.h"

#include <kr/buf.h>
#include <kr/cmd.h>
#include <kr/down.h>
#include <kr/err.h>
#include <kr/let_go.h>
#include <kr/log.h>
#include <kr/report.h>
#include <kr/up.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AT(field) offsetof(struct kr_down_options, field)
static const struct kr_opt rows[] = {
    {.name = "wait",
     .kind = KR_OPT_UINT,
     .offset = AT(wait),
     .arg = "SECONDS",
     .max = 31536000,
     .help = "first let the queues run dry into the sink, at most so long",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "purge",
     .kind = KR_OPT_FLAG,
     .offset = AT(purge),
     .help = "throw away all mail that is queued, once it is blocked; asks first on a terminal",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "yes",
     .letter = 'y',
     .kind = KR_OPT_FLAG,
     .offset = AT(yes),
     .help = "do not ask before --purge",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "force",
     .kind = KR_OPT_FLAG,
     .offset = AT(force),
     .help = "let go although mail is queued, or may be; recorded",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "kumomta-url",
     .kind = KR_OPT_STRING,
     .offset = AT(kumomta_url),
     .arg = "URL",
     .help = "where KumoMTA's HTTP listener is (found by itself; http://ADDRESS:PORT)"},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

struct telling {
    bool quiet, live, said;
};

static void progress(const char *stage, unsigned us, void *arg)
{
    (void)arg;
    (void)us;
    kr_debug("%s", stage);
}

static void say_unsettled(const struct kr_queues *q)
{
    for (size_t i = 0; i < q->n; i++) {
        KR_AUTO_BUF struct kr_buf line = {0};
        if (q->v[i].state == KR_QUEUE_EMPTY)
            continue;
        kr_queue_line(&q->v[i], &line);
        fprintf(stderr, "%s\n", kr_buf_str(&line));
    }
}

static void on_look(const struct kr_queues *q, unsigned seconds, void *arg)
{
    struct telling *t = arg;
    uint64_t n;
    bool known = kr_queues_total(q, &n);
    if (t->live)
        fprintf(stderr, "\r\033[K%s%" PRIu64 " queued, %u s left", known ? "" : "at least ", n,
                seconds);
    else if (!t->said && !t->quiet)
        kr_info("waiting for %s%" PRIu64 " queued messages, at most %u s", known ? "" : "at least ",
                n, seconds);
    t->said = true;
}

static void end_line(const struct telling *t)
{
    if (t->live && t->said)
        fputs("\r\033[K", stderr);
}

/* Only a plain yes throws mail away. */
static bool may_purge(const struct kr_queues *q, void *arg)
{
    char answer[16] = "";
    (void)arg;
    say_unsettled(q);
    fputs("Throw away all of it, other people's mail too? [y/N] ", stderr);
    fflush(stderr);
    bool got = fgets(answer, sizeof answer, stdin) != NULL;
    answer[strcspn(answer, "\r\n")] = '\0';
    return got && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
}

static int check_options(const struct kr_down_options *o, struct kr_err *e)
{
    if (o->purge && o->force)
        return kr_fail(e, KR_USAGE, 0, "--purge and --force exclude each other");
    if (o->purge && !o->yes && !isatty(STDIN_FILENO))
        return kr_fail(e, KR_USAGE, 0,
                       "--purge asks first, and standard input is no terminal; "
                       "give --yes as well");
    return o->kumomta_url && kr_queue_url(o->kumomta_url, e) ? kr_wrap(e, "--kumomta-url") : 0;
}

/* Without the lock, so that a watch goes on watching meanwhile. */
static int drain(const struct kr_common *c, const struct kr_down_options *o,
                 const struct kr_down_how *how, struct kr_err *e)
{
    struct kr_session session;
    if (!o->wait)
        return 0;
    if (kr_session_open(&session, "down", KR_JOB_WATCH, c, false, e))
        return -1;
    int got = kr_down_drain(how, (unsigned)o->wait, e);
    kr_session_close(&session);
    return got < 0 ? -1 : 0;
}

static int down(const struct kr_common *c, const struct kr_down_how *how, struct kr_err *e)
{
    struct kr_session session;
    KR_AUTO_BUF struct kr_buf account = {0};
    struct kr_down_result result = {.account = &account};
    if (kr_session_open(&session, "down", KR_JOB_WATCH, c, true, e))
        return (int)e->exit;
    int bad = kr_down(&session.paths, how, &result, e);
    end_line(how->arg);
    if (!bad && c->format == KR_FORMAT_JSON)
        kr_json_down(&result, stdout);
    else if (!bad && (!c->quiet || result.ended == KR_ENDED_BLOCKED))
        kr_text_down(&result, stdout);
    int status = bad ? (int)e->exit : result.ended == KR_ENDED_BLOCKED ? KR_UNSAFE : KR_OK;
    kr_down_result_free(&result);
    kr_session_close(&session);
    return status;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct telling t = {.quiet = c->quiet, .live = !c->quiet && isatty(STDERR_FILENO)};
    const struct kr_down_how how = {.force = o->down.force,
                                    .purge = o->down.purge,
                                    .queue.kumomta_url = o->down.kumomta_url,
                                    .on_stage = progress,
                                    .may_purge = o->down.yes ? NULL : may_purge,
                                    .on_look = on_look,
                                    .arg = &t};
    if (check_options(&o->down, e) || drain(c, &o->down, &how, e))
        return (int)e->exit;
    end_line(&t);
    t.said = false;
    return down(c, &how, e);
}

static const char *const examples[] = {
    "sudo kumo-redirect down",
    "sudo kumo-redirect down --wait 600             the sink takes what is queued, then down",
    "sudo kumo-redirect down --purge --yes          throw away what is queued, in a script",
    "sudo kumo-redirect -n lab down                 in the network namespace lab",
    NULL,
};
const struct kr_command kr_cmd_down = {
    .name = "down",
    .summary = "take the redirect away, and the guards once no mail is queued",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, down),
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

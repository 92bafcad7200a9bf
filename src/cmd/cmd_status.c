#include "session.h"
#include "status_watch.h"

#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/report.h>
#include <kr/standing.h>

#define AT(field) offsetof(struct kr_status_options, field)
static const struct kr_opt rows[] = {
    {.name = "watch",
     .kind = KR_OPT_FLAG,
     .offset = AT(watch),
     .help = "a live screen; lines where there is no terminal; q ends it",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "every",
     .kind = KR_OPT_UINT,
     .offset = AT(every),
     .arg = "SECONDS",
     .min = 1,
     .max = 86400,
     .help = "how often --watch looks (1)",
     .flags = KR_OPT_NO_CONFIG},
};
static const struct kr_opt_table options = {rows, sizeof rows / sizeof *rows};

static int judge(const struct kr_standing *s)
{
    if (kr_standing_whole(s))
        return KR_OK;
    return s->rules < 0 || s->routes < 0 || s->recorded < 0 ? KR_UNKNOWN : KR_UNSAFE;
}

static int watch(const struct kr_common *c, const struct kr_status_options *o,
                 const struct kr_paths *paths, struct kr_err *e)
{
    struct kr_look last = {0};
    int bad = kr_status_watch(c, paths, o->every, &last, e);
    int status = bad ? (int)e->exit : judge(&last.standing);
    kr_look_free(&last);
    return status;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_session session;
    struct kr_standing s;
    if (kr_session_open(&session, "status", KR_JOB_INSTALL, c, false, e))
        return (int)e->exit;
    if (o->status.watch)
        return watch(c, &o->status, &session.paths, e);
    if (kr_standing_read(&session.paths, &s, e)) {
        kr_standing_free(&s);
        return (int)e->exit;
    }
    if (c->format == KR_FORMAT_JSON)
        kr_json_status(&s, stdout);
    else if (!c->quiet)
        kr_text_status(&s, stdout);
    int status = judge(&s);
    kr_standing_free(&s);
    return status;
}

static const char *const examples[] = {
    "sudo kumo-redirect status                  exit 0 only when all is in force",
    "sudo kumo-redirect status --format json",
    "sudo kumo-redirect status --watch          a live screen",
    NULL,
};
const struct kr_command kr_cmd_status = {
    .name = "status",
    .summary = "what is in force, with counters",
    .examples = examples,
    .options = &options,
    .options_at = offsetof(struct kr_options, status),
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

#include "session.h"

#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/report.h>
#include <kr/standing.h>

static int judge(const struct kr_standing *s)
{
    if (kr_standing_whole(s))
        return KR_OK;
    return s->rules < 0 || s->routes < 0 || s->recorded < 0 ? KR_UNKNOWN : KR_UNSAFE;
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_session session;
    struct kr_standing s;
    (void)o;
    if (kr_session_open(&session, "status", KR_JOB_INSTALL, c, false, e))
        return (int)e->exit;
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
    NULL,
};
const struct kr_command kr_cmd_status = {
    .name = "status",
    .summary = "what is in force, with counters",
    .examples = examples,
    .options = &kr_no_options,
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

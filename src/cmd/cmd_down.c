#include "session.h"

#include <kr/buf.h>
#include <kr/cmd.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/report.h>
#include <kr/up.h>

static void progress(const char *stage, unsigned us, void *arg)
{
    (void)arg;
    (void)us;
    kr_debug("%s", stage);
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_session session;
    KR_AUTO_BUF struct kr_buf account = {0};
    struct kr_down_result result = {.account = &account};
    (void)o;
    if (kr_session_open(&session, "down", KR_JOB_INSTALL, c, true, e))
        return (int)e->exit;
    int bad = kr_down(&session.paths, progress, NULL, &result, e);
    if (!bad && c->format == KR_FORMAT_JSON)
        kr_json_down(&result, stdout);
    else if (!bad && !c->quiet)
        kr_text_down(&result, stdout);
    kr_session_close(&session);
    return bad ? (int)e->exit : KR_OK;
}

static const char *const examples[] = {
    "sudo kumo-redirect up --block     first: blocked, while you purge the MTA's queue",
    "sudo kumo-redirect down",
    "sudo kumo-redirect -n lab down    in the network namespace lab",
    NULL,
};
const struct kr_command kr_cmd_down = {
    .name = "down",
    .summary = "take the redirect away, then the guards",
    .examples = examples,
    .options = &kr_no_options,
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

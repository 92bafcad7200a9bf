/* Letting go of what a run put up. */
#include "run_steps.h"

#include <kr/buf.h>
#include <kr/down.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/report.h>
#include <kr/up.h>

#define LOCK_MS 3000

static void go_down(struct run *r)
{
    struct kr_err why = {0};
    KR_AUTO_BUF struct kr_buf account = {0};
    struct kr_down_result result = {.account = &account};
    const struct kr_down_how how = {.force = false};
    if (kr_down(&r->session.paths, &how, &result, &why))
        kr_error("%s", why.msg);
    else if (!r->common->quiet)
        kr_text_down(&result, stderr);
    kr_down_result_free(&result);
}

static void go_blocked(const struct run *r)
{
    struct kr_err why = {0};
    if (kr_guard_block(&r->session.paths, &why))
        kr_error("%s", why.msg);
    else
        kr_info("blocked: the guards stand (kumo-redirect down)");
}

static void let_go(struct run *r)
{
    struct kr_err why = {0};
    int at_end = r->o->run.at_end;
    kr_interrupted = 0; /* what ended the run is not to end this too */
    if (!r->put_up || r->breached)
        return;
    if (at_end == KR_RUN_BLOCK || r->was_blocked) {
        go_blocked(r);
    } else if (at_end == KR_RUN_DOWN) {
        r->session.lock = kr_state_lock(&r->session.paths, LOCK_MS, &why);
        if (r->session.lock < 0)
            kr_error("%s; the guards stand", why.msg);
        else
            go_down(r);
        kr_session_close(&r->session);
    } else {
        kr_info("redirect: left standing (--at-end keep); %s",
                r->aside < 0 ? "nothing watches it now" : "the watch from before takes it over");
    }
}

void kr_run_let_go(struct run *r)
{
    if (!r->opened || r->let_go)
        return;
    r->let_go = true;
    let_go(r);
    kr_run_note_end(&r->session.paths, r->note);
    kr_close_fd(&r->aside);
}

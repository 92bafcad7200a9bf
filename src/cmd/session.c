#include "session.h"

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/netns.h>
#include <kr/run_note.h>
#include <kr/watcher.h>

#define LOCK_MS 500 /* a watch at work is done by then */

/* Whoever comes after a run that was killed is told. */
static void look_for_run(const struct kr_paths *paths, bool forget)
{
    char said[400];
    struct kr_run_note note;
    kr_run_note_read(paths, &note);
    if (note.is != KR_RUN_KILLED)
        return;
    kr_run_note_say(&note, said);
    kr_warn("%s", said);
    if (forget)
        kr_run_note_forget(paths);
}

int kr_session_open(struct kr_session *s, const char *command, enum kr_job job,
                    const struct kr_common *c, bool lock, struct kr_err *e)
{
    s->lock = -1;
    if (kr_privilege_need(command, e) || (c->netns && kr_netns_enter(c->netns, e)) ||
        kr_privilege_reduce(job, e) || kr_paths_find(&s->paths, e))
        return -1;
    if (lock) {
        s->lock = kr_state_lock(&s->paths, LOCK_MS, e);
        if (s->lock < 0 || kr_watcher_release(&s->paths, e)) {
            kr_session_close(s);
            return -1;
        }
    }
    look_for_run(&s->paths, lock);
    return 0;
}

void kr_session_close(struct kr_session *s)
{
    kr_close_fd(&s->lock);
}

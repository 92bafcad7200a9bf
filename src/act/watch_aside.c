/* Standing aside. A run has a guard that watches, and there can be one watch only: whoever was
 * there before gives up the tables, the record and the control socket, and does nothing while the
 * one that asked holds its connection. The kernel closes that, however the run ends; from then on
 * the record is tried for until the run's guard, which may still be blocking mail, has let go of
 * it. */
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/mem.h>

#include <unistd.h>

#define AGAIN 100000u /* µs between tries to come back */

bool kr_watch_is_aside(const struct kr_watch *w)
{
    return w->aside >= 0 || w->returning;
}

const char *kr_watch_stand_aside(struct kr_watch *w, int *asked)
{
    if (!kr_watch_give(w))
        return "a process still has the socket they belong to\n";
    kr_watch_prove_end(w);
    kr_watch_forget(w, &w->sink);
    kr_watch_hear(w, false);
    kr_watch_forget(w, &w->control);
    unlink(w->o.paths->watch_control);
    kr_close_fd(&w->record);
    w->aside = *asked;
    *asked = -1;
    w->gave_way = true;
    w->returning = kr_watch_listen(w, w->aside, KR_ASIDE, NULL) != 0;
    w->due = 0;
    kr_watch_tell(w, KR_EVENT_RELEASED, false, "watch", 0,
                  "a run is under way and watches by itself until it ends");
    return "ok\n";
}

void kr_watch_aside_ended(struct kr_watch *w)
{
    kr_watch_forget(w, &w->aside);
    w->returning = true;
}

void kr_watch_return(struct kr_watch *w)
{
    uint64_t now = kr_now_us();
    if (w->aside >= 0 || now < w->due)
        return;
    w->due = now + AGAIN;
    KR_AUTO_FD int lock = kr_state_lock(w->o.paths, 0, NULL);
    if (lock < 0 || kr_watch_become(w, NULL))
        return;
    if (kr_watch_control_open(w, NULL)) {
        kr_close_fd(&w->record);
        return;
    }
    w->returning = false;
    kr_watch_tell(w, KR_EVENT_OWNED, false, "watch", 0, "the run has ended: watching again");
    kr_watch_hear(w, true);
    kr_watch_reload(w);
}

/* One look: what should stand, what the kernel holds, and what is done about the difference.
 *
 * Nothing is done while up or down is at work (the lock of the state). The recorded plan is first
 * fitted to the devices that are there now; rules that differ from it are put back as a whole, in
 * one transaction, whatever the difference is; the failsafe is mended by adding before removing.
 * Then both are read once more. What somebody else put in the way is not ours to remove: it is a
 * problem that lasts until it is gone. */
#include "tables.h"
#include "watch_internal.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/refit.h>
#include <kr/sinkctl.h>
#include <kr/up.h>

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUSY_US 20000u       /* how often the lock is tried */
#define BUSY_MOST 30000000u  /* an up that takes longer is not to be believed */
#define UNSURE_MOST 2000000u /* rules that can't be read for so long are a breach */

struct look {
    struct kr_watch *w;
    struct kr_netview view;
    struct kr_refit fit;
    struct kr_buf rules, routes; /* how the kernel differs */
    bool mended_rules, mended_routes;
    unsigned us; /* from the bell to the last deed */
};

static unsigned since_bell(const struct kr_watch *w)
{
    return w->rang ? (unsigned)(kr_now_us() - w->rang) : 0;
}

static struct kr_nft *ruleset(const struct kr_plan *p)
{
    return kr_plan_ruleset(p, p->mode == KR_MODE_BLOCK ? KR_RULES_BLOCK : KR_RULES_ALL);
}

int kr_watch_load(const struct kr_plan *p, struct kr_err *e)
{
    struct kr_nft *r = ruleset(p);
    /* Rules matter more than what was counted. */
    kr_nft_keep_counters(r, &kr_table_inet, NULL);
    kr_nft_keep_counters(r, &kr_table_netdev, NULL);
    kr_nft_set_owner(r, kr_tables_owner());
    int bad = kr_tables_swap(r, e);
    kr_nft_free(r);
    return bad;
}

/* 1: as planned; 0: not; -1: unknown. */
static int compare(const struct kr_plan *p, struct kr_buf *diff, struct kr_err *e)
{
    bool fence = p->fence && p->uplinks.n, there = false;
    struct kr_nft *want = ruleset(p);
    kr_nft_set_owner(want, kr_tables_owner());
    int equal = kr_nft_compare(want, diff, NULL, e);
    kr_nft_free(want);
    if (equal < 0 || fence)
        return equal;
    if (kr_nft_exists(&kr_table_netdev, &there, e))
        return -1;
    if (there)
        kr_buf_printf(diff, "table netdev " KR_TABLE " is there, though none was recorded\n");
    return equal && !there;
}

/* ---- the record ---------------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_size == b->st_size;
}

static void look_for_sink(struct kr_watch *w)
{
    kr_watch_forget(w, &w->sink);
    w->sink_gone = false;
    if (w->state.plan.mode != KR_MODE_REDIRECT || !w->state.plan.builtin)
        return;
    w->sink = (int)syscall(SYS_pidfd_open, w->state.sink_pid, 0);
    if (w->sink < 0 || !kr_sink_is(w->state.sink_pid) || kr_watch_listen(w, w->sink, KR_SINK, NULL))
        w->sink_gone = true;
}

int kr_watch_read_state(struct kr_watch *w, struct kr_err *e)
{
    struct kr_state now;
    struct stat file = {0};
    if (stat(w->o.paths->state, &file) == 0 && same_file(&file, &w->file))
        return 1;
    int got = kr_state_read(w->o.paths, &now, e);
    if (got != 1)
        return got;
    kr_state_free(&w->state);
    w->state = now;
    w->file = file;
    w->prover.full_due = 0;
    look_for_sink(w);
    return 1;
}

static int write_state(struct kr_watch *w, struct kr_err *e)
{
    w->prover.full_due = 0;
    if (kr_state_write(w->o.paths, &w->state, false, e))
        return -1;
    return stat(w->o.paths->state, &w->file) ? kr_fail(e, KR_UNKNOWN, 0, "the record is gone") : 0;
}

/* What can't be read may stand. */
static bool anything_stands(void)
{
    bool inet = true, netdev = true;
    struct kr_netview v;
    if (kr_nft_exists(&kr_table_inet, &inet, NULL) || inet ||
        kr_nft_exists(&kr_table_netdev, &netdev, NULL) || netdev || kr_netview_read(&v, NULL))
        return true;
    bool failsafe = kr_failsafe_present(&v);
    kr_netview_free(&v);
    return failsafe;
}

/* False when there is nothing to look at any more. */
static bool know_what_should_stand(struct kr_watch *w)
{
    struct kr_err why = {0};
    int got = kr_watch_read_state(w, &why);
    bool down = got == 0 && w->gave_way && !anything_stands();
    if (w->gave_way && !down)
        w->gave_way = false;
    w->over = down;
    if (got == 1 || down)
        return !down;
    /* Not by down, so it was taken away or spoilt. */
    struct kr_err bad = {0};
    if (write_state(w, &bad))
        kr_watch_problem(w, "record", bad.msg);
    else
        kr_watch_tell(w, KR_EVENT_REPAIRED, true, "record", since_bell(w), "the record was %s",
                      got ? why.msg : "removed");
    return true;
}

/* ---- devices, rules, routes ------------------------------------------------------------------ */

static int fit(struct look *l, struct kr_err *e)
{
    struct kr_origin origin;
    const struct kr_plan *p = &l->w->state.plan;
    bool ask = kr_refit_needs_origin(p, &l->view);
    if (ask && kr_origin_find(&origin, e))
        return -1;
    return kr_refit(p, &l->view, ask ? &origin : NULL, &l->fit, e);
}

/* While others change rules without pause ours can't be read as they are at one moment. */
static int unsure(struct kr_watch *w, const struct kr_err *why)
{
    uint64_t now = kr_now_us();
    w->unsure = w->unsure ? w->unsure : now;
    w->due = now + BUSY_US;
    if (now - w->unsure < UNSURE_MOST)
        return -1;
    kr_watch_problem(w, "rules", why->msg);
    return -1;
}

static int mend_rules(struct look *l)
{
    struct kr_watch *w = l->w;
    struct kr_err why = {0};
    KR_AUTO_BUF struct kr_buf after = {0};
    int equal = compare(&w->state.plan, &l->rules, &why);
    if (equal < 0)
        return unsure(w, &why);
    w->unsure = 0;
    if (equal == 1 && !l->fit.said.len)
        return 0;
    l->mended_rules = equal == 0;
    if (kr_watch_load(&l->fit.plan, &why)) {
        kr_watch_problem(w, "rules", why.msg);
        return -1;
    }
    l->us = since_bell(w);
    equal = compare(&l->fit.plan, &after, &why);
    if (equal == 0)
        kr_watch_problem(w, "rules", kr_buf_str(&after));
    return equal < 0 ? unsure(w, &why) : equal == 1 ? 0 : -1;
}

static int mend_routes(struct look *l)
{
    struct kr_err why = {0};
    struct kr_failsafe f = kr_plan_failsafe(&l->fit.plan);
    if (kr_failsafe_check_view(&f, &l->view, &l->routes))
        return 0;
    if (kr_failsafe_apply(&f, l->w->state.hole, &why) == 0) {
        KR_AUTO_BUF struct kr_buf after = {0};
        l->mended_routes = true;
        l->us = since_bell(l->w);
        if (kr_failsafe_check(&f, &after, &why) == 1)
            return 0;
        kr_watch_problem(l->w, "failsafe", after.len ? kr_buf_str(&after) : why.msg);
        return -1;
    }
    kr_watch_problem(l->w, "failsafe", why.msg);
    return -1;
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void tell(struct look *l)
{
    struct kr_watch *w = l->w;
    unsigned us = l->us;
    bool moved = l->fit.lost;
    if (l->fit.said.len)
        kr_watch_tell(w, KR_EVENT_FENCED, false, "devices", us, "%s", kr_buf_str(&l->fit.said));
    if (l->mended_rules && !moved)
        kr_watch_tell(w, KR_EVENT_REPAIRED, true, "rules", us, "%s", kr_buf_str(&l->rules));
    if (l->mended_routes && !moved)
        kr_watch_tell(w, KR_EVENT_REPAIRED, true, "failsafe", us, "%s", kr_buf_str(&l->routes));
}

static int adopt(struct look *l, struct kr_err *e)
{
    struct kr_watch *w = l->w;
    if (!l->fit.said.len)
        return 0;
    kr_plan_free(&w->state.plan);
    w->state.plan = l->fit.plan;
    memset(&l->fit.plan, 0, sizeof l->fit.plan);
    return write_state(w, e);
}

static void block(struct kr_watch *w)
{
    struct kr_cut_count cut = {0};
    struct kr_err why = {0};
    int pid = (int)w->state.sink_pid;
    kr_watch_forget(w, &w->sink);
    w->sink_gone = false;
    if (kr_block(w->o.paths, &w->state, NULL, &cut, &why))
        kr_watch_problem(w, "sink", why.msg);
    kr_watch_tell(
        w, KR_EVENT_BLOCKED, true, "sink", since_bell(w),
        "kumo-sink (process %d) is gone: nothing is redirected any more, the guards stand", pid);
    stat(w->o.paths->state, &w->file);
    w->prover.full_due = 0;
}

static bool look(struct look *l)
{
    struct kr_err why = {0};
    struct kr_watch *w = l->w;
    if (kr_netview_read(&l->view, &why) || fit(l, &why)) {
        kr_watch_problem(w, "devices", why.msg);
        return false;
    }
    bool rules = mend_rules(l) == 0;
    bool routes = mend_routes(l) == 0;
    bool written = adopt(l, &why) == 0;
    if (!written)
        kr_watch_problem(w, "record", why.msg);
    tell(l);
    return rules && routes && written;
}

static void take_again(struct kr_watch *w)
{
    struct kr_err why = {0};
    if (w->owns || !w->can_own)
        return;
    if (kr_watch_take(w, &why))
        kr_watch_problem(w, "owner", why.msg);
    else if (w->owns)
        kr_watch_tell(w, KR_EVENT_OWNED, false, "watch", 0, "the tables are held again");
}

static void is_busy(struct kr_watch *w, const struct kr_err *why)
{
    uint64_t now = kr_now_us();
    w->busy = w->busy ? w->busy : now;
    w->due = now + BUSY_US;
    if (now - w->busy > BUSY_MOST)
        kr_watch_problem(w, "lock", why->msg);
}

void kr_watch_look(struct kr_watch *w)
{
    struct kr_err why = {0};
    struct look l = {.w = w};
    KR_AUTO_FD int lock = kr_state_lock(w->o.paths, 0, &why);
    if (lock < 0) {
        is_busy(w, &why);
        return;
    }
    w->busy = 0;
    w->due = 0;
    kr_watch_round(w, false);
    if (!know_what_should_stand(w))
        return;
    if (w->sink_gone)
        block(w);
    w->good = look(&l);
    if (w->good)
        take_again(w);
    if (!w->unsure)
        kr_watch_settle(w, false);
    w->rang = 0;
    kr_refit_free(&l.fit);
    kr_netview_free(&l.view);
    kr_buf_free(&l.rules);
    kr_buf_free(&l.routes);
}

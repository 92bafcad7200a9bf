/* Theory of operation.
 *
 * Mail that the sink deferred is still queued, for days. While the guards stand it reaches nobody;
 * once they are gone it goes to real people. So down goes to blocked first, and from there to off
 * only when every mail server says, twice in a row, that it has nothing: a message that moves from
 * one of its queues to the other while these are read may be missed once. The second answer is the
 * last thing that happens before the guards go. Who can't be asked has mail. */
#include <kr/down.h>

#include "tables.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/let_go.h>
#include <kr/persist.h>
#include <kr/scene.h>
#include <kr/sinkctl.h>
#include <kr/standing.h>

#include <poll.h>
#include <string.h>

#define PURGE_S 30
#define LOOK_MS 500
#define AGAIN 4u /* looks between orders to purge */

struct down {
    const struct kr_paths *paths;
    const struct kr_down_how *how;
    struct kr_standing found;
    struct kr_down_result *result;
};

/* ---- the queues ------------------------------------------------------------------------------ */

static int look(const struct kr_down_how *how, struct kr_queues *q, struct kr_err *e)
{
    struct kr_scene scene = {.table = KR_TABLE};
    kr_queues_free(q);
    int bad = kr_queues_read(&scene, &how->queue, q, e);
    kr_scene_forget(&scene);
    return bad;
}

static int interrupted(struct kr_err *e)
{
    return kr_fail(e, KR_CANNOT, 0, "interrupted while mail was waited for");
}

static bool stands(const struct kr_queues *ordered, const struct kr_queue *q)
{
    for (size_t i = 0; i < ordered->n; i++)
        if (*ordered->v[i].order && ordered->v[i].mta == q->mta &&
            strcmp(ordered->v[i].where, q->where) == 0)
            return true;
    return false;
}

/* A message that was being delivered when it was to go is there still, unless the order stands. */
static void order_again(const struct kr_down_how *how, struct kr_queues *q,
                        const struct kr_queues *ordered)
{
    struct kr_err why = {0};
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].state != KR_QUEUE_EMPTY && q->v[i].purgeable && !stands(ordered, &q->v[i]))
            kr_queue_purge(&q->v[i], &how->queue, &why);
}

/* `ordered`: what was to be purged, or NULL. 1: empty; 0: time is over; -1. */
static int wait_empty(const struct kr_down_how *how, struct kr_queues *q, unsigned seconds,
                      const struct kr_queues *ordered, struct kr_err *e)
{
    unsigned looks = 0;
    uint64_t end = kr_now_us() + seconds * 1000000ull;
    for (;;) {
        uint64_t now = kr_now_us();
        if (kr_interrupted)
            return interrupted(e);
        if (look(how, q, e))
            return -1;
        if (kr_queues_empty(q))
            return 1;
        if (now >= end)
            return 0;
        if (how->on_look)
            how->on_look(q, (unsigned)((end - now) / 1000000), how->arg);
        if (ordered && ++looks % AGAIN == 0)
            order_again(how, q, ordered);
        poll(NULL, 0, LOOK_MS);
    }
}

int kr_down_drain(const struct kr_down_how *how, unsigned seconds, struct kr_err *e)
{
    struct kr_queues q = {0};
    int got = wait_empty(how, &q, seconds, NULL, e);
    kr_queues_free(&q);
    return got;
}

/* An order to purge is taken back even when the queue did not get empty. */
static int purge(struct down *d, struct kr_err *e)
{
    struct kr_queues ordered = d->result->queues, now = {0};
    struct kr_err why = {0};
    int bad = 0;
    for (size_t i = 0; i < ordered.n && !bad; i++)
        if (ordered.v[i].state != KR_QUEUE_EMPTY && ordered.v[i].purgeable)
            bad = kr_queue_purge(&ordered.v[i], &d->how->queue, e);
    d->result->purged = !bad;
    bad = bad || wait_empty(d->how, &now, PURGE_S, &ordered, e) < 0;
    for (size_t i = 0; i < ordered.n; i++)
        if (kr_queue_purged(&ordered.v[i], &d->how->queue, &why) && !bad)
            bad = kr_fail(e, why.exit, 0, "%s (it goes on bouncing mail)", why.msg);
    kr_queues_free(&ordered);
    d->result->queues = now;
    return bad ? -1 : 0;
}

static int settle(struct down *d, struct kr_err *e)
{
    struct kr_queues *q = &d->result->queues;
    if (look(d->how, q, e))
        return -1;
    if (!kr_queues_empty(q) && d->how->purge && !d->how->force &&
        (!d->how->may_purge || d->how->may_purge(q, d->how->arg)) && purge(d, e))
        return -1;
    return q->n && kr_queues_empty(q) ? look(d->how, q, e) : 0;
}

static int let_go_anyway(struct down *d, const char *why, struct kr_err *e)
{
    d->result->forced = true;
    return kr_let_go_write(d->paths, &d->result->queues, why, e);
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* Leftovers without a record have no plan to block by: their guards stay as they are until the end.
 */
static int stage_block(struct down *d, struct kr_err *e)
{
    struct kr_state *s = &d->found.state;
    if (d->found.recorded != 1 || !d->found.inet)
        return kr_sink_stop(d->paths, s->sink_pid, d->result->account, e);
    return kr_block(d->paths, s, d->result->account, &d->result->cut, e) || kr_persist_block(e) ? -1
                                                                                                : 0;
}

static int stage_queue(struct down *d, struct kr_err *e)
{
    struct kr_err why = {0};
    if (d->result->was_off)
        return 0;
    if (settle(d, &why)) {
        if (d->how->force)
            return let_go_anyway(d, why.msg, e);
        return kr_fail(e, why.exit, why.sys, "%s; blocked: the guards stand", why.msg);
    }
    if (kr_queues_empty(&d->result->queues))
        return kr_let_go_forget(d->paths, e);
    if (d->how->force)
        return let_go_anyway(d, NULL, e);
    d->result->ended = KR_ENDED_BLOCKED;
    return 0;
}

/* Tables last to come up, last to go; the failsafe does not need them and outlives them. */
static int stage_guards(struct down *d, struct kr_err *e)
{
    (void)d;
    return kr_tables_swap(NULL, e);
}

static int stage_failsafe(struct down *d, struct kr_err *e)
{
    (void)d;
    return kr_failsafe_remove(e);
}

static int stage_record(struct down *d, struct kr_err *e)
{
    return kr_state_remove(d->paths, e) || kr_persist_remove(e) ? -1 : 0;
}

static const struct {
    const char *name;
    int (*run)(struct down *d, struct kr_err *e);
} stages[] = {
    {"blocked", stage_block},     {"queue", stage_queue},   {"guards", stage_guards},
    {"failsafe", stage_failsafe}, {"record", stage_record},
};

static int run_stages(struct down *d, struct kr_err *e)
{
    const struct kr_down_how *how = d->how;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        if (stages[i].run(d, e))
            return kr_wrap(e, "%s", stages[i].name);
        if (how->on_stage)
            how->on_stage(stages[i].name, 0, how->arg);
        if (d->result->ended == KR_ENDED_BLOCKED)
            return 0;
    }
    return 0;
}

int kr_down(const struct kr_paths *paths, const struct kr_down_how *how, struct kr_down_result *out,
            struct kr_err *e)
{
    struct down d = {.paths = paths, .how = how, .result = out};
    struct kr_buf *account = out->account;
    memset(out, 0, sizeof *out);
    out->account = account;
    out->ended = KR_ENDED_OFF;
    if (kr_standing_read(paths, &d.found, e)) {
        kr_standing_free(&d.found);
        return -1;
    }
    out->was_off = !kr_standing_any(&d.found);
    int bad = run_stages(&d, e);
    kr_standing_free(&d.found);
    return bad;
}

void kr_down_result_free(struct kr_down_result *r)
{
    kr_queues_free(&r->queues);
    memset(r, 0, sizeof *r);
}

/* Waiting, at the end of a run, for what the generator handed in and the mail servers still have.
 */
#include "run_steps.h"

#include <kr/clock.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/plan.h>
#include <kr/queue.h>
#include <kr/scene.h>
#include <kr/up.h>

#define UNASKED 10u /* seconds: mail may also end without having met the sink */

struct left {
    bool unknown, empty;
    uint64_t queued;  /* at least */
    uint64_t arrived; /* at the sink by then */
};

static struct left look(const struct run *r)
{
    struct left left = {.arrived = kr_ledger_arrived(r->ledger)};
    struct kr_scene scene = {.table = KR_TABLE};
    struct kr_queues q = {0};
    const struct kr_queue_how how = {.most_ms = 5000};
    struct kr_err why = {0};
    left.unknown = kr_queues_read(&scene, &how, &q, &why);
    left.empty = !left.unknown && kr_queues_empty(&q);
    left.unknown |= !kr_queues_total(&q, &left.queued);
    kr_queues_free(&q);
    kr_scene_forget(&scene);
    return left;
}

/* To ask costs a mail server that is busy more than it costs us. */
static bool worth_asking(const struct run *r, const struct left *was)
{
    uint64_t now = kr_ledger_arrived(r->ledger);
    return now == UINT64_MAX || was->arrived == UINT64_MAX || now - was->arrived >= was->queued;
}

void kr_run_drain(struct run *r, const struct kr_gate_want *want, struct kr_gate_end *end)
{
    uint64_t until = kr_now_us() + r->o->run.drain * 1000000u;
    struct left left = {.empty = true};
    if (r->o->run.drain)
        left = look(r);
    if (!left.empty && !left.unknown)
        kr_info("mail is still queued; waiting for it, at most %u s", (unsigned)r->o->run.drain);
    for (unsigned unasked = 0;
         !left.empty && !left.unknown && kr_now_us() < until && !kr_interrupted;) {
        if (kr_gate_idle(want, 1000, end))
            return;
        want->on_second(want->arg);
        if (++unasked < UNASKED && !worth_asking(r, &left))
            continue;
        left = look(r);
        unasked = 0;
    }
    kr_gate_idle(want, 0, end);
}

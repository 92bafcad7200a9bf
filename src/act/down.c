#include "tables.h"

#include <kr/err.h>
#include <kr/sinkctl.h>
#include <kr/standing.h>
#include <kr/up.h>

#include <string.h>

struct down {
    const struct kr_paths *paths;
    struct kr_standing found;
    struct kr_down_result *result;
};

/* Leftovers without a record have no plan to block by: their guards stay as they are until the end.
 */
static int stage_block(struct down *d, struct kr_err *e)
{
    struct kr_state *s = &d->found.state;
    if (d->found.recorded != 1 || !d->found.inet)
        return kr_sink_stop(d->paths, s->sink_pid, d->result->account, e);
    return kr_block(d->paths, s, d->result->account, &d->result->cut, e);
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
    return kr_state_remove(d->paths, e);
}

static const struct {
    const char *name;
    int (*run)(struct down *d, struct kr_err *e);
} stages[] = {
    {"blocked", stage_block},
    {"guards", stage_guards},
    {"failsafe", stage_failsafe},
    {"record", stage_record},
};

static int run_stages(struct down *d, kr_stage_cb cb, void *arg, struct kr_err *e)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        if (stages[i].run(d, e))
            return kr_wrap(e, "%s", stages[i].name);
        if (cb)
            cb(stages[i].name, 0, arg);
    }
    return 0;
}

int kr_down(const struct kr_paths *paths, kr_stage_cb cb, void *arg, struct kr_down_result *out,
            struct kr_err *e)
{
    struct down d = {.paths = paths, .result = out};
    struct kr_buf *account = out->account;
    memset(out, 0, sizeof *out);
    out->account = account;
    if (kr_standing_read(paths, &d.found, e)) {
        kr_standing_free(&d.found);
        return -1;
    }
    out->was_off = !kr_standing_any(&d.found);
    int bad = run_stages(&d, cb, arg, e);
    kr_standing_free(&d.found);
    return bad;
}

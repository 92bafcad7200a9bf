/* Theory of operation.
 *
 * up goes through stages, each of which leaves the host at least as safe as the one before: guards
 * first (one nftables transaction), then the routing failsafe, the sink, the redirect itself, the
 * cut of older flows, the readback, the probe, the record. Whatever fails or is interrupted before
 * the redirect leads back to what was found: off, or the guards that stood. Whatever fails later
 * leads to `blocked`. A kill at any point leaves guards and no sink (it dies with its parent until
 * the record is written); the next up or down finds all of it by name, table and protocol number.
 *
 * When a redirect stands already, its guards are never taken down to be put up again: the failsafe
 * is brought up to date by adding before removing, and one transaction swaps all tables. */
#include "tables.h"
#include "up_internal.h"

#include <kr/err.h>
#include <kr/nft_kernel.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

volatile int kr_interrupted;

static unsigned now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned)(t.tv_sec * 1000000L + t.tv_nsec / 1000);
}

/* Those that stand first: the guards alone, unless all tables are swapped at once. */
static struct kr_nft *first_rules(struct kr_up *u)
{
    const struct kr_plan *p = &u->state->plan;
    if (u->swap)
        return kr_up_rules(u);
    if (!u->rules)
        u->rules = kr_plan_ruleset(p, p->mode == KR_MODE_BLOCK ? KR_RULES_BLOCK : KR_RULES_GUARDS);
    return u->rules;
}

struct kr_nft *kr_up_rules(struct kr_up *u)
{
    const struct kr_plan *p = &u->state->plan;
    if (!u->rules)
        u->rules = kr_plan_ruleset(p, p->mode == KR_MODE_BLOCK ? KR_RULES_BLOCK : KR_RULES_ALL);
    else if (!u->whole && p->mode != KR_MODE_BLOCK)
        kr_plan_add_redirect(p, u->rules);
    u->whole = true;
    return u->rules;
}

typedef int load_fn(const struct kr_nft *r, struct kr_err *e);

/* Without the egress hook there is no fence; going on without it takes a waiver. */
static int load_or_waive(struct kr_up *u, load_fn *load, struct kr_err *e)
{
    struct kr_plan *p = &u->state->plan;
    struct kr_err why = {0};
    if (load(first_rules(u), &why) == 0)
        return 0;
    bool fence = p->fence && (why.sys == EOPNOTSUPP || why.sys == ENOENT);
    if (fence && kr_waived(&p->waivers, "netdev-fence")) {
        p->fence = false;
        kr_nft_free(u->rules);
        u->rules = NULL;
        u->whole = false;
        return load(first_rules(u), e);
    }
    *e = why;
    return fence ? kr_wrap(e, "the fence needs Linux 5.16 with CONFIG_NETFILTER_EGRESS; to go on "
                              "without it: --allow netdev-fence=REASON")
                 : -1;
}

static int stage_guards(struct kr_up *u, struct kr_err *e)
{
    return u->swap ? 0 : load_or_waive(u, kr_tables_swap_first, e);
}

static int stage_failsafe(struct kr_up *u, struct kr_err *e)
{
    struct kr_failsafe f = kr_plan_failsafe(&u->state->plan);
    return kr_failsafe_apply_to(&f, &u->view, u->state->hole, e);
}

/* The sink takes its time to start, on another processor: what needs nothing but the guards is done
 * by then. */
static int meanwhile(struct kr_up *u, struct kr_err *e)
{
    const struct kr_ports *ports = &u->state->plan.guarded;
    if (u->swap) /* the guards that stand may have other ports */
        return 0;
    unsigned begin = now_us();
    kr_up_rules(u);
    int none = kr_cut_look(ports->v, ports->n, e);
    u->no_sockets = none == 1;
    u->ahead_us = now_us() - begin;
    return none < 0 ? -1 : 0;
}

static int stage_sink(struct kr_up *u, struct kr_err *e)
{
    const struct kr_plan *p = &u->state->plan;
    if (u->keep_sink) {
        u->state->sink_pid = u->found.state.sink_pid;
        memcpy(u->state->nonce, u->found.state.nonce, sizeof u->state->nonce);
        return 0;
    }
    if (!u->swap && kr_sink_stop(u->paths, u->found.state.sink_pid, NULL, e))
        return -1;
    if (p->mode == KR_MODE_BLOCK || !p->builtin)
        return 0;
    if (kr_sink_launch(u->paths, p->sink4.at.port, &u->sink, e) || meanwhile(u, e) ||
        kr_sink_await(&u->sink, u->paths, e))
        return -1;
    u->state->sink_pid = u->sink.pid;
    memcpy(u->state->nonce, u->sink.nonce, sizeof u->state->nonce);
    return 0;
}

static int stage_redirect(struct kr_up *u, struct kr_err *e)
{
    if (u->state->plan.mode == KR_MODE_BLOCK)
        return 0;
    u->redirecting = true;
    return u->swap ? load_or_waive(u, kr_tables_swap, e) : kr_nft_load_rest(kr_up_rules(u), e);
}

static int stage_cut(struct kr_up *u, struct kr_err *e)
{
    return kr_up_cut(u, e);
}

static int stage_readback(struct kr_up *u, struct kr_err *e)
{
    return kr_up_readback(u, e);
}

static int stage_probe(struct kr_up *u, struct kr_err *e)
{
    return u->state->plan.mode == KR_MODE_BLOCK ? 0 : kr_up_probe(u, e);
}

static int stage_record(struct kr_up *u, struct kr_err *e)
{
    if (kr_state_write(u->paths, u->state, false, e))
        return -1;
    if (kr_sink_keep(&u->sink, e))
        return -1;
    if (u->swap && !u->keep_sink)
        return kr_sink_stop(u->paths, u->found.state.sink_pid, NULL, e);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct kr_up *u, struct kr_err *e);
} stages[] = {
    {"guards", stage_guards},     {"failsafe", stage_failsafe}, {"sink", stage_sink},
    {"redirect", stage_redirect}, {"cut", stage_cut},           {"readback", stage_readback},
    {"probe", stage_probe},       {"record", stage_record},
};

/* What was done ahead while the sink started counts to the stage it was done for. */
static int run_stages(struct kr_up *u, kr_stage_cb cb, void *arg, struct kr_err *e)
{
    unsigned ahead = 0;
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        unsigned begin = now_us();
        u->ahead_us = 0;
        if (kr_interrupted)
            return kr_fail(e, KR_CANNOT, EINTR, "before the stage '%s'", stages[i].name);
        if (stages[i].run(u, e))
            return kr_wrap(e,
                           e->sys == EOPNOTSUPP ? "%s (kumo-redirect features tells what this "
                                                  "kernel lacks)"
                                                : "%s",
                           stages[i].name);
        if (cb)
            cb(stages[i].name, now_us() - begin - u->ahead_us + ahead, arg);
        ahead = u->ahead_us;
    }
    return 0;
}

static bool same_as_found(const struct kr_up *u)
{
    return kr_standing_whole(&u->found) && kr_plan_equal(&u->found.state.plan, &u->state->plan);
}

int kr_up(const struct kr_settings *s, const struct kr_paths *paths, kr_stage_cb cb, void *arg,
          struct kr_up_result *out, struct kr_err *e)
{
    struct kr_up u = {
        .paths = paths, .result = out, .state = &out->state, .sink = {.lifeline = -1, .ready = -1}};
    memset(out, 0, sizeof *out);
    out->ended = KR_ENDED_AS_FOUND;
    if (kr_up_prepare(&u, s, e)) {
        kr_netview_free(&u.view);
        kr_standing_free(&u.found);
        return -1;
    }
    int bad = 0;
    if (same_as_found(&u)) {
        kr_state_free(&out->state);
        out->state = u.found.state;
        out->generation = u.found.generation;
        memset(&u.found.state, 0, sizeof u.found.state);
        out->ended = KR_ENDED_SAME;
    } else if ((bad = run_stages(&u, cb, arg, e)) != 0) {
        kr_up_go_back(&u, e);
    } else {
        out->ended = KR_ENDED_DONE;
    }
    kr_sink_abandon(&u.sink);
    kr_netview_free(&u.view);
    kr_nft_free(u.rules);
    kr_standing_free(&u.found);
    return bad;
}

void kr_up_result_free(struct kr_up_result *r)
{
    kr_state_free(&r->state);
    free(r->probes);
    memset(r, 0, sizeof *r);
}

/* Theory of operation.
 *
 * A verification is a statement about one moment. Everything that can be read is read after the
 * generation id of the ruleset and before it is read again: when it moved, another program changed
 * rules meanwhile, and the static checks start over. What is sent afterwards is only sent when
 * reading was possible at all.
 *
 * A check that fails to look is unknown, and unknown is not safe. A waiver takes a check out of the
 * verdict, never out of the report. */
#include "campaign.h"
#include "check_own.h"

#include <kr/checks.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>
#include <kr/nft_kernel.h>
#include <kr/verify.h>

#include <string.h>
#include <time.h>

#define TRIES 5

static unsigned now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned)(t.tv_sec * 1000000L + t.tv_nsec / 1000);
}

static const char *reason(const struct kr_waivers *w, const char *id)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->v[i].id, id) == 0)
            return w->v[i].reason;
    return NULL;
}

static int add_waivers(struct kr_waivers *to, const struct kr_waivers *from, struct kr_err *e)
{
    for (size_t i = 0; from && i < from->n; i++) {
        if (reason(to, from->v[i].id))
            continue;
        if (to->n == sizeof to->v / sizeof *to->v)
            return kr_fail(e, KR_USAGE, 0, "'%s' is one waiver too many", from->v[i].id);
        to->v[to->n++] = from->v[i];
    }
    return 0;
}

static int plan_to_come(const struct kr_settings *s, struct kr_plan *out, struct kr_err *e)
{
    struct kr_netview v;
    struct kr_origin origin;
    if (kr_origin_find(&origin, e) || kr_netview_read(&v, e))
        return -1;
    int bad = kr_plan_make(s, &v, &origin, out, e);
    kr_netview_free(&v);
    return bad;
}

static int read_standing(struct kr_verify *out, const struct kr_verify_want *want, struct kr_err *e)
{
    if (kr_standing_read(out->paths, &out->standing, e))
        return -1;
    bool recorded = out->standing.recorded == 1 && kr_standing_any(&out->standing);
    kr_plan_free(&out->to_come);
    if (!recorded && plan_to_come(want->settings, &out->to_come, e))
        return -1;
    out->plan = recorded ? &out->standing.state.plan : &out->to_come;
    out->waivers.n = 0;
    return add_waivers(&out->waivers, &out->plan->waivers, e) ||
                   add_waivers(&out->waivers, want->waivers, e)
               ? -1
               : 0;
}

static size_t list_ports(const struct kr_plan *p, uint16_t out[static KR_MAX_PORTS])
{
    size_t n = p->ports.n;
    memcpy(out, p->ports.v, sizeof p->ports.v);
    for (size_t i = 0; i < p->guarded.n; i++)
        if (!kr_ports_have(&p->ports, p->guarded.v[i]) && n < KR_MAX_PORTS)
            out[n++] = p->guarded.v[i];
    return n;
}

static void set_scene(struct kr_proof *proof, const struct kr_verify *v,
                      const struct kr_verify_want *want, uint16_t ports[static KR_MAX_PORTS])
{
    const struct kr_plan *p = v->plan;
    bool redirect = p->mode == KR_MODE_REDIRECT;
    *proof = (struct kr_proof){
        .moved = proof->moved,
        .standing = &v->standing,
        .plan = p,
        .scene = {.table = KR_TABLE,
                  .lan = &p->lan,
                  .uplinks = &p->uplinks,
                  .ports = ports,
                  .n_ports = list_ports(p, ports),
                  .n_redirected = redirect ? p->ports.n : 0,
                  .sink4 = redirect && p->sink4.on ? &p->sink4.at : NULL,
                  .sink6 = redirect && p->sink6.on ? &p->sink6.at : NULL,
                  .no_fence = !p->fence,
                  .standing = kr_standing_any(&v->standing),
                  .builtin = redirect && p->builtin,
                  .forward = redirect && p->forward,
                  .capture_local = redirect && p->capture_local,
                  .nonce = v->standing.recorded == 1 ? v->standing.state.nonce : "",
                  .sink_pid = v->standing.recorded == 1 ? v->standing.state.sink_pid : 0,
                  .expect_rate = want->expect_rate,
                  .expect_concurrency = want->expect_concurrency},
    };
}

static void run_one(struct kr_verified *x, struct kr_scene *scene)
{
    struct kr_err why = {0};
    unsigned begin = now_us();
    kr_result_free(&x->result);
    if (x->check->run(scene, &x->result, &why))
        kr_result_add(&x->result, KR_IN_DOUBT, x->check->id, "%s", why.msg);
    x->us = now_us() - begin;
}

static void run_phase(struct kr_verify *out, struct kr_scene *scene, enum kr_phase phase,
                      const struct kr_verify_want *want)
{
    for (size_t i = 0; i < out->n; i++) {
        if (out->v[i].check->phase != phase)
            continue;
        if (want->progress)
            want->progress(out->v[i].check, i, out->n, want->arg);
        run_one(&out->v[i], scene);
    }
}

/* What stands is read anew for each try, and with it the plan that the scene borrows from. */
static int look(struct kr_verify *out, struct kr_proof *proof, uint16_t *ports,
                const struct kr_verify_want *want, struct kr_err *e)
{
    kr_scene_forget(&proof->scene);
    if (!out->again)
        kr_standing_free(&out->standing);
    if (kr_nft_generation(&out->generation, e) || (!out->again && read_standing(out, want, e)))
        return -1;
    set_scene(proof, out, want, ports);
    run_phase(out, &proof->scene, KR_STATIC, want);
    return 0;
}

static int run_static(struct kr_verify *out, struct kr_proof *proof, uint16_t *ports,
                      const struct kr_verify_want *want, struct kr_err *e)
{
    uint32_t after = 0;
    for (int i = 0; i < TRIES; i++) {
        if (look(out, proof, ports, want, e) || kr_nft_generation(&after, e))
            return -1;
        if (after == out->generation)
            return 0;
        kr_debug("the ruleset changed (generation %u to %u)", out->generation, after);
    }
    proof->moved = true;
    return 0;
}

static void choose(struct kr_verify *out, const struct kr_verify_want *want)
{
    size_t all = kr_checks_count();
    out->v = kr_calloc(all, sizeof *out->v);
    for (size_t i = 0; i < all; i++) {
        const struct kr_check *c = kr_checks_at(i);
        bool take = want->active || c->phase == KR_STATIC;
        if (take && (!want->wanted || want->wanted(c, want->arg)))
            out->v[out->n++].check = c;
    }
}

static void judge(struct kr_verify *out)
{
    out->verdict = KR_HOLDS;
    for (size_t i = 0; i < out->n; i++) {
        struct kr_verified *x = &out->v[i];
        if (x->result.verdict == KR_HOLDS)
            continue;
        x->waived = x->check->waivable ? reason(&out->waivers, x->check->id) : NULL;
        if (!x->waived && !x->check->advice && x->result.verdict > out->verdict)
            out->verdict = x->result.verdict;
    }
}

static int run_all(struct kr_verify *out, const struct kr_verify_want *want, struct kr_err *e)
{
    uint16_t ports[KR_MAX_PORTS];
    struct kr_proof proof = {0};
    choose(out, want);
    int bad = run_static(out, &proof, ports, want, e);
    if (!bad) {
        run_phase(out, &proof.scene, KR_ACTIVE, want);
        /* Says what the whole reading came to, so it is judged last. */
        for (size_t i = 0; proof.moved && i < out->n; i++)
            if (out->v[i].check == kr_check_stable)
                run_one(&out->v[i], &proof.scene);
    }
    kr_campaign_free(proof.campaign);
    kr_scene_forget(&proof.scene);
    return bad;
}

static void drop_results(struct kr_verify *v)
{
    for (size_t i = 0; i < v->n; i++)
        kr_result_free(&v->v[i].result);
    free(v->v);
    v->v = NULL;
    v->n = 0;
}

int kr_verify_again(struct kr_verify *v, const struct kr_verify_want *want, struct kr_err *e)
{
    unsigned start = now_us();
    drop_results(v);
    kr_state_now(v->when);
    v->again = true;
    if (run_all(v, want, e))
        return -1;
    judge(v);
    v->us = now_us() - start;
    return 0;
}

int kr_verify(const struct kr_paths *paths, const struct kr_verify_want *want,
              struct kr_verify *out, struct kr_err *e)
{
    unsigned start = now_us();
    memset(out, 0, sizeof *out);
    kr_state_now(out->when);
    out->paths = paths;
    if (run_all(out, want, e)) {
        kr_verify_free(out);
        return -1;
    }
    judge(out);
    out->us = now_us() - start;
    return 0;
}

void kr_verify_free(struct kr_verify *v)
{
    drop_results(v);
    kr_plan_free(&v->to_come);
    kr_standing_free(&v->standing);
    memset(v, 0, sizeof *v);
}

int kr_verify_status(const struct kr_verify *v)
{
    static const int status[] = {
        [KR_HOLDS] = KR_OK, [KR_IN_DOUBT] = KR_UNKNOWN, [KR_BROKEN] = KR_UNSAFE};
    return status[v->verdict];
}

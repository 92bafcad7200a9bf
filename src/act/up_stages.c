#include "flows.h"
#include "tables.h"
#include "up_internal.h"

#include <kr/cut.h>
#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nft_kernel.h>
#include <kr/origin.h>
#include <kr/probe_sinks.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define GREETING_MS 3000

static int plan(struct kr_up *u, const struct kr_settings *s, struct kr_err *e)
{
    struct kr_origin origin;
    return kr_origin_find(&origin, e) || kr_netview_read(&u->view, e)
               ? -1
               : kr_plan_make(s, &u->view, &origin, &u->state->plan, e);
}

static int foreign_sinks_answer(const struct kr_plan *p, struct kr_err *e)
{
    const struct kr_plan_sink *const sinks[] = {&p->sink4, &p->sink6};
    for (size_t i = 0; i < 2 && !p->builtin; i++)
        if (sinks[i]->on && kr_sink_greets(&sinks[i]->at, GREETING_MS, e))
            return -1;
    return 0;
}

int kr_up_prepare(struct kr_up *u, const struct kr_settings *s, struct kr_err *e)
{
    if (plan(u, s, e) || foreign_sinks_answer(&u->state->plan, e) ||
        kr_standing_read_in(&u->view, u->paths, &u->found, e))
        return -1;
    const struct kr_plan *was = &u->found.state.plan, *p = &u->state->plan;
    kr_state_now(u->state->since);
    u->result->replaced = kr_standing_any(&u->found);
    u->result->let_go = u->found.let_go;
    u->keep_sink = u->found.recorded == 1 && was->builtin && p->builtin && u->found.sink == 1 &&
                   was->mode == KR_MODE_REDIRECT;
    u->swap = kr_standing_whole(&u->found) && was->mode == KR_MODE_REDIRECT &&
              p->mode == KR_MODE_REDIRECT && (u->keep_sink || !was->builtin || !p->builtin);
    return kr_state_write(u->paths, u->state, true, e);
}

int kr_up_cut(struct kr_up *u, struct kr_err *e)
{
    struct kr_flow_world flows;
    kr_netview_free(&u->view);
    if (kr_netview_read(&u->view, e))
        return -1;
    kr_flows_init(&flows, &u->state->plan, &u->view);
    int bad = kr_cut_flows(&flows.policy, u->no_sockets, &u->result->cut, e);
    kr_flow_world_free(&flows);
    if (bad || !u->result->cut.no_sock_destroy ||
        kr_waived(&u->state->plan.waivers, "sock-destroy"))
        return bad;
    return kr_fail(e, KR_CANNOT, 0,
                   "this kernel can't destroy sockets (Linux 4.5, CONFIG_INET_DIAG_DESTROY); older "
                   "connections would hang behind the guards; to go on: --allow "
                   "sock-destroy=REASON");
}

static int first_line(struct kr_buf *diff, const char *what, struct kr_err *e)
{
    const char *s = kr_buf_str(diff);
    return kr_fail(e, KR_UNSAFE, 0, "%s not as planned: %.*s", what, (int)strcspn(s, "\n"), s);
}

int kr_up_readback(struct kr_up *u, struct kr_err *e)
{
    const struct kr_plan *p = &u->state->plan;
    KR_AUTO_BUF struct kr_buf diff = {0};
    struct kr_failsafe f = kr_plan_failsafe(p);
    int equal = kr_nft_compare(kr_up_rules(u), &diff, &u->result->generation, e);
    if (equal != 1)
        return equal < 0 ? -1 : first_line(&diff, "the rules in the kernel are", e);
    return kr_failsafe_check_view(&f, &u->view, &diff)
               ? 0
               : first_line(&diff, "the policy routing is", e);
}

static int judge(const struct kr_plan *p, const struct kr_probe *x, bool *seen4, bool *seen6,
                 struct kr_err *e)
{
    char from[KR_ADDRSTRLEN], to[KR_ADDRSTRLEN];
    *(kr_addr_is_v4(&x->source) ? seen4 : seen6) = true;
    if (x->result == KR_PROBE_SINK)
        return 0;
    return kr_fail(e, KR_UNSAFE, x->result == KR_PROBE_ERROR ? x->sys : 0,
                   "a connection from %s to %s port %u did not meet the sink (%s%s%s)",
                   kr_addr_str(&x->source, from), kr_addr_str(&x->destination, to), x->port,
                   kr_probe_result_name(x->result), *x->greeting ? ": " : "",
                   !p->builtin && x->result == KR_PROBE_SILENT ? "; has the sink a route back?"
                                                               : x->greeting);
}

int kr_up_probe(struct kr_up *u, struct kr_err *e)
{
    const struct kr_plan *p = &u->state->plan;
    struct kr_up_result *r = u->result;
    bool seen4 = false, seen6 = false;
    if (kr_probe_sinks(p, u->state->nonce, &r->probes, &r->n_probes, e))
        return -1;
    for (size_t i = 0; i < r->n_probes; i++)
        if (judge(p, &r->probes[i], &seen4, &seen6, e))
            return -1;
    if (seen4 == p->sink4.on && seen6 == p->sink6.on)
        return 0;
    return kr_fail(e, KR_UNKNOWN, 0, "no address to probe %s from: the redirect is not proven",
                   seen4 == p->sink4.on ? "IPv6" : "IPv4");
}

static int take_all_away(struct kr_err *e)
{
    return kr_tables_swap(NULL, e) || kr_failsafe_remove(e);
}

static void to_blocked(struct kr_up *u, struct kr_err *e)
{
    struct kr_err why = {0};
    struct kr_err first = *e;
    u->result->ended = KR_ENDED_BLOCKED;
    if (u->found.recorded == 1)
        kr_sink_stop(u->paths, u->found.state.sink_pid, NULL, &why);
    if (kr_block(u->paths, u->state, NULL, &u->result->cut, &why)) {
        kr_fail(e, first.exit, 0,
                "%s; the guards stand, but blocked is not complete: %.400s; run "
                "kumo-redirect down",
                first.msg, why.msg);
        return;
    }
    kr_fail(e, first.exit, 0, "%s; blocked now: the guards stand (kumo-redirect down removes them)",
            first.msg);
}

void kr_up_go_back(struct kr_up *u, struct kr_err *e)
{
    struct kr_err why = {0}, first = *e;
    if (u->redirecting || u->result->replaced) {
        to_blocked(u, e);
        return;
    }
    kr_sink_abandon(&u->sink);
    if (take_all_away(&why)) {
        u->result->ended = KR_ENDED_BLOCKED;
        kr_fail(e, first.exit, 0,
                "%s; what was installed could not be removed (%.400s); run "
                "kumo-redirect down",
                first.msg, why.msg);
        return;
    }
    u->result->ended = KR_ENDED_OFF;
    kr_fail(e, first.exit, 0, "%s; everything was taken back, the host is as it was found",
            first.msg);
}

#include "flows.h"
#include "tables.h"

#include <kr/cut.h>
#include <kr/err.h>
#include <kr/sinkctl.h>
#include <kr/up.h>

#include <string.h>

static int cut_redirected(const struct kr_plan *p, struct kr_cut_count *cut, struct kr_err *e)
{
    struct kr_flow_world flows;
    struct kr_netview v;
    if (kr_netview_read_addresses(&v, e))
        return -1;
    kr_flows_init(&flows, p, &v);
    kr_netview_free(&v);
    int bad = kr_cut_redirected(&flows.policy, cut, e);
    kr_flow_world_free(&flows);
    return bad;
}

int kr_block(const struct kr_paths *paths, struct kr_state *s, struct kr_buf *account,
             struct kr_cut_count *cut, struct kr_err *e)
{
    struct kr_nft *guards = kr_plan_ruleset(&s->plan, KR_RULES_BLOCK);
    kr_nft_set_owner(guards, kr_tables_owner());
    int bad = kr_tables_swap(guards, e);
    kr_nft_free(guards);
    if (bad)
        return kr_wrap(e, "going to blocked");
    if (kr_sink_stop(paths, s->sink_pid, account, e))
        return kr_wrap(e, "the guards stand");
    if (s->plan.mode == KR_MODE_REDIRECT && cut_redirected(&s->plan, cut, e))
        return kr_wrap(e, "cutting redirected flows; the guards stand");
    s->plan.mode = KR_MODE_BLOCK;
    s->plan.builtin = s->plan.sink4.on = s->plan.sink6.on = false;
    s->sink_pid = 0;
    s->nonce[0] = '\0';
    struct kr_failsafe f = kr_plan_failsafe(&s->plan);
    if (kr_failsafe_apply(&f, s->hole, e))
        return kr_wrap(e, "the guards stand");
    return kr_state_write(paths, s, false, e);
}

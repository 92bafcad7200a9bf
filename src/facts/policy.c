#include <kr/policy.h>

#include <kr/rt.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

bool kr_policy_is_local(const struct kr_fibrule *r)
{
    return r->priority == 0 && r->table == RT_TABLE_LOCAL && r->action == FR_ACT_TO_TBL &&
           !r->other_selectors && !r->invert && !r->ipproto && !r->dport_last;
}

/* "not" turns the selectors round; others (a mark, a user, a device ...) may or may not hold. */
bool kr_policy_may_take(const struct kr_fibrule *r, const uint16_t *ports, size_t n_ports)
{
    bool any = !r->dport_first && !r->dport_last;
    if (r->action == FR_ACT_NOP)
        return false;
    if (r->invert)
        return true;
    if (r->ipproto && r->ipproto != IPPROTO_TCP)
        return false;
    for (size_t i = 0; i < n_ports; i++)
        any |= r->dport_first <= ports[i] && ports[i] <= r->dport_last;
    return any;
}

static bool has_vrf(const struct kr_netview *v)
{
    for (size_t i = 0; i < v->n_links; i++)
        if (strcmp(v->links[i].kind, "vrf") == 0)
            return true;
    return false;
}

/* Why it can't match a packet to a guarded port here and now, or NULL. */
static const char *beside(const struct kr_fibrule *r, const struct kr_netview *v, bool forwards)
{
    bool foreign_iif = r->iif[0] && strcmp(r->iif, "lo") != 0;
    if (r->action == FR_ACT_TO_TBL && r->table == KR_RT_TABLE && !r->l3mdev)
        return "leads to our own table";
    if (r->action == FR_ACT_TO_TBL && r->table == RT_TABLE_LOCAL && !r->l3mdev)
        return "looks for this host's own addresses only";
    if (r->invert)
        return NULL;
    if (r->detached)
        return "names a device that is not there";
    if (r->l3mdev && !has_vrf(v))
        return "is for packets of a VRF, and there is none";
    if (foreign_iif && !forwards)
        return "is for packets that come in, and this host does not forward";
    return NULL;
}

enum kr_policy_reach kr_policy_reach(const struct kr_fibrule *r, const struct kr_netview *v,
                                     const uint16_t *ports, size_t n_ports, bool forwards,
                                     const char **why)
{
    *why = "can't match TCP to a guarded port";
    if (!kr_policy_may_take(r, ports, n_ports))
        return KR_POLICY_NEVER;
    *why = beside(r, v, forwards);
    if (*why)
        return KR_POLICY_NEVER;
    if (r->action == FR_ACT_BLACKHOLE || r->action == FR_ACT_UNREACHABLE ||
        r->action == FR_ACT_PROHIBIT) {
        *why = "refuses packets to guarded ports: no leak, but no redirect either";
        return KR_POLICY_REFUSES;
    }
    *why = "may lead packets to guarded ports past our table";
    return KR_POLICY_TAKES;
}

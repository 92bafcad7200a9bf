#include "checks_route_internal.h"

#include <kr/policy.h>
#include <kr/rt.h>
#include <kr/sysctl.h>

#include <linux/fib_rules.h>
#include <stdio.h>

static void note_one(const char *device, long value, void *arg)
{
    (void)device;
    *(bool *)arg |= value != 0;
}

int kr_forwards(int family, struct kr_err *e)
{
    bool any = false;
    int got = kr_sysctl_each(family == AF_INET ? "ipv4" : "ipv6", "forwarding", note_one, &any, e);
    return got < 0 ? -1 : any;
}

static bool is_ours(const struct kr_fibrule *r)
{
    return r->protocol == KR_RT_PROTOCOL && r->table == KR_RT_TABLE;
}

/* How many rules of the whole list come before the last of ours of this family; without any, before
 * where they would be. */
static size_t ahead_until(const struct kr_netview *v, int family)
{
    size_t until = 0, would = 0;
    for (size_t i = 0; i < v->n_rules; i++) {
        if (v->rules[i].family != family)
            continue;
        if (is_ours(&v->rules[i]))
            until = i;
        if (v->rules[i].priority <= KR_RULE_PRIORITY)
            would = i + 1;
    }
    return until ? until : would;
}

static void say(struct kr_result *r, const struct kr_fibrule *x, enum kr_policy_reach reach,
                const char *why)
{
    char object[64], where[32] = "";
    snprintf(object, sizeof object, "IPv%c rule %u", kr_digit(x->family), x->priority);
    if (x->action == FR_ACT_TO_TBL)
        snprintf(where, sizeof where, "lookup %u: ", x->table);
    struct kr_evidence *ev =
        kr_result_add(r, reach == KR_POLICY_TAKES ? KR_BROKEN : KR_HOLDS, object,
                      "%sstands ahead of ours (%u) and %s", where, KR_RULE_PRIORITY, why);
    ev->handle = x->priority;
    snprintf(ev->ifname, sizeof ev->ifname, "%s", x->iif);
}

static void judge(const struct kr_scene *s, const struct kr_netview *v, int family, bool forwards,
                  struct kr_result *r)
{
    size_t until = ahead_until(v, family);
    for (size_t i = 0; i < until; i++) {
        const struct kr_fibrule *x = &v->rules[i];
        const char *why;
        if (x->family != family || is_ours(x) || kr_policy_is_local(x))
            continue;
        enum kr_policy_reach reach = kr_policy_reach(x, v, s->ports, s->n_ports, forwards, &why);
        say(r, x, reach, why);
    }
}

int kr_check_policy_rules(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    static const int families[] = {AF_INET, AF_INET6};
    const struct kr_netview *v = kr_scene_view(s, e);
    if (!v)
        return -1;
    for (size_t i = 0; i < 2; i++) {
        int forwards = kr_forwards(families[i], e);
        /* Unknown forwarding may be forwarding. */
        judge(s, v, families[i], forwards != 0, r);
        if (forwards < 0)
            return -1;
    }
    return 0;
}

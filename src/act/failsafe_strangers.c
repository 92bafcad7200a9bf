#include "failsafe_internal.h"

#include <kr/buf.h>
#include <kr/policy.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

static char digit(int family)
{
    return family == AF_INET ? '4' : '6';
}

static void say_rival(const struct kr_fibrule *r, struct kr_buf *out)
{
    kr_buf_printf(out, "failsafe: the IPv%c rule with priority %u", digit(r->family), r->priority);
    if (r->action == FR_ACT_TO_TBL)
        kr_buf_printf(out, " (lookup %u)", r->table);
    kr_buf_printf(out,
                  " is not ours, stands ahead and may take these packets; give it a priority over "
                  "%u\n",
                  KR_RULE_PRIORITY);
}

static size_t strange_rules(const struct kr_failsafe *f, const struct kr_netview *v, int family,
                            struct kr_buf *out)
{
    size_t found = 0;
    bool any = false;
    for (size_t i = 0; i < v->n_rules; i++) {
        const struct kr_fibrule *r = &v->rules[i];
        if (r->family != family)
            continue;
        bool first = !any;
        any = true;
        if (first && !kr_policy_is_local(r)) {
            kr_buf_printf(out,
                          "failsafe: the first IPv%c rule is not '0: from all lookup local': this "
                          "host's own addresses would not be found before ours\n",
                          digit(family));
            found++;
        }
        if (r->protocol == KR_RT_PROTOCOL || kr_policy_is_local(r) ||
            r->priority > KR_RULE_PRIORITY || !kr_policy_may_take(r, f->ports, f->n_ports))
            continue;
        say_rival(r, out);
        found++;
    }
    return found;
}

size_t kr_fs_strangers(const struct kr_failsafe *f, const struct kr_netview *v, struct kr_buf *out)
{
    size_t found = strange_rules(f, v, AF_INET, out) + strange_rules(f, v, AF_INET6, out);
    for (size_t i = 0; i < v->n_routes; i++)
        if (v->routes[i].table == KR_RT_TABLE && v->routes[i].protocol != KR_RT_PROTOCOL) {
            kr_fs_say_route(out, "is not ours", v, &v->routes[i]);
            found++;
        }
    return found;
}

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {[RTN_LOCAL] = "local ",
                                        [RTN_BLACKHOLE] = "blackhole ",
                                        [RTN_UNREACHABLE] = "unreachable ",
                                        [RTN_PROHIBIT] = "prohibit ",
                                        [RTN_THROW] = "throw "};
    return type < sizeof names / sizeof *names && names[type] ? names[type] : "";
}

void kr_fs_say_route(struct kr_buf *out, const char *what, const struct kr_netview *v,
                     const struct kr_route *r)
{
    char s[KR_ADDRSTRLEN];
    const struct kr_link *l = r->type == RTN_UNREACHABLE ? NULL : kr_netview_link(v, r->oif);
    kr_buf_printf(out, "failsafe: the IPv%c route %s%s", digit(r->family), type_name(r->type),
                  kr_prefix_str(&r->dst, s));
    if (r->has_gateway)
        kr_buf_printf(out, " via %s", kr_addr_str(&r->gateway, s));
    if (l)
        kr_buf_printf(out, " dev %s", l->name);
    if (r->has_source)
        kr_buf_printf(out, " src %s", kr_addr_str(&r->source, s));
    kr_buf_printf(out, " table %u metric %u %s\n", r->table, r->metric, what);
}

void kr_fs_say_rule(struct kr_buf *out, const char *what, const struct kr_fibrule *r)
{
    kr_buf_printf(out, "failsafe: the IPv%c rule %u%s%s dport %u lookup %u%s %s\n",
                  digit(r->family), r->priority, r->invert ? " not" : "",
                  r->ipproto == IPPROTO_TCP ? " ipproto tcp" : "", r->dport_first, r->table,
                  r->other_selectors ? " (with more selectors)" : "", what);
}

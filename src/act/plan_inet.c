/* Theory of operation: the inet table.
 *
 * "No leak" means: no packet with TCP and a guarded destination port leaves this host by the IP
 * stack toward an address that is not exempt, whatever conntrack, NAT or another table did to it.
 *
 * The redirect (nat, -199, the lowest priority the kernel takes for nat) is what makes a connection
 * meet the sink; it is never what makes it safe. Conntrack asks nat chains about the first packet
 * of a flow only, and not at all about packets it calls INVALID or untracked. So the guards are
 * filter chains that look at each packet by itself, at INT_MAX, behind whatever else runs on the
 * hook:
 *
 *   guard_output       answers with a RST, so that a blocked connection fails at once
 *   guard_forward      the same for containers and other namespaces routed through this host
 *   guard_postrouting  drops what reaches the last IP hook all the same, and what was redirected
 *                      but is about to leave by another device than the sink's, also when the
 *                      redirect is over
 *   guard_prerouting   at -300, ahead of NAT: nobody outside talks to the sink range itself
 *
 * In output the device is the one routed to before NAT rerouted the packet, so the question "does a
 * redirected packet go to the sink's device" can be asked in postrouting only. Exemptions are pairs
 * of prefix and device. No rule looks at conntrack state, marks, users or control groups. */
#include "plan_internal.h"

#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#define GUARDED "guard_ports"
#define REDIRECTED "redirect_ports"
#define NAT_FIRST (-199)

static const char *const guard_counters[] = {
    "exempt_lan",      "blocked_output",   "blocked_forward",      "blocked_postrouting",
    "blocked_options", "blocked_fragment", "sink_wrong_interface",
};
static const char *const redirect_counters[] = {
    "redirected_v4",
    "redirected_v6",
    "sink_from_outside",
};

void kr_plan_port_set(struct kr_nft_table *t, const char *name, const struct kr_ports *ports)
{
    struct kr_nft_set *s = kr_nft_port_set(t, name);
    for (size_t i = 0; i < ports->n; i++)
        kr_nft_port_add(s, ports->v[i]);
}

void kr_plan_lan_sets(const struct kr_plan *p, struct kr_nft_table *t)
{
    struct kr_nft_set *v4 = kr_nft_lan_set(t, "lan4", AF_INET);
    struct kr_nft_set *v6 = kr_nft_lan_set(t, "lan6", AF_INET6);
    for (size_t i = 0; i < p->lan.n; i++) {
        const struct kr_exempt *x = &p->lan.v[i];
        kr_nft_lan_add(kr_prefix_is_v4(&x->prefix) ? v4 : v6, &x->prefix, x->index, x->ifname);
    }
}

void kr_plan_option_rules(struct kr_nft_chain *c)
{
    struct kr_nft_rule *r = kr_nft_rule(c, "IP options: source routes lead past an exemption");
    kr_nft_dport(r, KR_IS, GUARDED);
    kr_nft_ip_options(r);
    kr_nft_count(r, "blocked_options");
    kr_nft_drop(r);
    r = kr_nft_rule(c, "routing headers: the address seen is not the last one");
    kr_nft_dport(r, KR_IS, GUARDED);
    kr_nft_routing_header(r);
    kr_nft_count(r, "blocked_options");
    kr_nft_drop(r);
}

void kr_plan_lan_accept(struct kr_nft_chain *c, const char *counter)
{
    static const struct {
        int family;
        const char *set;
    } sides[] = {{AF_INET, "lan4"}, {AF_INET6, "lan6"}};
    for (size_t i = 0; i < 2; i++) {
        struct kr_nft_rule *r = kr_nft_rule(c, "exempt LAN, tied to its device");
        kr_nft_daddr_oif(r, sides[i].family, sides[i].set);
        kr_nft_dport(r, KR_IS, GUARDED);
        if (counter)
            kr_nft_count(r, counter);
        kr_nft_accept(r);
    }
}

static struct kr_nft_chain *base(struct kr_nft_table *t, const char *name, const char *type,
                                 unsigned hook, int priority)
{
    const struct kr_nft_hook h = {.type = type, .hook = hook, .priority = priority};
    return kr_nft_base_chain(t, name, &h);
}

static void accept_other_ports(struct kr_nft_chain *c)
{
    struct kr_nft_rule *r = kr_nft_rule(c, "other TCP ports are none of our business");
    kr_nft_dport(r, KR_IS_NOT, GUARDED);
    kr_nft_accept(r);
}

static void accept_loopback(struct kr_nft_chain *c)
{
    struct kr_nft_rule *r = kr_nft_rule(c, "loopback and own addresses: injection stays local");
    kr_nft_oifname(r, KR_IS, "lo");
    kr_nft_accept(r);
}

static void block(struct kr_nft_chain *c, const char *counter, bool reject)
{
    struct kr_nft_rule *r = kr_nft_rule(c, reject ? "guard: refused at once" : "guard: dropped");
    kr_nft_dport(r, KR_IS, GUARDED);
    kr_nft_count(r, counter);
    if (reject)
        kr_nft_reject(r);
    else
        kr_nft_drop(r);
}

static void guard_output(struct kr_nft_table *t)
{
    struct kr_nft_chain *c = base(t, "guard_output", "filter", NF_INET_LOCAL_OUT, INT_MAX);
    accept_loopback(c);
    accept_other_ports(c);
    kr_plan_option_rules(c);
    kr_plan_lan_accept(c, "exempt_lan");
    block(c, "blocked_output", true);
    struct kr_nft_rule *r = kr_nft_rule(c, "TCP fragments without a header, from raw sockets");
    kr_nft_l4proto_tcp(r, KR_IS);
    kr_nft_tail_fragment(r);
    kr_nft_count(r, "blocked_fragment");
    kr_nft_drop(r);
}

static void guard_forward(struct kr_nft_table *t)
{
    struct kr_nft_chain *c = base(t, "guard_forward", "filter", NF_INET_FORWARD, INT_MAX);
    accept_other_ports(c);
    kr_plan_option_rules(c);
    kr_plan_lan_accept(c, "exempt_lan");
    block(c, "blocked_forward", true);
}

static void sink_elsewhere(const struct kr_plan_sink *sink, struct kr_nft_chain *c)
{
    if (!sink->on)
        return;
    struct kr_nft_rule *r = kr_nft_rule(c, "redirected, but about to leave by another device");
    kr_nft_oifname(r, KR_IS_NOT, sink->ifname);
    kr_nft_daddr(r, &sink->at.first, &sink->at.last);
    kr_nft_dport_one(r, sink->at.port);
    kr_nft_count(r, "sink_wrong_interface");
    kr_nft_drop(r);
}

static void sink_range_elsewhere(const char *range, struct kr_nft_chain *c)
{
    struct kr_prefix p;
    if (kr_prefix_parse(range, &p, NULL))
        return;
    struct kr_addr last = kr_prefix_last(&p);
    struct kr_nft_rule *r = kr_nft_rule(c, "the sink range never leaves this host");
    kr_nft_oifname(r, KR_IS_NOT, "lo");
    kr_nft_daddr(r, &p.addr, &last);
    kr_nft_count(r, "sink_wrong_interface");
    kr_nft_drop(r);
}

/* Blocked, the range is kept in too: what answers the last segments of a redirect that just ended
 * goes to its sink, whose local route is gone. */
bool kr_plan_keeps_range(const struct kr_plan *p, bool redirect)
{
    return p->builtin || !redirect;
}

static void guard_postrouting(const struct kr_plan *p, bool redirect, struct kr_nft_table *t)
{
    struct kr_nft_chain *c = base(t, "guard_postrouting", "filter", NF_INET_POST_ROUTING, INT_MAX);
    accept_loopback(c);
    if (kr_plan_keeps_range(p, redirect)) {
        sink_range_elsewhere(KR_SINK_RANGE4, c);
        sink_range_elsewhere(KR_SINK_RANGE6, c);
    } else {
        sink_elsewhere(&p->sink4, c);
        sink_elsewhere(&p->sink6, c);
    }
    accept_other_ports(c);
    kr_plan_option_rules(c);
    kr_plan_lan_accept(c, NULL);
    block(c, "blocked_postrouting", false);
}

static void sink_from_outside(const char *range, struct kr_nft_chain *c)
{
    struct kr_prefix p;
    if (kr_prefix_parse(range, &p, NULL))
        return;
    struct kr_addr last = kr_prefix_last(&p);
    struct kr_nft_rule *r = kr_nft_rule(c, "nobody outside reaches the sink range");
    kr_nft_iifname(r, KR_IS_NOT, "lo");
    kr_nft_daddr(r, &p.addr, &last);
    kr_nft_count(r, "sink_from_outside");
    kr_nft_drop(r);
}

static void inet_guards(const struct kr_plan *p, bool redirect, struct kr_nft *r)
{
    struct kr_nft_table *t = kr_nft_table(r, NFPROTO_INET, KR_TABLE);
    for (size_t i = 0; i < sizeof guard_counters / sizeof *guard_counters; i++)
        kr_nft_counter(t, guard_counters[i]);
    for (size_t i = 0; redirect && i < sizeof redirect_counters / sizeof *redirect_counters; i++)
        kr_nft_counter(t, redirect_counters[i]);
    kr_plan_port_set(t, GUARDED, &p->guarded);
    if (redirect)
        kr_plan_port_set(t, REDIRECTED, &p->ports);
    kr_plan_lan_sets(p, t);
    if (redirect && p->builtin) {
        struct kr_nft_chain *c =
            base(t, "guard_prerouting", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
        sink_from_outside(KR_SINK_RANGE4, c);
        sink_from_outside(KR_SINK_RANGE6, c);
    }
    guard_output(t);
    guard_forward(t);
    guard_postrouting(p, redirect, t);
}

static void to_sink(const struct kr_plan_sink *sink, const char *counter, struct kr_nft_chain *c)
{
    if (!sink->on)
        return;
    struct kr_nft_rule *r = kr_nft_rule(c, "to the sink: one destination, one sink address");
    kr_nft_family(r, kr_addr_family(&sink->at.first));
    kr_nft_dport(r, KR_IS, REDIRECTED);
    kr_nft_count(r, counter);
    kr_nft_dnat(r, &sink->at.first, &sink->at.last, sink->at.port, KR_SINK_SEED);
}

static void return_lan(struct kr_nft_chain *c,
                       void (*term)(struct kr_nft_rule *, int, const char *))
{
    struct kr_nft_rule *r = kr_nft_rule(c, "exempt LAN, tied to its device");
    term(r, AF_INET, "lan4");
    kr_nft_return(r);
    r = kr_nft_rule(c, "exempt LAN, tied to its device");
    term(r, AF_INET6, "lan6");
    kr_nft_return(r);
}

static void inet_redirect(const struct kr_plan *p, struct kr_nft_table *t)
{
    struct kr_nft_chain *c = base(t, "redirect_output", "nat", NF_INET_LOCAL_OUT, NAT_FIRST);
    kr_nft_put_off(c);
    if (!p->capture_local) {
        struct kr_nft_rule *r = kr_nft_rule(c, "loopback and own addresses: injection stays local");
        kr_nft_oifname(r, KR_IS, "lo");
        kr_nft_return(r);
    }
    return_lan(c, kr_nft_daddr_oif);
    to_sink(&p->sink4, "redirected_v4", c);
    to_sink(&p->sink6, "redirected_v6", c);
    if (!p->forward)
        return;
    c = base(t, "redirect_forward", "nat", NF_INET_PRE_ROUTING, NAT_FIRST);
    kr_nft_put_off(c);
    struct kr_nft_rule *r = kr_nft_rule(c, "mail for this host itself stays what it is");
    kr_nft_fib_local(r);
    kr_nft_return(r);
    return_lan(c, kr_nft_daddr_fib_oif);
    to_sink(&p->sink4, "redirected_v4", c);
    to_sink(&p->sink6, "redirected_v6", c);
}

struct kr_nft *kr_plan_ruleset(const struct kr_plan *p, enum kr_rules which)
{
    bool redirect = which != KR_RULES_BLOCK;
    struct kr_nft *r = kr_nft_new();
    inet_guards(p, redirect, r);
    if (p->fence && p->uplinks.n)
        kr_plan_fence(p, redirect, r);
    if (which == KR_RULES_ALL)
        kr_plan_add_redirect(p, r);
    return r;
}

void kr_plan_add_redirect(const struct kr_plan *p, struct kr_nft *r)
{
    inet_redirect(p, kr_nft_find_table(r, NFPROTO_INET, KR_TABLE));
}

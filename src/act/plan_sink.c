#include "plan_internal.h"

#include <kr/err.h>

#include <string.h>

static const struct kr_link *loopback(const struct kr_netview *v)
{
    for (size_t i = 0; i < v->n_links; i++)
        if (v->links[i].flags & IFF_LOOPBACK)
            return &v->links[i];
    return NULL;
}

static void bind_device(struct kr_plan_sink *sink, unsigned index, const char *name)
{
    sink->index = index;
    memcpy(sink->ifname, name, sizeof sink->ifname);
}

static int range_is_free(const struct kr_netview *v, const char *text, struct kr_err *e)
{
    struct kr_prefix range;
    char str[KR_ADDRSTRLEN];
    if (kr_prefix_parse(text, &range, e))
        return -1;
    for (size_t i = 0; i < v->n_addrs; i++)
        if (kr_prefix_has(&range, &v->addrs[i].addr))
            return kr_fail(e, KR_CANNOT, 0,
                           "this host has the address %s inside the sink's own range %s; name "
                           "another sink with --sink",
                           kr_addr_str(&v->addrs[i].addr, str), text);
    for (size_t i = 0; i < v->n_routes; i++) {
        const struct kr_route *r = &v->routes[i];
        if (r->protocol != KR_RT_PROTOCOL && kr_prefix_covers(&range, &r->dst))
            return kr_fail(e, KR_CANNOT, 0,
                           "a route of this host (%s) is inside the sink's own range %s; name "
                           "another sink with --sink",
                           kr_prefix_str(&r->dst, str), text);
    }
    return 0;
}

static int builtin_sinks(const struct kr_netview *v, struct kr_plan *p, struct kr_err *e)
{
    const struct kr_link *lo = loopback(v);
    if (!lo || !(lo->flags & IFF_UP))
        return kr_fail(e, KR_CANNOT, 0, "the loopback device is down; the sink lives behind it");
    if (range_is_free(v, KR_SINK_RANGE4, e) || range_is_free(v, KR_SINK_RANGE6, e) ||
        kr_endpoint_parse(KR_SINK_AT4, &p->sink4.at, e) ||
        kr_endpoint_parse(KR_SINK_AT6, &p->sink6.at, e))
        return -1;
    p->builtin = p->sink4.on = p->sink6.on = true;
    bind_device(&p->sink4, lo->index, lo->name);
    bind_device(&p->sink6, lo->index, lo->name);
    return 0;
}

int kr_plan_sinks(const struct kr_settings *s, const struct kr_netview *v, struct kr_plan *p,
                  struct kr_err *e)
{
    if (p->mode == KR_MODE_BLOCK)
        return 0;
    if (!s->sink4 && !s->sink6)
        return builtin_sinks(v, p, e);
    p->sink4.on = s->sink4;
    p->sink6.on = s->sink6;
    p->sink4.at = s->sink4_at;
    p->sink6.at = s->sink6_at;
    return 0;
}

static bool is_own(const struct kr_netview *v, const struct kr_addr *a)
{
    for (size_t i = 0; i < v->n_addrs; i++)
        if (kr_addr_cmp(&v->addrs[i].addr, a) == 0)
            return true;
    return kr_addr_is_loopback(a);
}

static const struct kr_exempt *neighbour(const struct kr_lan *lan, const struct kr_plan_sink *sink)
{
    for (size_t i = 0; i < lan->n; i++)
        if (kr_prefix_has(&lan->v[i].prefix, &sink->at.first) &&
            kr_prefix_has(&lan->v[i].prefix, &sink->at.last))
            return &lan->v[i];
    return NULL;
}

static int own_sink(const struct kr_netview *v, struct kr_plan *p, struct kr_plan_sink *sink,
                    const char *name, struct kr_err *e)
{
    const struct kr_link *lo = loopback(v);
    if (kr_ports_have(&p->ports, sink->at.port))
        return kr_fail(e, KR_UNSAFE, 0,
                       "the sink %s is this host's own port %u, which is redirected to it: a loop "
                       "(and the MTA itself may listen there); give the sink another port",
                       name, sink->at.port);
    if (p->forward && kr_addr_is_loopback(&sink->at.first))
        return kr_fail(e, KR_USAGE, 0,
                       "the sink %s is a loopback address, which forwarded connections reach only "
                       "with route_localnet; leave --sink out or name another address of this host",
                       name);
    if (!lo)
        return kr_fail(e, KR_CANNOT, 0, "there is no loopback device");
    bind_device(sink, lo->index, lo->name);
    return 0;
}

static int neighbour_sink(const struct kr_netview *v, struct kr_plan *p, struct kr_plan_sink *sink,
                          const char *name, struct kr_err *e)
{
    const struct kr_exempt *near = neighbour(&p->lan, sink);
    if (near) {
        bind_device(sink, near->index, near->ifname);
        return 0;
    }
    if (kr_ports_have(&p->guarded, sink->at.port))
        return kr_fail(
            e, KR_UNSAFE, 0,
            "the sink %s listens on the guarded port %u outside the exempt LAN; exempt it "
            "with --lan or give it another port",
            name, sink->at.port);
    struct kr_lan around = {0};
    const struct kr_strlist automatic = {0};
    if (kr_lan_find(v, &automatic, KR_HOLE_NAME, NULL, 0, false, &around, e))
        return -1;
    near = neighbour(&around, sink);
    if (near)
        bind_device(sink, near->index, near->ifname);
    kr_lan_free(&around);
    return near ? 0
                : kr_fail(e, KR_UNSAFE, 0,
                          "the sink %s is neither on this host nor on its private LAN: redirected "
                          "mail would leave through a gateway; exempt its network with --lan if it "
                          "is yours",
                          name);
}

int kr_plan_check_sinks(const struct kr_netview *v, struct kr_plan *p, struct kr_err *e)
{
    struct kr_plan_sink *const sinks[] = {&p->sink4, &p->sink6};
    for (size_t i = 0; i < 2 && !p->builtin; i++) {
        char name[2 * KR_ADDRSTRLEN];
        if (!sinks[i]->on)
            continue;
        kr_endpoint_str(&sinks[i]->at, name);
        bool own = is_own(v, &sinks[i]->at.first) && is_own(v, &sinks[i]->at.last);
        if (own ? own_sink(v, p, sinks[i], name, e) : neighbour_sink(v, p, sinks[i], name, e))
            return -1;
    }
    return 0;
}

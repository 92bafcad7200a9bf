#include "plan_internal.h"

#include <kr/err.h>
#include <kr/lan.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *kr_mode_name(enum kr_mode m)
{
    return m == KR_MODE_REDIRECT ? "redirect" : "blocked";
}

static void __attribute__((format(printf, 2, 3))) say(struct kr_plan *p, const char *fmt, ...)
{
    if (p->n_said == sizeof p->said / sizeof *p->said)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->said[p->n_said++], sizeof *p->said, fmt, ap);
    va_end(ap);
}

static int plan_ports(const struct kr_settings *s, struct kr_plan *p, struct kr_err *e)
{
    p->ports = s->ports;
    if (!p->ports.n && kr_ports_add(&p->ports, 25, e))
        return -1;
    p->guarded = p->ports;
    for (size_t i = 0; i < s->block_ports.n; i++)
        if (kr_ports_add(&p->guarded, s->block_ports.v[i], e))
            return -1;
    return 0;
}

static int refuse_encap(const struct kr_encap *c, struct kr_err *e)
{
    return kr_fail(
        e, KR_UNSAFE, 0,
        "uplink %s lives on %s: the fence on %s would cut its frames (ethertype 0x%04x), "
        "and IP inside them can't be seen there; to go on, accept that with "
        "--allow ethertype-0x%04x=REASON",
        c->uplink, c->what, c->lower, c->ethertype, c->ethertype);
}

static int plan_uplinks(const struct kr_settings *s, const struct kr_netview *v, struct kr_plan *p,
                        struct kr_err *e)
{
    if (kr_uplinks_find(v, &s->uplinks, KR_HOLE_NAME, &p->uplinks, e))
        return -1;
    for (size_t i = 0; i < p->uplinks.n_encaps; i++) {
        char id[32];
        snprintf(id, sizeof id, "ethertype-0x%04x", p->uplinks.encaps[i].ethertype);
        if (!kr_waived(&s->waivers, id))
            return refuse_encap(&p->uplinks.encaps[i], e);
    }
    if (!p->uplinks.n)
        say(p, "no uplink found: no device leads out, so none is fenced");
    return 0;
}

static int plan_lan(const struct kr_settings *s, const struct kr_netview *v, struct kr_plan *p,
                    struct kr_err *e)
{
    struct kr_prefix reserved[8];
    struct kr_failsafe f = kr_plan_failsafe(p);
    memcpy(reserved, f.local, sizeof reserved);
    return kr_lan_find(v, &s->lan, KR_HOLE_NAME, reserved, f.n_local,
                       kr_waived(&s->waivers, "lan-gateway"), &p->lan, e);
}

static void plan_family(struct kr_plan *p, const char *family, bool has_origin,
                        struct kr_plan_sink *sink)
{
    if (p->mode == KR_MODE_BLOCK)
        sink->on = false;
    else if (!has_origin)
        say(p, "%s: this host has no route out, so nothing is redirected; guarded all the same",
            family);
    else if (!sink->on)
        say(p, "%s: no sink was given for it; its connections are blocked", family);
    if (!has_origin)
        sink->on = false;
}

static int plan_families(const struct kr_origin *o, struct kr_plan *p, struct kr_err *e)
{
    p->hole4 = o->has4;
    p->hole6 = o->has6;
    p->source4 = o->source4;
    p->source6 = o->source6;
    plan_family(p, "IPv4", o->has4, &p->sink4);
    plan_family(p, "IPv6", o->has6, &p->sink6);
    if (p->mode == KR_MODE_BLOCK || p->sink4.on || p->sink6.on)
        return 0;
    return kr_fail(e, KR_CANNOT, 0,
                   o->has4 || o->has6
                       ? "the sink's address family has no route out of this host, and the other "
                         "family has no sink: nothing could be redirected (--block guards only)"
                       : "neither IPv4 nor IPv6 has a route out of this host: nothing could be "
                         "redirected (--block guards only)");
}

int kr_plan_make(const struct kr_settings *s, const struct kr_netview *v,
                 const struct kr_origin *origin, struct kr_plan *p, struct kr_err *e)
{
    memset(p, 0, sizeof *p);
    p->mode = s->block ? KR_MODE_BLOCK : KR_MODE_REDIRECT;
    p->fence = true;
    p->forward = s->forward == KR_FORWARD_REDIRECT;
    p->capture_local = s->capture_local;
    p->waivers = s->waivers;
    if (plan_ports(s, p, e) || kr_plan_sinks(s, v, p, e) || plan_uplinks(s, v, p, e) ||
        plan_lan(s, v, p, e) || kr_plan_check_sinks(v, p, e) || plan_families(origin, p, e)) {
        kr_plan_free(p);
        return -1;
    }
    return 0;
}

void kr_plan_free(struct kr_plan *p)
{
    kr_lan_free(&p->lan);
    kr_uplinks_free(&p->uplinks);
    memset(p, 0, sizeof *p);
}

struct kr_failsafe kr_plan_failsafe(const struct kr_plan *p)
{
    struct kr_failsafe f = {.hole4 = p->hole4,
                            .hole6 = p->hole6,
                            .source4 = p->source4,
                            .source6 = p->source6,
                            .lan = &p->lan,
                            .n_ports = p->guarded.n};
    memcpy(f.ports, p->guarded.v, sizeof f.ports);
    if (p->mode == KR_MODE_REDIRECT && p->builtin) {
        kr_prefix_parse(KR_SINK_RANGE4, &f.local[f.n_local++], NULL);
        kr_prefix_parse(KR_SINK_RANGE6, &f.local[f.n_local++], NULL);
    }
    return f;
}

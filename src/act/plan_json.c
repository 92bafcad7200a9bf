#include <kr/plan.h>

#include <kr/err.h>
#include <kr/mem.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static json_t *addr_json(const struct kr_addr *a)
{
    char s[KR_ADDRSTRLEN];
    return json_string_nocheck(kr_addr_str(a, s));
}

static json_t *prefix_json(const struct kr_prefix *p)
{
    char s[KR_ADDRSTRLEN];
    return json_string_nocheck(kr_prefix_str(p, s));
}

static json_t *sink_json(const struct kr_plan_sink *s)
{
    char at[2 * KR_ADDRSTRLEN];
    return s->on ? json_pack("{s:s, s:s, s:i}", "at", kr_endpoint_str(&s->at, at), "device",
                             s->ifname, "index", (int)s->index)
                 : json_null();
}

static json_t *ports_json(const struct kr_ports *p)
{
    json_t *a = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(a, json_integer(p->v[i]));
    return a;
}

static json_t *exempt_json(const struct kr_exempt *x)
{
    json_t *j = json_pack("{s:o, s:s, s:i}", "prefix", prefix_json(&x->prefix), "device", x->ifname,
                          "index", (int)x->index);
    if (x->has_source)
        json_object_set_new(j, "source", addr_json(&x->source));
    if (x->has_gateway)
        json_object_set_new(j, "gateway", addr_json(&x->gateway));
    return j;
}

/* "PREFIX INDEX DEVICE SOURCE GATEWAY", the last two "-" when there is none: there may be
 * thousands, and an object of JSON costs more than the rule it is about. */
static json_t *exempt_line(const struct kr_exempt *x)
{
    char line[4 * KR_ADDRSTRLEN], prefix[KR_ADDRSTRLEN], source[KR_ADDRSTRLEN] = "-",
                                                         gateway[KR_ADDRSTRLEN] = "-";
    if (x->has_source)
        kr_addr_str(&x->source, source);
    if (x->has_gateway)
        kr_addr_str(&x->gateway, gateway);
    snprintf(line, sizeof line, "%s %u %s %s %s", kr_prefix_str(&x->prefix, prefix), x->index,
             x->ifname, source, gateway);
    return json_string_nocheck(line);
}

static json_t *lan_json(const struct kr_lan *l, json_t *(*one)(const struct kr_exempt *x))
{
    json_t *a = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, one(&l->v[i]));
    return a;
}

static const char *const layer_names[] = {"ethernet", "ip", "other"};
_Static_assert(KR_LAYER_OTHER == 2, "layer_names");

static json_t *uplinks_json(const struct kr_uplinks *u)
{
    json_t *a = json_array();
    for (size_t i = 0; i < u->n; i++) {
        const struct kr_uplink *x = &u->v[i];
        json_array_append_new(a, json_pack("{s:s, s:i, s:s, s:b, s:b, s:b, s:s}", "device", x->name,
                                           "index", (int)x->index, "layer", layer_names[x->layer],
                                           "vlan", x->carries_vlan, "ipip", x->tunnels_ipip, "gre",
                                           x->tunnels_gre, "why", x->why));
    }
    return a;
}

static json_t *waivers_json(const struct kr_waivers *w)
{
    json_t *a = json_array();
    for (size_t i = 0; i < w->n; i++)
        json_array_append_new(a,
                              json_pack("{s:s, s:s}", "id", w->v[i].id, "reason", w->v[i].reason));
    return a;
}

static json_t *said_json(const struct kr_plan *p)
{
    json_t *a = json_array();
    for (size_t i = 0; i < p->n_said; i++)
        json_array_append_new(a, json_string(p->said[i]));
    return a;
}

static json_t *plan_json(const struct kr_plan *p, json_t *lan)
{
    return json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "mode", kr_mode_name(p->mode), "builtin_sink", p->builtin, "fence", p->fence,
                     "forward", p->forward, "capture_local", p->capture_local, "sink4",
                     sink_json(&p->sink4), "sink6", sink_json(&p->sink6), "ports",
                     ports_json(&p->ports), "guarded", ports_json(&p->guarded), "lan", lan,
                     "uplinks", uplinks_json(&p->uplinks), "waivers", waivers_json(&p->waivers),
                     "source4", p->hole4 ? addr_json(&p->source4) : json_null(), "source6",
                     p->hole6 ? addr_json(&p->source6) : json_null(), "said", said_json(p));
}

json_t *kr_plan_to_json(const struct kr_plan *p)
{
    return plan_json(p, lan_json(&p->lan, exempt_json));
}

json_t *kr_plan_to_state(const struct kr_plan *p)
{
    return plan_json(p, lan_json(&p->lan, exempt_line));
}

static void copy(char *to, size_t size, const json_t *from)
{
    const char *s = json_string_value(from);
    snprintf(to, size, "%s", s ? s : "");
}

static int sink_from(const json_t *j, struct kr_plan_sink *s, struct kr_err *e)
{
    if (!json_is_object(j))
        return 0;
    const char *at = json_string_value(json_object_get(j, "at"));
    if (!at || kr_endpoint_parse(at, &s->at, e))
        return at ? -1 : kr_fail(e, KR_UNKNOWN, 0, "a sink without an address");
    s->on = true;
    s->index = (unsigned)json_integer_value(json_object_get(j, "index"));
    copy(s->ifname, sizeof s->ifname, json_object_get(j, "device"));
    return 0;
}

static int ports_from(const json_t *j, struct kr_ports *p, struct kr_err *e)
{
    size_t i;
    json_t *x;
    json_array_foreach(j, i, x)
    {
        json_int_t port = json_integer_value(x);
        if (port < 1 || port > UINT16_MAX)
            return kr_fail(e, KR_UNKNOWN, 0, "a port that is none");
        if (kr_ports_add(p, (uint16_t)port, e))
            return -1;
    }
    return p->n ? 0 : kr_fail(e, KR_UNKNOWN, 0, "no ports");
}

static int source_from(const json_t *j, bool *hole, struct kr_addr *source, struct kr_err *e)
{
    *hole = json_is_string(j);
    return *hole ? kr_addr_parse(json_string_value(j), source, e) : 0;
}

static int address_from(const char *text, bool *has, struct kr_addr *a, struct kr_err *e)
{
    *has = strcmp(text, "-") != 0;
    return *has ? kr_addr_parse(text, a, e) : 0;
}

static int exempt_from(const json_t *j, struct kr_exempt *x, struct kr_err *e)
{
    const char *line = json_string_value(j);
    char prefix[KR_ADDRSTRLEN], source[KR_ADDRSTRLEN], gateway[KR_ADDRSTRLEN];
    _Static_assert(KR_ADDRSTRLEN > 63 && sizeof x->ifname > 15, "the widths below");
    memset(x, 0, sizeof *x);
    if (!line ||
        sscanf(line, "%63s %u %15s %63s %63s", prefix, &x->index, x->ifname, source, gateway) != 5)
        return kr_fail(e, KR_UNKNOWN, 0, "an exemption that can't be read");
    return kr_prefix_parse(prefix, &x->prefix, e) ||
                   address_from(source, &x->has_source, &x->source, e) ||
                   address_from(gateway, &x->has_gateway, &x->gateway, e)
               ? -1
               : 0;
}

static int lan_from(const json_t *j, struct kr_lan *l, struct kr_err *e)
{
    size_t i;
    json_t *x;
    json_array_foreach(j, i, x)
    {
        l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
        if (exempt_from(x, &l->v[l->n], e))
            return -1;
        l->n++;
    }
    return 0;
}

static int layer_from(const json_t *j, enum kr_uplink_layer *layer)
{
    const char *name = json_string_value(j);
    for (unsigned i = 0; name && i < sizeof layer_names / sizeof *layer_names; i++)
        if (strcmp(name, layer_names[i]) == 0) {
            *layer = (enum kr_uplink_layer)i;
            return 0;
        }
    return -1;
}

static int uplinks_from(const json_t *j, struct kr_uplinks *u, struct kr_err *e)
{
    u->v = kr_calloc(json_array_size(j), sizeof *u->v);
    size_t i;
    json_t *x;
    json_array_foreach(j, i, x)
    {
        struct kr_uplink *to = &u->v[i];
        u->n = i + 1;
        copy(to->name, sizeof to->name, json_object_get(x, "device"));
        copy(to->why, sizeof to->why, json_object_get(x, "why"));
        to->index = (unsigned)json_integer_value(json_object_get(x, "index"));
        to->carries_vlan = json_is_true(json_object_get(x, "vlan"));
        to->tunnels_ipip = json_is_true(json_object_get(x, "ipip"));
        to->tunnels_gre = json_is_true(json_object_get(x, "gre"));
        if (layer_from(json_object_get(x, "layer"), &to->layer))
            return kr_fail(e, KR_UNKNOWN, 0, "uplink %s has no known link layer", to->name);
    }
    return 0;
}

static int waivers_from(const json_t *j, struct kr_waivers *w, struct kr_err *e)
{
    size_t i;
    json_t *x;
    json_array_foreach(j, i, x)
    {
        if (w->n == sizeof w->v / sizeof *w->v)
            return kr_fail(e, KR_UNKNOWN, 0, "too many waivers");
        copy(w->v[w->n].id, sizeof w->v->id, json_object_get(x, "id"));
        copy(w->v[w->n].reason, sizeof w->v->reason, json_object_get(x, "reason"));
        w->n++;
    }
    return 0;
}

static void said_from(const json_t *j, struct kr_plan *p)
{
    size_t i;
    json_t *x;
    json_array_foreach(j, i, x)
    {
        if (p->n_said < sizeof p->said / sizeof *p->said)
            copy(p->said[p->n_said++], sizeof *p->said, x);
    }
}

static int fill(const json_t *j, struct kr_plan *p, struct kr_err *e)
{
    const char *mode = json_string_value(json_object_get(j, "mode"));
    if (!mode)
        return kr_fail(e, KR_UNKNOWN, 0, "no mode");
    p->mode = strcmp(mode, kr_mode_name(KR_MODE_REDIRECT)) ? KR_MODE_BLOCK : KR_MODE_REDIRECT;
    p->builtin = json_is_true(json_object_get(j, "builtin_sink"));
    p->fence = json_is_true(json_object_get(j, "fence"));
    p->forward = json_is_true(json_object_get(j, "forward"));
    p->capture_local = json_is_true(json_object_get(j, "capture_local"));
    said_from(json_object_get(j, "said"), p);
    if (sink_from(json_object_get(j, "sink4"), &p->sink4, e) ||
        sink_from(json_object_get(j, "sink6"), &p->sink6, e) ||
        ports_from(json_object_get(j, "ports"), &p->ports, e) ||
        ports_from(json_object_get(j, "guarded"), &p->guarded, e) ||
        lan_from(json_object_get(j, "lan"), &p->lan, e) ||
        uplinks_from(json_object_get(j, "uplinks"), &p->uplinks, e) ||
        waivers_from(json_object_get(j, "waivers"), &p->waivers, e) ||
        source_from(json_object_get(j, "source4"), &p->hole4, &p->source4, e))
        return -1;
    return source_from(json_object_get(j, "source6"), &p->hole6, &p->source6, e);
}

int kr_plan_from_state(const json_t *j, struct kr_plan *out, struct kr_err *e)
{
    memset(out, 0, sizeof *out);
    if (json_is_object(j) && fill(j, out, e) == 0)
        return 0;
    kr_plan_free(out);
    return json_is_object(j) ? kr_wrap(e, "the recorded plan")
                             : kr_fail(e, KR_UNKNOWN, 0, "there is no recorded plan");
}

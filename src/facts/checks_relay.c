#include "checks_exempt_internal.h"

#include <kr/greet.h>
#include <kr/mem.h>
#include <kr/neigh.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MOST 256 /* connections, all at once */
#define PATIENCE_MS 1500

struct hosts {
    struct kr_greet *v;
    size_t n, cap, left_out;
};

static bool is_sink(const struct kr_endpoint *sink, const struct kr_addr *a, uint16_t port)
{
    return sink && sink->port == port && kr_addr_cmp(&sink->first, a) <= 0 &&
           kr_addr_cmp(a, &sink->last) <= 0;
}

static bool is_link_local(const struct kr_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static bool is_listed(const struct hosts *h, const struct kr_greet *g)
{
    for (size_t i = 0; i < h->n; i++)
        if (h->v[i].port == g->port && h->v[i].index == g->index &&
            kr_addr_cmp(&h->v[i].to, &g->to) == 0)
            return true;
    return false;
}

static void add_port(struct hosts *h, const struct kr_scene *s, const struct kr_addr *a,
                     unsigned index, uint16_t port)
{
    const struct kr_greet g = {.to = *a, .port = port, .index = is_link_local(a) ? index : 0};
    if (is_sink(s->sink4, a, port) || is_sink(s->sink6, a, port) || is_listed(h, &g))
        return;
    if (h->n == MOST) {
        h->left_out++;
        return;
    }
    h->v = kr_grow(h->v, &h->cap, h->n + 1, sizeof *h->v);
    h->v[h->n++] = g;
}

static void add(struct hosts *h, const struct kr_scene *s, const struct kr_netview *v,
                const struct kr_addr *a, unsigned index)
{
    if (kr_is_own(v, a) || !kr_exempt_of(s->lan, a, index))
        return;
    for (size_t i = 0; i < s->n_ports; i++)
        add_port(h, s, a, index, s->ports[i]);
}

/* Gateways first, should there be more than can be asked. */
static int list(struct hosts *h, struct kr_scene *s, const struct kr_netview *v, struct kr_err *e)
{
    KR_AUTO_FREE struct kr_route *gateways = NULL;
    struct kr_neighs near;
    size_t n = kr_exempt_gateways(s, v, &gateways);
    for (size_t i = 0; i < n; i++)
        add(h, s, v, &gateways[i].gateway, gateways[i].oif);
    if (kr_neighs_read(&near, e))
        return -1;
    for (size_t i = 0; i < near.n; i++)
        add(h, s, v, &near.v[i].addr, near.v[i].index);
    kr_neighs_free(&near);
    return 0;
}

static void say_hosts(const struct hosts *h, struct kr_result *r)
{
    for (size_t i = 0; i < h->n; i++) {
        const struct kr_greet *g = &h->v[i];
        char object[KR_ADDRSTRLEN + 16], a[KR_ADDRSTRLEN];
        if (!g->accepted)
            continue;
        snprintf(object, sizeof object, "%s port %u", kr_addr_str(&g->to, a), g->port);
        if (g->line[0])
            kr_result_add(r, KR_BROKEN, object, "answers '%s'; it is exempt and may relay",
                          g->line);
        else
            kr_result_add(r, KR_BROKEN, object,
                          "takes connections, without a greeting in %d ms; it is exempt and may "
                          "relay",
                          PATIENCE_MS);
    }
    if (h->left_out)
        kr_result_add(r, KR_IN_DOUBT, "exempt hosts", "%zu more are known and were not asked",
                      h->left_out);
    kr_result_add(r, KR_HOLDS, "exempt hosts", "%zu ports of known neighbours and gateways asked",
                  h->n);
}

int kr_check_relay(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_netview *v = kr_scene_view(s, e);
    struct hosts h = {0};
    if (!v)
        return -1;
    if (!s->lan || !s->lan->n)
        return 0;
    int bad = list(&h, s, v, e) || kr_greet_all(h.v, h.n, PATIENCE_MS, e);
    if (!bad)
        say_hosts(&h, r);
    free(h.v);
    return bad ? -1 : 0;
}

/* What real mail servers call themselves. */
static bool names_an_mta(const char *greeting)
{
    static const char *const known[] = {
        "Postfix",  "Exim",       "Sendmail", "KumoMTA", "OpenSMTPD", "qmail",
        "PowerMTA", "Exchange",   "Haraka",   "Courier", "Stalwart",  "Zimbra",
        "Momentum", "MailEnable", "Halon",    "James",   "Maddy",     "Microsoft ESMTP",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasestr(greeting, known[i]))
            return true;
    return false;
}

static void judge_sink(const struct kr_greet *g, struct kr_result *r)
{
    char object[KR_ADDRSTRLEN + 16], a[KR_ADDRSTRLEN];
    snprintf(object, sizeof object, "sink %s port %u", kr_addr_str(&g->to, a), g->port);
    if (names_an_mta(g->line))
        kr_result_add(r, KR_IN_DOUBT, object, "greets as a mail server that can relay: '%s'",
                      g->line);
    else if (!g->line[0])
        kr_result_add(r, KR_IN_DOUBT, object, "did not greet in %d ms", PATIENCE_MS);
}

int kr_check_sink_greeting(struct kr_scene *s, struct kr_result *r, struct kr_err *e)
{
    const struct kr_endpoint *const sinks[] = {s->sink4, s->sink6};
    struct kr_greet v[2];
    size_t n = 0;
    memset(v, 0, sizeof v);
    for (size_t i = 0; i < 2 && !s->builtin; i++)
        if (sinks[i])
            v[n++] = (struct kr_greet){.to = sinks[i]->first, .port = sinks[i]->port};
    if (kr_greet_all(v, n, PATIENCE_MS, e))
        return -1;
    for (size_t i = 0; i < n; i++)
        judge_sink(&v[i], r);
    return 0;
}

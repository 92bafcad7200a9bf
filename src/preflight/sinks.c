#include "worker.h"

#include <kr/endpoint.h>
#include <kr/err.h>

#include <stdio.h>
#include <string.h>

#define NAMES_MOST 32u /* tried at each sink */

struct looking {
    const struct kr_dns_plan *p;
    const struct kr_endpoint *sinks;
    size_t n_sinks, n_hosts, at; /* at: of sinks times hosts, in steps */
    size_t step;
    unsigned seen[KR_SINKS];
    char host[KR_NAME_TEXT];
    struct kr_sink_said *said;
};

/* MX hosts at even distances, each shown to every sink. A name that is none to TLS is passed over.
 */
static bool next(void *arg, struct kr_fetch_job *j)
{
    struct looking *g = arg;
    for (; g->at < g->n_hosts * g->n_sinks; g->at++) {
        size_t host = g->at / g->n_sinks, sink = g->at % g->n_sinks;
        if (host % g->step)
            continue;
        kr_dns_plan_host(g->p, host, g->host);
        if (!kr_fetch_host_fits(g->host))
            continue;
        *j = (struct kr_fetch_job){.id = (uint32_t)g->at++,
                                   .kind = KR_FETCH_SINK,
                                   .host = g->host,
                                   .addrs = {g->sinks[sink].first},
                                   .n = 1,
                                   .port = g->sinks[sink].port};
        g->said->tried += sink == 0;
        return true;
    }
    return false;
}

/* Printable ASCII, without what JSON escapes. */
static void put_words(struct kr_sink_said *said, const char *where, const char *host,
                      const char *text, size_t len)
{
    snprintf(said->words, sizeof said->words, "%s: %s: %.*s", where, host, (int)len, text);
    for (char *c = said->words; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            *c = ' ';
}

static void done(void *arg, const struct kr_fetch_done *d)
{
    struct looking *g = arg;
    char host[KR_NAME_TEXT], where[2 * KR_ADDRSTRLEN];
    bool told = g->seen[KR_SINK_UNTOLD], untrusted = g->seen[KR_SINK_UNTRUSTED];
    g->seen[d->sink]++;
    if (d->id / g->n_sinks >= g->n_hosts || d->sink == KR_SINK_TRUSTED || d->sink == KR_SINK_CLEAR)
        return;
    if (told || (untrusted && d->sink == KR_SINK_UNTRUSTED))
        return;
    put_words(g->said, kr_endpoint_str(&g->sinks[d->id % g->n_sinks], where),
              kr_dns_plan_host(g->p, d->id / g->n_sinks, host), d->text, d->len);
}

static void idle(void *arg)
{
    (void)arg;
}

/* The worst that any of them showed; what differs in offering STARTTLS at all can't be told. */
static enum kr_sink_tls sum(const struct looking *g)
{
    if (g->seen[KR_SINK_UNTOLD])
        return KR_SINK_UNTOLD;
    bool tls = g->seen[KR_SINK_UNTRUSTED] || g->seen[KR_SINK_TRUSTED];
    if (g->seen[KR_SINK_CLEAR])
        return tls ? KR_SINK_UNTOLD : KR_SINK_CLEAR;
    if (g->seen[KR_SINK_UNTRUSTED])
        return KR_SINK_UNTRUSTED;
    return g->seen[KR_SINK_TRUSTED] ? KR_SINK_TRUSTED : KR_SINK_UNTOLD;
}

int look_at_sinks(struct fetcher *f, const struct kr_dns_plan *p, const struct kr_strlist *sinks,
                  struct kr_sink_said *out, struct kr_err *e)
{
    struct kr_endpoint at[8];
    struct looking g = {.p = p, .sinks = at, .said = out, .n_hosts = kr_dns_plan_hosts(p)};
    const struct fetcher_asks asks = {&g, next, done, idle};
    *out = (struct kr_sink_said){.hosts = (uint32_t)g.n_hosts};
    for (size_t i = 0; i < sinks->n && i < sizeof at / sizeof *at; i++)
        if (kr_endpoint_parse(sinks->v[i], &at[g.n_sinks++], e))
            return kr_wrap(e, "--sink");
    g.step = (g.n_hosts + NAMES_MOST - 1) / NAMES_MOST;
    g.step = g.step ? g.step : 1;
    fetcher_run(f, &asks);
    unsigned ended = 0;
    for (size_t i = 0; i < KR_SINKS; i++)
        ended += g.seen[i];
    if (ended < out->tried * g.n_sinks) {
        g.seen[KR_SINK_UNTOLD]++;
        put_words(out, "kumo-fetch", "it came to an end before the sink answered", "", 0);
    }
    out->state = (uint8_t)sum(&g);
    return 0;
}

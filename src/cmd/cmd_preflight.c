#include "session.h"

#include <kr/cmd.h>
#include <kr/dns_plan.h>
#include <kr/emit.h>
#include <kr/err.h>
#include <kr/log.h>
#include <kr/netns.h>
#include <kr/preflight_sink.h>
#include <kr/preflight_sum.h>
#include <kr/privilege.h>
#include <kr/report_preflight.h>
#include <kr/scene.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FEW 20 /* domains that are all shown */

static const char *const mtas[] = {"auto", "kumomta", "kumomta-release", "postfix", "exim",
                                   "none", NULL};

static const char *const emits[] = {"none", "kumomta", "postfix", "exim", NULL};

#define AT(field) offsetof(struct kr_preflight_options, field)
static const struct kr_opt rows[] = {
    {.name = "domain",
     .kind = KR_OPT_LIST,
     .offset = AT(domains),
     .arg = "NAME[:WEIGHT]",
     .help = "a recipient domain, as traffic-gen takes it; repeatable"},
    {.name = "domains-file",
     .kind = KR_OPT_LIST,
     .offset = AT(files),
     .arg = "FILE|-",
     .help = "one domain a line; - is standard input; repeatable"},
    {.name = "from-command",
     .kind = KR_OPT_FLAG,
     .offset = AT(from_command),
     .help = "the domains of the command behind --: -- traffic-gen ...",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "resolver",
     .kind = KR_OPT_LIST,
     .offset = AT(resolvers),
     .arg = "ADDR[:PORT]",
     .help = "ask this server, at most three (those of /etc/resolv.conf)"},
    {.name = "trust-ad",
     .kind = KR_OPT_FLAG,
     .offset = AT(trust_ad),
     .help = "take the servers' word on DNSSEC although they are not on this host"},
    {.name = "anchor",
     .kind = KR_OPT_STRING,
     .offset = AT(anchor),
     .arg = "FILE",
     .help = "DS or DNSKEY records of the root (/usr/share/dns/root.key)"},
    {.name = "fetch-policy",
     .kind = KR_OPT_FLAG,
     .offset = AT(fetch_policy),
     .help = "fetch the MTA-STS policies over HTTPS, which goes out for real"},
    {.name = "fetch-timeout",
     .kind = KR_OPT_UINT,
     .offset = AT(fetch_timeout),
     .min = 1,
     .max = 600,
     .arg = "SECONDS",
     .help = "of each policy, and of each look at the sink (60)"},
    {.name = "ca-file",
     .kind = KR_OPT_STRING,
     .offset = AT(ca_file),
     .arg = "FILE",
     .help = "trust these CAs, PEM, instead of the system's"},
    {.name = "sink",
     .kind = KR_OPT_LIST,
     .offset = AT(sinks),
     .arg = "ADDR:PORT",
     .help =
         "look at this sink's STARTTLS; builtin assumes the built-in one (the redirect's, if one "
         "stands); repeatable"},
    {.name = "mta",
     .kind = KR_OPT_CHOICE,
     .offset = AT(mta),
     .arg = "WHICH",
     .choices = mtas,
     .help =
         "whose deliveries are judged: auto (those found here, else KumoMTA), kumomta, postfix, "
         "exim, each as its own tools say it is set; kumomta-release (its defaults up to "
         "2026.06.23), or none: one that honours everything"},
    {.name = "mta-asks",
     .kind = KR_OPT_UINT,
     .offset = AT(mta_asks),
     .min = 1,
     .max = 10000000,
     .arg = "N",
     .help = "domains that the MTA is asked about, at most (2,000)"},
    {.name = "address-asks",
     .kind = KR_OPT_UINT,
     .offset = AT(address_asks),
     .min = 1,
     .max = 1000000000,
     .arg = "N",
     .help = "of more than 1,000 domains: questions for addresses that nothing else calls for, at "
             "most (80,000, or 8 for each 100 domains)"},
    {.name = "all-addresses",
     .kind = KR_OPT_FLAG,
     .offset = AT(all_addresses),
     .help = "ask for all addresses of all MX hosts"},
    {.name = "egress-source",
     .kind = KR_OPT_STRING,
     .offset = AT(egress_source),
     .arg = "NAME",
     .help = "KumoMTA's egress source whose paths are asked for (unspecified)"},
    {.name = "emit",
     .kind = KR_OPT_CHOICE,
     .offset = AT(emit),
     .arg = "MTA",
     .choices = emits,
     .help = "print a configuration for kumomta, postfix or exim that switches off just what keeps "
             "mail from the sink; the report goes to stderr",
     .flags = KR_OPT_NO_CONFIG},
    {.name = "jobs",
     .kind = KR_OPT_UINT,
     .offset = AT(jobs),
     .min = 1,
     .max = 65000,
     .arg = "N",
     .help = "questions out at once, at most (as many as the receive buffers hold)"},
    {.name = "qps",
     .kind = KR_OPT_UINT,
     .offset = AT(qps),
     .min = 1,
     .max = 100000000,
     .arg = "N",
     .help = "queries a second, at most"},
};
const struct kr_opt_table kr_preflight_options = {rows, sizeof rows / sizeof *rows};

/* What the hooks are for. */
struct telling {
    const struct kr_common *common;
    struct kr_preflight_sum sum;
    const struct kr_mta_sides *emit_for; /* NULL: nothing is emitted */
    struct kr_remedy remedy[KR_SIDES_MOST];
    FILE *out;
    FILE *few; /* the lines of few domains, held back until the sum is said */
    bool live;
};

static void on_progress(void *arg, const struct kr_dns_account *a)
{
    const struct telling *t = arg;
    double s = (double)a->us / 1e6, rate = s > 0 ? (double)a->done / s : 0;
    if (!t->live)
        return;
    fprintf(stderr, "\r\033[K%" PRIu64 "/%" PRIu64 " domains, %.0f/s, %" PRIu64 " unknown", a->done,
            a->domains, rate, a->unknown);
    if (rate > 0 && a->done < a->domains)
        fprintf(stderr, ", %.0f s left", (double)(a->domains - a->done) / rate);
    if (a->policies)
        fprintf(stderr, ", %" PRIu64 "/%" PRIu64 " policies", a->fetched, a->policies);
}

static void on_domain(void *arg, const struct kr_domain_facts *d,
                      const struct kr_preflight_verdict *v)
{
    struct telling *t = arg;
    kr_preflight_sum_add(&t->sum, d, v);
    for (size_t i = 0; t->emit_for && i < t->emit_for->n; i++)
        kr_remedy_add(&t->remedy[i], d, &t->emit_for->v[i]);
    if (t->common->format == KR_FORMAT_JSON)
        kr_json_preflight_domain(d, v, t->out);
    else if (t->common->verbose)
        kr_text_preflight_domain(d, v, t->out);
    else if (t->sum.all <= FEW)
        kr_text_preflight_domain(d, v, t->few);
}

static void say(struct telling *t, const struct kr_preflight_end *end,
                const struct kr_mta_sides *sides, const char *few)
{
    if (t->live)
        fputs("\r\033[K", stderr);
    if (t->common->format == KR_FORMAT_JSON) {
        kr_json_preflight(&t->sum, end, sides, t->out);
    } else if (!t->common->quiet) {
        kr_text_preflight(&t->sum, end, sides, t->out);
        if (t->sum.all <= FEW)
            fputs(few, t->out);
    }
}

static uint64_t broken(const struct kr_mta_sides *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_notes; i++)
        n += s->notes[i].verdict == KR_BROKEN;
    return n;
}

typedef void emitter(const struct kr_remedy *r, const struct kr_mta_side *side, bool whole,
                     FILE *out);
static emitter *const emitters[] = {NULL, kr_emit_kumomta, kr_emit_postfix, kr_emit_exim};
static_assert(sizeof emitters / sizeof *emitters + 1 == sizeof emits / sizeof *emits, "one each");

/* The configuration is the answer when one is wanted; the report is told besides. */
static int preflight(const struct kr_common *c, const struct kr_preflight_want *want, int emit,
                     FILE *out, struct kr_err *e)
{
    struct telling t = {.common = c,
                        .emit_for = emit ? want->sides : NULL,
                        .out = emit ? stderr : out,
                        .live = !c->quiet && !c->verbose && isatty(STDERR_FILENO)};
    struct kr_preflight_end end = {0};
    char *few = NULL;
    size_t n = 0;
    t.few = open_memstream(&few, &n);
    if (!t.few)
        return KR_INTERNAL;
    const struct kr_preflight_hooks hooks = {&t, on_progress, on_domain};
    int bad = kr_preflight_run(want, &hooks, &end, e);
    fclose(t.few);
    t.sum.local = broken(want->sides);
    int status = bad ? (int)e->exit : kr_preflight_status(&t.sum, &end);
    if (!bad)
        say(&t, &end, want->sides, few);
    for (size_t i = 0; i < KR_SIDES_MOST; i++) {
        if (!bad && emit && i < t.emit_for->n)
            emitters[emit](&t.remedy[i], &t.emit_for->v[i], end.whole, out);
        kr_remedy_free(&t.remedy[i]);
    }
    free(few);
    kr_preflight_sum_free(&t.sum);
    return status;
}

static int collect(const struct kr_options *o, char **store, struct kr_strlist *out,
                   struct kr_err *e)
{
    const struct kr_preflight_options *p = &o->preflight;
    for (size_t i = 0; i < p->domains.n; i++)
        kr_strlist_add(out, p->domains.v[i]);
    if (p->from_command)
        return kr_traffic_gen_domains(&o->operands, store, out, e);
    for (size_t i = 0; i < o->operands.n; i++)
        kr_strlist_add(out, o->operands.v[i]);
    if (!out->n && !p->files.n)
        kr_traffic_gen_defaults(out);
    return 0;
}

/* The MTA that is judged is the one the configuration is for. */
static int check_emit(const struct kr_common *c, const struct kr_preflight_options *p,
                      struct kr_err *e)
{
    if (!p->emit)
        return 0;
    if (c->format == KR_FORMAT_JSON)
        return kr_fail(e, KR_USAGE, 0, "--emit prints a configuration, and no --format json");
    if (p->mta && strncmp(mtas[p->mta], emits[p->emit], strlen(emits[p->emit])) != 0)
        return kr_fail(e, KR_USAGE, 0, "--emit %s does not go with --mta %s", emits[p->emit],
                       mtas[p->mta]);
    return 0;
}

/* `up`: how a redirect would be set, NULL: as it stands. `shed`: nobody needs this process's
 * privileges once the programs run. */
static int ask_and_say(const struct kr_common *c, const struct kr_preflight_options *p,
                       const struct kr_strlist *domains, const struct kr_up_options *up, bool shed,
                       FILE *out, struct kr_err *e)
{
    static const uint16_t ports[] = {25};
    struct kr_scene scene = {.table = "kumo_redirect", .ports = ports, .n_ports = 1};
    const struct kr_mta_set_how how = {.which = p->mta || !p->emit ? mtas[p->mta] : emits[p->emit],
                                       .most_asks = p->mta_asks,
                                       .source = p->egress_source};
    struct kr_mta_sides sides;
    struct kr_sink_choice sink;
    const struct kr_strlist none = {0};
    KR_AUTO_BUF struct kr_buf exempt = {0};
    struct kr_err open = {0};
    int told = kr_exempt_find(up ? &up->lan : &none, &exempt, &open);
    if (told && open.exit == KR_USAGE) {
        *e = open;
        return KR_USAGE;
    }
    int status =
        kr_sink_choose(&p->sinks, up ? &up->sinks : &none, &sink, e) ? (int)e->exit : KR_OK;
    const struct kr_preflight_want want = {.domains = domains,
                                           .files = &p->files,
                                           .resolvers = &p->resolvers,
                                           .sinks = &sink.at,
                                           .sink = sink.state,
                                           .sink_why = sink.why,
                                           .policies = p->fetch_policy,
                                           .ca_file = p->ca_file,
                                           .seconds = p->fetch_timeout,
                                           .exempt = exempt.s,
                                           .exempt_why = told ? open.msg : NULL,
                                           .anchor = p->anchor,
                                           .trust_ad = p->trust_ad,
                                           .shed = shed,
                                           .qps = p->qps,
                                           .jobs = p->jobs,
                                           .address_asks = p->all_addresses ? KR_ADDRESS_ASKS_ALL
                                                                            : p->address_asks,
                                           .sides = &sides};
    if (status == KR_OK && check_emit(c, p, e))
        status = (int)e->exit;
    if (status == KR_OK) {
        kr_mta_sides_read(&scene, &how, &sides);
        status = preflight(c, &want, p->emit, out, e);
        kr_mta_sides_free(&sides);
        kr_scene_forget(&scene);
    }
    kr_strlist_free(&sink.at);
    return status;
}

int kr_preflight_say(const struct kr_common *c, const struct kr_preflight_options *p,
                     const struct kr_strlist *domains, FILE *out, struct kr_err *e)
{
    return ask_and_say(c, p, domains, NULL, false, out, e);
}

static int run(const struct kr_common *c, const struct kr_options *o, struct kr_err *e)
{
    struct kr_strlist domains = {0};
    char *store = NULL;
    int status;
    if ((c->netns && (kr_privilege_need("preflight --netns", e) || kr_netns_enter(c->netns, e))) ||
        collect(o, &store, &domains, e))
        status = (int)e->exit;
    else
        status = ask_and_say(c, &o->preflight, &domains, &o->up, true, stdout, e);
    kr_strlist_free(&domains);
    free(store);
    return status;
}

static const char *const examples[] = {
    "kumo-redirect preflight gmail.com outlook.com:8.8",
    "kumo-redirect preflight --domains-file names.txt --format json >names.ndjson",
    "kumo-redirect preflight --from-command -- traffic-gen --domain gmail.com:67.4",
    "kumo-redirect preflight --domains-file names.txt --emit postfix >relax.sh",
    NULL,
};
const struct kr_command kr_cmd_preflight = {
    .name = "preflight",
    .summary = "which destinations would not reach the sink: MTA-STS, DANE, DNS, TLS",
    .examples = examples,
    .options = &kr_preflight_options,
    .options_at = offsetof(struct kr_options, preflight),
    .operand = "DOMAIN",
    .many = true,
    .formats = KR_FORMATS_PLAIN,
    .run = run,
};

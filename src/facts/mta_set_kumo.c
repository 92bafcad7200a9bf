/* KumoMTA's configuration is a program: only KumoMTA can tell what it makes of a domain. Later
 * builds tell over HTTP or by kcli; releases have resolve-shaping-domain, which runs the shaping
 * alone. Domains with the same MX hosts are one site to it, and share what they get, unless they
 * are named themselves: each is asked while there are few, then a sample of each site. */
#include "mta_set_kumo.h"

#include "mta_set.h"
#include "queue_http.h"
#include "queue_internal.h"

#include <kr/clock.h>
#include <kr/dns_facts.h>
#include <kr/dns_name.h>
#include <kr/mem.h>

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define MOST_ASKS 2000
#define EACH 500      /* so many are asked, whatever their site */
#define OF_A_SITE 5   /* after that, of a site whose domains agree */
#define MOST_FAILED 3 /* in a row: then it is left alone */
#define MOST_US 60000000u
#define HTTP_MS 3000

enum way { BY_HTTP, BY_KCLI, BY_SHAPING, BY_SHAPING_JSON };

struct site {
    uint32_t asked;
    bool differs;
    struct kr_mta_path path;
};
struct kumo {
    enum way way;
    struct kr_http_at at;
    char program[64], source[64], url[96];
    const char *user; /* NULL: nobody */
    uint64_t asks_left, spent_us;
    unsigned failed; /* in a row */
    struct kr_name_table names;
    struct site *sites;
    size_t cap_sites;
    struct kr_mta_sides *out;
    struct kr_mta_asked *asked;
    bool source_told;
    struct kr_kumo_sources sources;
    /* The last domain, since a path is wanted for each of its hosts. */
    char domain[KR_NAME_TEXT];
    struct kr_mta_path last;
};

static const struct kr_mta_path unsure = {.level = KR_TLS_UNSURE};

/* ---- one question -----------------------------------------------------------------------------
 */

static void put_encoded(struct kr_buf *b, const char *s)
{
    for (; *s; s++)
        if (isalnum((unsigned char)*s) || strchr("-._", *s))
            kr_buf_add(b, s, 1);
        else
            kr_buf_printf(b, "%%%02X", (unsigned char)*s);
}

/* Returns the status of HTTP, or -1. */
static int ask_http(const struct kumo *k, const char *domain, struct kr_buf *out, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf path = {0};
    kr_buf_printf(&path, "/api/admin/resolve-egress-path/v1?domain=");
    put_encoded(&path, domain);
    kr_buf_printf(&path, "&source=");
    put_encoded(&path, k->source);
    int status = kr_http(&k->at, "GET", path.s, NULL, HTTP_MS, out, e);
    if (status >= 0 && status != 200)
        kr_fail(e, KR_UNKNOWN, 0, "status %d of %s", status, k->url);
    return status;
}

static int ask_program(const struct kumo *k, const char *domain, struct kr_buf *out,
                       struct kr_err *e)
{
    const char *argv[10] = {k->program};
    size_t n = 1;
    if (*domain == '-')
        return kr_fail(e, KR_UNKNOWN, 0, "'%s' would be an option", domain);
    if (k->way == BY_KCLI) {
        argv[n++] = "--endpoint";
        argv[n++] = k->url;
        argv[n++] = "resolve-egress-path";
        argv[n++] = "--json";
    } else if (k->way == BY_SHAPING_JSON) {
        argv[n++] = "--json-config";
    }
    argv[n++] = domain;
    if (k->source_told)
        argv[n++] = k->source;
    argv[n] = NULL;
    return kr_mta_tool(argv, k->user, out, e);
}

static int ask(struct kumo *k, const char *domain, struct kr_kumo_path *out, struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    bool later = k->way != BY_SHAPING;
    uint64_t from = kr_now_us();
    int bad =
        k->way == BY_HTTP ? ask_http(k, domain, &text, e) != 200 : ask_program(k, domain, &text, e);
    k->spent_us += kr_now_us() - from;
    return bad ? -1 : kr_kumo_path_read(text.s, text.len, later, out, e);
}

/* ---- what is to be known besides --------------------------------------------------------------
 */

static void tell(struct kumo *k, const char *domain, const struct kr_kumo_path *p)
{
    char of[160];
    snprintf(of, sizeof of, "%s%.140s", *p->provider ? "provider " : "",
             *p->provider ? p->provider : domain);
    if (*p->remember)
        kr_mta_note(k->out, KR_HOLDS, "remember-broken-tls",
                    "remember_broken_tls = nil for the test; restart kumod after it", of,
                    "remember_broken_tls = %s: a sink whose TLS fails teaches kumod to send in "
                    "clear to the real site, until it is restarted",
                    p->remember);
    if (*p->provider && p->path.level >= KR_TLS_ENCRYPT && p->path.level <= KR_TLS_VERIFY)
        kr_mta_note(k->out, KR_HOLDS, "required-provider",
                    "enable_tls = 'OpportunisticInsecure' on this path (--emit kumomta)", of,
                    "its own block asks for TLS, whatever MTA-STS and DANE say");
    if (p->auth)
        kr_mta_note(k->out, KR_HOLDS, "smtp-auth",
                    "leave the smart host's password out of the test", of,
                    "smtp_auth_plain_username is set: the password may be offered to the sink");
    if (p->port != 25 || p->lmtp)
        kr_mta_note(k->out, KR_BROKEN, "port", "up --port N, or take it out of the configuration",
                    of, "deliveries go to port %d%s", p->port, p->lmtp ? " by LMTP" : "");
    if (p->routed)
        kr_mta_note(k->out, KR_BROKEN, "protocol", "take the queue's protocol or mx_list out",
                    domain, "its queue does not go to its MX hosts");
}

/* ---- sites ------------------------------------------------------------------------------------
 */

/* By what stands behind the first label of its best MX host; NULL: no host. */
static struct site *site_of(struct kumo *k, const struct kr_domain_facts *d)
{
    uint8_t name[KR_NAME_MAX];
    bool fresh;
    if (!d->n_hosts || kr_name_from_text(d->hosts[0].name, name))
        return NULL;
    const uint8_t *site = kr_name_labels(name) > 2 ? kr_name_parent(name) : name;
    uint32_t i = kr_name_table_add(&k->names, site, &fresh);
    if (fresh) {
        k->sites = kr_grow(k->sites, &k->cap_sites, k->names.n, sizeof *k->sites);
        k->sites[i] = (struct site){0};
    }
    return &k->sites[i];
}

static bool same_path(const struct kr_mta_path *a, const struct kr_mta_path *b)
{
    return a->level == b->level && a->dane == b->dane && a->mta_sts == b->mta_sts &&
           a->sts_lookup == b->sts_lookup && a->elsewhere == b->elsewhere;
}

static void learn(struct site *s, const struct kr_mta_path *p)
{
    if (!s)
        return;
    s->differs = s->differs || (s->asked && !same_path(&s->path, p));
    s->path = *p;
    s->asked++;
}

static bool known(const struct kumo *k, const struct site *s)
{
    return s && s->asked && !s->differs &&
           (k->asked->asked >= EACH ? s->asked >= OF_A_SITE || !k->asks_left : false);
}

static struct kr_mta_path path_of(struct kumo *k, const struct kr_domain_facts *d)
{
    struct site *s = site_of(k, d);
    struct kr_kumo_path p;
    struct kr_err e = {0};
    if (known(k, s)) {
        k->asked->by_site++;
        return s->path;
    }
    if (!k->asks_left || k->failed >= MOST_FAILED || k->spent_us > MOST_US) {
        k->asked->unasked++;
        return unsure;
    }
    k->asks_left--;
    k->asked->asked++;
    if (ask(k, d->name, &p, &e)) {
        k->failed++;
        k->asked->failed++;
        snprintf(k->asked->why, sizeof k->asked->why, "%.199s", e.msg);
        return unsure;
    }
    k->failed = 0;
    tell(k, d->name, &p);
    kr_kumo_sources_ask(&k->sources, "pool", p.pool);
    learn(s, &p.path);
    return p.path;
}

static void path(void *arg, const struct kr_domain_facts *d, const char *host,
                 struct kr_mta_path *out)
{
    struct kumo *k = arg;
    (void)host;
    if (strcmp(k->domain, d->name) != 0) {
        snprintf(k->domain, sizeof k->domain, "%s", d->name);
        k->last = path_of(k, d);
    }
    *out = k->last;
}

/* ---- which way --------------------------------------------------------------------------------
 */

static const char probe[] = "example.com";

/* A release answers 404; what answers otherwise is not taken for an answer. */
static bool try_http(struct kumo *k, bool *release, struct kr_err *e)
{
    const char *url = getenv("KUMO_KCLI_ENDPOINT");
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_kumo_path p;
    snprintf(k->url, sizeof k->url, "%s", url && *url ? url : "http://127.0.0.1:8000");
    k->way = BY_HTTP;
    if (kr_http_url(k->url, &k->at, e))
        return false;
    int status = ask_http(k, probe, &text, e);
    *release = status == 404;
    return status == 200 && kr_kumo_path_read(text.s, text.len, true, &p, e) == 0;
}

static bool try_program(struct kumo *k, enum way way, const char *name, struct kr_err *e)
{
    struct kr_kumo_path p;
    snprintf(k->program, sizeof k->program, "/opt/kumomta/sbin/%s", name);
    k->way = way;
    return ask(k, probe, &p, e) == 0;
}

/* Later builds print JSON only when told so; a release would take the option for a domain. */
static bool try_shaping(struct kumo *k, struct kr_err *e)
{
    const char *const argv[] = {"/opt/kumomta/sbin/resolve-shaping-domain", "--help", NULL};
    KR_AUTO_BUF struct kr_buf help = {0};
    if (kr_mta_tool(argv, k->user, &help, e))
        return false;
    bool later = strstr(help.s, "--json-config") != NULL;
    return try_program(k, later ? BY_SHAPING_JSON : BY_SHAPING, "resolve-shaping-domain", e);
}

static void say_way(struct kr_mta_setting *x, const struct kumo *k)
{
    bool release = k->way == BY_SHAPING;
    if (k->way == BY_HTTP)
        snprintf(x->asked->how, sizeof x->asked->how, "%.60s/api/admin/resolve-egress-path/v1",
                 k->url);
    else
        snprintf(x->asked->how, sizeof x->asked->how, "%s%s", k->program,
                 k->way == BY_KCLI           ? " resolve-egress-path --json"
                 : k->way == BY_SHAPING_JSON ? " --json-config"
                                             : "");
    x->side->id = release ? "kumomta-release" : "kumomta";
    x->side->title = release ? "KumoMTA up to 2026.06.23" : "KumoMTA after 2026.06.23";
    x->side->column = release ? KR_COLUMN_KUMO_RELEASE : KR_COLUMN_KUMO_LATER;
    x->side->assumed = false;
    x->side->overrides = NULL;
    x->side->n_overrides = 0;
}

void kr_mta_set_kumomta(struct kr_mta_setting *x)
{
    struct kumo *k = kr_calloc(1, sizeof *k);
    struct kr_err e = {0};
    bool release = false;
    k->out = x->out;
    k->asked = x->asked;
    k->asks_left = x->how->most_asks ? x->how->most_asks : MOST_ASKS;
    k->source_told = x->how->source != NULL;
    snprintf(k->source, sizeof k->source, "%s", k->source_told ? x->how->source : "unspecified");
    k->user = getpwnam("kumod") ? "kumod" : NULL;
    bool told = try_http(k, &release, &e) || (!release && try_program(k, BY_KCLI, "kcli", NULL)) ||
                try_shaping(k, &e);
    k->asked->asked = 0;
    k->spent_us = 0;
    if (!told) {
        if (x->mta)
            kr_mta_note(x->out, KR_HOLDS, "not-asked",
                        "start kumod, or see why its tools do not answer", x->mta->config, "%s",
                        e.msg);
        kr_mta_set_kumomta_free(k);
        return;
    }
    say_way(x, k);
    k->sources = (struct kr_kumo_sources){
        .user = k->user,
        .policy = x->mta && *x->mta->config ? x->mta->config : "/opt/kumomta/etc/policy/init.lua",
        .out = x->out};
    kr_kumo_sources_ask(&k->sources, "source", k->source);
    x->side->path = path;
    x->side->arg = k;
}

void kr_mta_set_kumomta_free(void *arg)
{
    struct kumo *k = arg;
    kr_name_table_free(&k->names);
    free(k->sites);
    free(k);
}

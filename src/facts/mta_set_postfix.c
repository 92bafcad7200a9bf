/* Postfix decides by the next hop: its transport (transport(5), master(5)), then the policy for it
 * (smtp_tls_policy_maps in TLS_README), then the level of that transport's smtp(8). */
#include "mta_set_postfix.h"

#include "mta_postfix.h"

#include <kr/dns_facts.h>
#include <kr/dns_name.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <stdio.h>
#include <string.h>

#define MOST_ASKS 2000

struct transport {
    char *name, *command;
    bool made; /* what follows was filled in */
    struct kr_mta_path path;
    struct kr_pfmaps policy;
};
struct postfix {
    struct kr_pfmap_asker asker;
    struct kr_mta_params main, master; /* master: "smtp/unix/NAME" */
    struct kr_pfmaps routes;
    bool dotless; /* "example.com" in transport_maps stands for what is below it as well */
    struct transport *transports;
    size_t n, cap;
    char folder[256], postmap[64];
    struct kr_mta_asked *asked;
    struct kr_mta_option *options;
    size_t n_options, cap_options;
    /* The last domain, since a path is wanted for each of its hosts. */
    char domain[KR_NAME_TEXT];
    struct kr_mta_path last;
};

/* ---- levels -----------------------------------------------------------------------------------
 */

static const struct {
    const char *word;
    struct kr_mta_path path;
} levels[] = {
    {"none", {.level = KR_TLS_MAY}},
    {"may", {.level = KR_TLS_MAY}},
    {"encrypt", {.level = KR_TLS_ENCRYPT}},
    {"dane", {.level = KR_TLS_MAY, .dane = true}},
    {"dane-only", {.level = KR_TLS_MAY, .dane = true, .dane_only = true}},
    {"fingerprint", {.level = KR_TLS_DANE}},
    {"verify", {.level = KR_TLS_VERIFY}},
    {"secure", {.level = KR_TLS_VERIFY}},
};

/* "secure match=nexthop": the first word counts. What is no level at all stops delivery, as Postfix
 * does then. */
static struct kr_mta_path level_of(const char *text)
{
    text += strspn(text, " \t");
    size_t n = strcspn(text, " \t\r\n");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strlen(levels[i].word) == n && strncmp(levels[i].word, text, n) == 0)
            return levels[i].path;
    return (struct kr_mta_path){.level = KR_TLS_DEFER};
}

/* ---- settings ---------------------------------------------------------------------------------
 */

static const char *setting(const struct postfix *p, const struct transport *t, const char *name)
{
    char of[160];
    const char *v = NULL;
    snprintf(of, sizeof of, "%.80s/unix/%.70s", t ? t->name : "", name);
    if (t)
        v = kr_mta_param_value(&p->master, of);
    if (!v)
        v = kr_mta_param_value(&p->main, name);
    return v ? v : "";
}

static bool says_yes(const struct postfix *p, const struct transport *t, const char *name)
{
    return strcmp(setting(p, t, name), "yes") == 0;
}

/* DANE without DNSSEC answers is as good as none; dane-only then sends nothing. */
static void without_dnssec(const struct postfix *p, const struct transport *t,
                           struct kr_mta_path *out)
{
    if (strcmp(setting(p, t, "smtp_dns_support_level"), "dnssec") == 0 || !out->dane)
        return;
    if (out->dane_only)
        out->level = KR_TLS_DEFER;
    out->dane = out->dane_only = false;
}

static struct kr_mta_path base_of(const struct postfix *p, const struct transport *t)
{
    const char *level = setting(p, t, "smtp_tls_security_level");
    if (*level)
        return level_of(level);
    if (says_yes(p, t, "smtp_enforce_tls"))
        return level_of(says_yes(p, t, "smtp_tls_enforce_peername") ? "verify" : "encrypt");
    return level_of("none");
}

static void make(struct postfix *p, struct transport *t)
{
    t->made = true;
    t->path = base_of(p, t);
    if (strcmp(t->command, "smtp") != 0)
        t->path = (struct kr_mta_path){.level = KR_TLS_UNSURE};
    if (says_yes(p, t, "smtp_tls_wrappermode")) /* no SMTP before TLS: the sink never hears EHLO */
        t->path = (struct kr_mta_path){.level = KR_TLS_DEFER};
    kr_pfmaps_load(&p->asker, setting(p, t, "smtp_tls_policy_maps"), &t->policy);
}

static struct transport *transport_named(struct postfix *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->n; i++)
        if (strlen(p->transports[i].name) == len && memcmp(p->transports[i].name, name, len) == 0) {
            if (!p->transports[i].made)
                make(p, &p->transports[i]);
            return &p->transports[i];
        }
    return NULL;
}

/* ---- one domain -------------------------------------------------------------------------------
 */

/* Where mail for the domain goes: "transport:nexthop", either may be empty. False: can't be told.
 */
static bool route(struct postfix *p, const char *domain, struct transport **t, struct kr_buf *hop)
{
    KR_AUTO_BUF struct kr_buf value = {0};
    enum kr_pfmap_found f = kr_pfmaps_route(&p->asker, &p->routes, domain, p->dotless, &value);
    const char *fallback = setting(p, NULL, "default_transport");
    const char *relay = setting(p, NULL, "relayhost");
    if (f == KR_PFMAP_DOUBT || f == KR_PFMAP_BY_PLUGIN)
        return false;
    const char *way = f == KR_PFMAP_HIT ? value.s : "", *own = strchr(way, ':');
    size_t n = own ? (size_t)(own - way) : strlen(way), m = strcspn(fallback, ":");
    *t = n ? transport_named(p, way, n) : transport_named(p, fallback, m);
    hop->len = 0;
    kr_buf_add(hop, "", 0);
    if (own && own[1])
        kr_buf_printf(hop, "%s", own + 1);
    else if (!n && fallback[m] && fallback[m + 1])
        kr_buf_printf(hop, "%s", fallback + m + 1);
    else if (!n && *relay)
        kr_buf_printf(hop, "%s", relay);
    return *t != NULL;
}

static struct kr_mta_path policy(struct postfix *p, const struct transport *t, const char *hop)
{
    KR_AUTO_BUF struct kr_buf value = {0};
    struct kr_mta_path out = t->path;
    if (out.level == KR_TLS_UNSURE)
        return out;
    enum kr_pfmap_found f = kr_pfmaps_policy(&p->asker, &t->policy, hop, &value);
    if (f == KR_PFMAP_DOUBT)
        return (struct kr_mta_path){.level = KR_TLS_UNSURE};
    if (f == KR_PFMAP_HIT && out.level != KR_TLS_DEFER)
        out = level_of(value.s);
    out.mta_sts = f == KR_PFMAP_BY_PLUGIN; /* whose answers hold servername=hostname */
    out.no_sni = !out.mta_sts && !*setting(p, t, "smtp_tls_servername") &&
                 !(f == KR_PFMAP_HIT && strstr(value.s, "servername="));
    /* postfix-tlspol also answers dane-only where there are TLSA records. */
    if (out.mta_sts && (strstr(t->policy.list, "tlspol") || strstr(t->policy.list, ":8642")))
        out.dane = out.half_dane = true;
    else
        without_dnssec(p, t, &out);
    out.half_dane =
        out.half_dane ||
        (out.dane && strcmp(setting(p, t, "smtp_tls_dane_insecure_mx_policy"), "may") != 0);
    return out;
}

/* Behind a smart host the domain's own records do not count, those of the smart host do. */
static void path(void *arg, const struct kr_domain_facts *d, const char *host,
                 struct kr_mta_path *out)
{
    struct postfix *p = arg;
    struct transport *t = NULL;
    KR_AUTO_BUF struct kr_buf hop = {0};
    (void)host;
    if (strcmp(p->domain, d->name) != 0) {
        snprintf(p->domain, sizeof p->domain, "%s", d->name);
        p->asker.asked = p->asker.unasked = 0;
        if (!route(p, d->name, &t, &hop))
            p->last = (struct kr_mta_path){.level = KR_TLS_UNSURE};
        else
            p->last = policy(p, t, hop.len ? hop.s : d->name);
        if (hop.len && (p->last.dane || p->last.mta_sts))
            p->last = (struct kr_mta_path){.level = KR_TLS_UNSURE};
        p->asked->asked += p->asker.asked != 0;
        p->asked->unasked += p->asker.unasked != 0;
    }
    *out = p->last;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static void read_params(char *text, struct kr_mta_params *out)
{
    char *at = text, *line;
    while ((line = kr_mta_next_line(&at)) != NULL)
        kr_mta_param_assign(out, line, strlen(line), 0);
}

/* "smtp unix - - n - - smtp -o ...": its name, and the command. Continued lines begin with a blank.
 */
static void read_services(struct postfix *p, char *text)
{
    char *at = text, *line;
    while ((line = kr_mta_next_line(&at)) != NULL) {
        char *field[8], *save = NULL;
        size_t n = 0;
        if (*line == ' ' || *line == '\t')
            continue;
        for (char *w = strtok_r(line, " \t", &save); w && n < 8; w = strtok_r(NULL, " \t", &save))
            field[n++] = w;
        if (n < 8 || strcmp(field[1], "unix") != 0)
            continue;
        p->transports = kr_grow(p->transports, &p->cap, p->n + 1, sizeof *p->transports);
        p->transports[p->n++] =
            (struct transport){.name = kr_strdup(field[0]), .command = kr_strdup(field[7])};
    }
}

static int ask(struct postfix *p, const char *postconf, struct kr_err *e)
{
    struct kr_buf text[3] = {{0}};
    const char *const argv[][20] = {
        {postconf, "-c", p->folder, "-x", "smtp_tls_security_level", "smtp_tls_policy_maps",
         "smtp_tls_dane_insecure_mx_policy", "smtp_dns_support_level", "smtp_enforce_tls",
         "smtp_tls_enforce_peername", "smtp_tls_wrappermode", "smtp_tlsrpt_enable",
         "smtp_tls_servername", "default_transport", "transport_maps", "relayhost",
         "parent_domain_matches_subdomains", NULL},
        {postconf, "-c", p->folder, "-P", "-x", NULL},
        {postconf, "-c", p->folder, "-M", NULL},
    };
    int bad = 0;
    for (size_t i = 0; i < 3 && !bad; i++)
        bad = kr_mta_tool(argv[i], NULL, &text[i], e);
    if (!bad) {
        read_params(text[0].s, &p->main);
        read_params(text[1].s, &p->master);
        read_services(p, text[2].s);
    }
    for (size_t i = 0; i < 3; i++)
        kr_buf_free(&text[i]);
    return bad;
}

static void add_option(struct postfix *p, const char *of, const char *name, const char *value)
{
    p->options = kr_grow(p->options, &p->cap_options, p->n_options + 1, sizeof *p->options);
    p->options[p->n_options++] = (struct kr_mta_option){of, name, value};
}

/* What main.cf says, and what master.cf says instead for a transport. */
static void show_options(struct postfix *p)
{
    static const char *const names[] = {"smtp_tls_policy_maps", "smtp_tls_security_level",
                                        "smtp_tls_wrappermode", "smtp_tlsrpt_enable"};
    char of[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        add_option(p, "", names[i], setting(p, NULL, names[i]));
        for (size_t k = 0; k < p->n; k++) {
            snprintf(of, sizeof of, "%.80s/unix/%.70s", p->transports[k].name, names[i]);
            const char *v = kr_mta_param_value(&p->master, of);
            if (v && strcmp(p->transports[k].command, "smtp") == 0)
                add_option(p, p->transports[k].name, names[i], v);
        }
    }
}

static void say(struct kr_mta_setting *x, struct postfix *p)
{
    const char *relay = setting(p, NULL, "relayhost"), *first = NULL;
    size_t addresses = kr_pfmaps_addresses(&p->routes, &first);
    if (addresses)
        kr_mta_note(x->out, KR_HOLDS, "address-routes", "send to other users, or take them out",
                    p->folder,
                    "transport_maps has a route of its own for %zu addresses (%.80s): what is said "
                    "of their domains is true of all other users",
                    addresses, first);
    if (*relay)
        kr_mta_note(x->out, KR_HOLDS, "smart-host",
                    "ask preflight about the smart host itself; its passwords may be offered to "
                    "the sink",
                    "relayhost", "mail goes by %s, whose TLS and DANE count", relay);
    for (size_t i = 0; i < p->n; i++)
        if (says_yes(p, &p->transports[i], "smtp_tls_wrappermode") &&
            strcmp(p->transports[i].command, "smtp") == 0)
            kr_mta_note(
                x->out, KR_BROKEN, "wrapper-mode", "set smtp_tls_wrappermode = no",
                p->transports[i].name,
                "smtp_tls_wrappermode = yes: TLS before SMTP, which no sink on port 25 has");
}

void kr_mta_set_postfix(struct kr_mta_setting *x)
{
    static const char *const postconfs[] = {"/usr/sbin/postconf", "/usr/local/sbin/postconf", NULL};
    const char *postconf = kr_mta_program(postconfs);
    struct kr_err e = {0};
    if (!postconf)
        return;
    struct postfix *p = kr_calloc(1, sizeof *p);
    const char *folder = x->mta && x->mta->config[0] == '/' ? x->mta->config : "/etc/postfix";
    snprintf(p->folder, sizeof p->folder, "%s", folder);
    snprintf(p->postmap, sizeof p->postmap, "%.*s/postmap",
             (int)(strrchr(postconf, '/') - postconf), postconf);
    p->asked = x->asked;
    p->asker =
        (struct kr_pfmap_asker){.postmap = p->postmap,
                                .folder = p->folder,
                                .asks_left = x->how->most_asks ? x->how->most_asks : MOST_ASKS};
    if (ask(p, postconf, &e)) {
        kr_mta_note(x->out, KR_HOLDS, "not-asked", "look why postconf fails", postconf, "%s",
                    e.msg);
        kr_mta_set_postfix_free(p);
        return;
    }
    kr_pfmaps_load(&p->asker, setting(p, NULL, "transport_maps"), &p->routes);
    p->dotless =
        strstr(setting(p, NULL, "parent_domain_matches_subdomains"), "transport_maps") != NULL;
    snprintf(x->asked->how, sizeof x->asked->how, "%.30s -c %.50s", postconf, p->folder);
    x->side->tlsrpt = says_yes(p, NULL, "smtp_tlsrpt_enable");
    x->side->title = "Postfix";
    x->side->config = p->folder;
    x->side->assumed = false;
    x->side->path = path;
    x->side->arg = p;
    show_options(p);
    x->side->options = p->options;
    x->side->n_options = p->n_options;
    say(x, p);
}

void kr_mta_set_postfix_free(void *arg)
{
    struct postfix *p = arg;
    for (size_t i = 0; i < p->n; i++) {
        free(p->transports[i].name);
        free(p->transports[i].command);
        kr_pfmaps_free(&p->transports[i].policy);
    }
    free(p->transports);
    free(p->options);
    kr_mta_params_free(&p->main);
    kr_mta_params_free(&p->master);
    kr_pfmaps_free(&p->routes);
    free(p);
}

/* Exim tells how each transport is set, its defaults included (exim -bP transports). Which router
 * takes a domain is a program's matter, so the strictest transport that any of them uses counts. */
#include "mta_params.h"
#include "mta_set.h"

#include <kr/dns_facts.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <stdio.h>
#include <string.h>

struct driver {
    char *name;
    struct kr_mta_params options; /* "no_NAME" is there as NAME = "false" */
    bool used;                    /* a transport that mail leaves by */
};
struct drivers {
    struct driver *v;
    size_t n, cap;
};
struct exim {
    struct drivers transports;
    struct kr_mta_option *options;
    size_t n_options, cap_options;
    bool insecure; /* routers do not ask for DNSSEC: no DANE */
};

/* ---- one host ---------------------------------------------------------------------------------
 */

static const char *option(const struct driver *d, const char *name)
{
    const char *v = kr_mta_param_value(&d->options, name);
    return v ? v : "";
}

static bool flag(const struct driver *d, const char *name)
{
    const char *v = kr_mta_param_value(&d->options, name);
    return v && strcmp(v, "false") != 0;
}

/* What can't be told counts as set. Exim knows an alias by the name it leads to, which is not known
 * here: lists that name hosts can't be told for it. */
static bool applies(const struct driver *d, const char *list, const char *host)
{
    return kr_exim_list_match(option(d, list), host) != KR_LIST_NO;
}

static const char *name_to_exim(const struct kr_domain_facts *d, const char *host)
{
    for (size_t i = 0; host && i < d->n_hosts; i++)
        if (strcmp(d->hosts[i].name, host) == 0 && d->hosts[i].alias != KR_ALIAS_NONE)
            return NULL;
    return host;
}

/* Without hosts_require_tls Exim goes on in clear after TLS failed (tls_tempfail_tryclear). */
static struct kr_mta_path path_of(const struct exim *x, const struct driver *t, const char *host)
{
    bool must = applies(t, "hosts_require_tls", host);
    bool verify = applies(t, "tls_verify_hosts", host);
    bool never = kr_exim_list_match(option(t, "hosts_avoid_tls"), host) == KR_LIST_YES;
    bool only = applies(t, "hosts_require_dane", host);
    struct kr_mta_path p = {.level = KR_TLS_MAY};
    if (must)
        p.level = verify ? KR_TLS_VERIFY : KR_TLS_ENCRYPT;
    else if (verify && !never && !flag(t, "tls_tempfail_tryclear"))
        p.level = KR_TLS_OPPORTUNISTIC;
    if (strcmp(option(t, "protocol"), "smtps") == 0)
        p.level = KR_TLS_DEFER; /* no SMTP before TLS */
    p.dane = !x->insecure && (only || applies(t, "hosts_try_dane", host));
    p.dane_only = only;
    p.no_sni = !*option(t, "tls_sni");
    if (only && x->insecure)
        p.level = KR_TLS_DEFER;
    return p;
}

static void path(void *arg, const struct kr_domain_facts *d, const char *host,
                 struct kr_mta_path *out)
{
    const struct exim *x = arg;
    struct kr_mta_path all = {.level = KR_TLS_MAY};
    bool any = false;
    host = name_to_exim(d, host);
    for (size_t i = 0; i < x->transports.n; i++) {
        if (!x->transports.v[i].used)
            continue;
        struct kr_mta_path p = path_of(x, &x->transports.v[i], host);
        any = true;
        all.level = p.level > all.level ? p.level : all.level;
        all.dane = all.dane || p.dane;
        all.dane_only = all.dane_only || p.dane_only;
        all.no_sni = all.no_sni || p.no_sni;
    }
    if (!any) /* mail leaves by something that is no smtp transport */
        all = (struct kr_mta_path){.level = KR_TLS_UNSURE, .elsewhere = true};
    *out = all;
}

/* ---- asking -----------------------------------------------------------------------------------
 */

static void add_line(struct drivers *l, const char *line)
{
    size_t n = strlen(line);
    const char *space = strrchr(line, ' ');
    bool heads = space && n && line[n - 1] == ':' && !strchr(line, '=') &&
                 (strcmp(space, " transport:") == 0 || strcmp(space, " router:") == 0);
    if (heads) {
        l->v = kr_grow(l->v, &l->cap, l->n + 1, sizeof *l->v);
        l->v[l->n++] = (struct driver){.name = kr_strdup(line)};
        l->v[l->n - 1].name[space - line] = '\0';
        return;
    }
    if (!l->n || !n)
        return;
    struct kr_mta_params *p = &l->v[l->n - 1].options;
    if (strchr(line, '='))
        kr_mta_param_assign(p, line, n, 0);
    else if (strncmp(line, "no_", 3) == 0)
        kr_mta_param_set(p, line + 3, n - 3, "false", 5, 0);
    else
        kr_mta_param_set(p, line, n, "true", 4, 0);
}

static int ask(const char *program, const struct kr_mta *m, const char *what, struct drivers *out,
               struct kr_err *e)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    const char *argv[8] = {program};
    size_t n = 1;
    bool told = m && m->pid && m->config[0] == '/' && strncmp(m->config, "/etc/exim4/", 11) != 0 &&
                strncmp(m->config, "/var/lib/exim4/", 15) != 0;
    if (told) {
        argv[n++] = "-C";
        argv[n++] = m->config;
    }
    argv[n++] = "-bP";
    argv[n++] = what;
    argv[n] = NULL;
    if (kr_mta_tool(argv, NULL, &text, e))
        return -1;
    char *at = text.s, *line;
    while ((line = kr_mta_next_line(&at)) != NULL)
        add_line(out, line);
    return out->n ? 0 : kr_fail(e, KR_UNKNOWN, 0, "%s -bP %s tells of none", program, what);
}

/* A transport whose name is computed may be any. */
static void choose(struct exim *x, const struct drivers *routers)
{
    for (size_t r = 0; r < routers->n; r++) {
        const struct driver *d = &routers->v[r];
        const char *name = option(d, "transport");
        bool any = strchr(name, '$') || strcmp(option(d, "driver"), "manualroute") == 0;
        if (strcmp(option(d, "driver"), "dnslookup") == 0 && !*option(d, "dnssec_request_domains"))
            x->insecure = true;
        for (size_t i = 0; i < x->transports.n; i++)
            if (strcmp(option(&x->transports.v[i], "driver"), "smtp") == 0 &&
                (any || strcmp(x->transports.v[i].name, name) == 0))
                x->transports.v[i].used = true;
    }
}

static void drivers_free(struct drivers *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].name);
        kr_mta_params_free(&l->v[i].options);
    }
    free(l->v);
}

static const char *const lists[] = {"hosts_require_tls", "tls_verify_hosts", "hosts_try_dane",
                                    "hosts_require_dane"};
#define N_LISTS (sizeof lists / sizeof *lists)

static void show_options(struct exim *x)
{
    for (size_t i = 0; i < x->transports.n; i++)
        for (size_t k = 0; x->transports.v[i].used && k < N_LISTS; k++) {
            x->options = kr_grow(x->options, &x->cap_options, x->n_options + 1, sizeof *x->options);
            x->options[x->n_options++] = (struct kr_mta_option){
                x->transports.v[i].name, lists[k], option(&x->transports.v[i], lists[k])};
        }
}

static void say(struct kr_mta_setting *s, const struct exim *x)
{
    for (size_t i = 0; i < x->transports.n; i++)
        for (size_t k = 0; x->transports.v[i].used && k < N_LISTS; k++) {
            const char *v = option(&x->transports.v[i], lists[k]);
            if (kr_exim_list_match(v, "a.name.that.nobody.has.invalid") == KR_LIST_UNSURE)
                kr_mta_note(s->out, KR_HOLDS, "host-list",
                            "name the hosts, or leave the list empty", x->transports.v[i].name,
                            "%s = %.150s: can't be told without a delivery, and counts as true",
                            lists[k], v);
        }
}

void kr_mta_set_exim(struct kr_mta_setting *s)
{
    static const char *const programs[] = {"/usr/sbin/exim4", "/usr/sbin/exim",
                                           "/usr/exim/bin/exim", NULL};
    const char *program = kr_mta_program(programs);
    struct drivers routers = {0};
    struct kr_err e = {0};
    if (!program)
        return;
    struct exim *x = kr_calloc(1, sizeof *x);
    int bad = ask(program, s->mta, "transports", &x->transports, &e) ||
              ask(program, s->mta, "routers", &routers, &e);
    if (bad) {
        kr_mta_note(s->out, KR_HOLDS, "not-asked", "look why exim -bP fails", program, "%s", e.msg);
        kr_mta_set_exim_free(x);
        drivers_free(&routers);
        return;
    }
    choose(x, &routers);
    drivers_free(&routers);
    snprintf(s->asked->how, sizeof s->asked->how, "%s -bP transports", program);
    s->side->assumed = false;
    s->side->path = path;
    s->side->arg = x;
    show_options(x);
    s->side->options = x->options;
    s->side->n_options = x->n_options;
    say(s, x);
}

void kr_mta_set_exim_free(void *arg)
{
    struct exim *x = arg;
    drivers_free(&x->transports);
    free(x->options);
    free(x);
}

#include "mta_postfix.h"

#include <kr/mem.h>

#include <stdio.h>
#include <string.h>

enum how {
    FINAL = 1,  /* mail that stays: delivery to this host's own mailboxes */
    FILTER = 2, /* mail that is expected to come back */
};
enum form { HOPS, TRANSPORT, HOP_MAPS, TRANSPORT_MAPS };

static const struct setting {
    const char *name;
    enum form form;
    unsigned how;
} settings[] = {
    {"relayhost", HOPS, 0},
    {"smtp_fallback_relay", HOPS, 0},
    {"fallback_relay", HOPS, 0},
    {"lmtp_fallback_relay", HOPS, 0},
    {"smtpd_proxy_filter", HOPS, FILTER},
    {"content_filter", TRANSPORT, FILTER},
    {"default_transport", TRANSPORT, 0},
    {"relay_transport", TRANSPORT, 0},
    {"local_transport", TRANSPORT, FINAL},
    {"virtual_transport", TRANSPORT, FINAL},
    {"mailbox_transport", TRANSPORT, FINAL},
    {"fallback_transport", TRANSPORT, FINAL},
    {"sender_dependent_relayhost_maps", HOP_MAPS, 0},
    {"sender_dependent_default_transport_maps", TRANSPORT_MAPS, 0},
    {"transport_maps", TRANSPORT_MAPS, 0},
    {"mailbox_transport_maps", TRANSPORT_MAPS, FINAL},
    {"fallback_transport_maps", TRANSPORT_MAPS, FINAL},
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

static const struct setting *setting_named(const char *name)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int port_of(struct kr_pf *pf, const char *value)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    kr_pf_expand(pf, value, strlen(value), &text);
    return kr_mta_port(text.s, text.len);
}

/* The port a client goes to when a next hop names none (smtp_tcp_port, lmtp_tcp_port). */
static int client_port(struct kr_pf *pf, const struct kr_pf_service *s, bool lmtp)
{
    const char *name = lmtp ? "lmtp_tcp_port" : "smtp_tcp_port";
    const struct kr_mta_param *p = s ? kr_mta_param_get(&s->options, name, strlen(name)) : NULL;
    if (!p)
        p = kr_mta_param_get(&pf->params, name, strlen(name));
    return p ? port_of(pf, p->value) : lmtp ? 24 : 25;
}

static enum kr_mta_role role_of(unsigned how, bool lmtp)
{
    return how & FILTER ? KR_MTA_FILTER : lmtp ? KR_MTA_LMTP : KR_MTA_RELAY;
}

static void use_hops(struct kr_pf *pf, const struct kr_pf_place *at, const char *text, size_t len,
                     unsigned how)
{
    const char *word, *next = text;
    size_t n;
    while (kr_pf_word(&next, text + len, &word, &n)) {
        struct kr_mta_hop hop = kr_mta_hop_parse(word, n);
        kr_mta_judge(pf->r, role_of(how, false), at->file, at->line, at->setting, &hop,
                     client_port(pf, NULL, false));
    }
}

/* ---- transports ------------------------------------------------------------------------------ */

static void use_fallback(struct kr_pf *pf, const struct kr_pf_service *s)
{
    static const char name[] = "smtp_fallback_relay";
    const struct kr_mta_param *p = s ? kr_mta_param_get(&s->options, name, strlen(name)) : NULL;
    KR_AUTO_BUF struct kr_buf value = {0};
    if (!p)
        return;
    const struct kr_pf_place at = {pf->master, p->line, name};
    kr_pf_expand(pf, p->value, strlen(p->value), &value);
    use_hops(pf, &at, value.s, value.len, 0);
}

static void use_client(struct kr_pf *pf, const struct kr_pf_place *at,
                       const struct kr_pf_service *s, bool lmtp, const char *hops, size_t len,
                       unsigned how)
{
    int port = client_port(pf, s, lmtp);
    const char *word, *next = hops;
    size_t n, seen = 0;
    use_fallback(pf, s);
    for (; kr_pf_word(&next, hops + len, &word, &n); seen++) {
        struct kr_mta_hop hop = kr_mta_hop_parse(word, n);
        kr_mta_judge(pf->r, role_of(how, lmtp), at->file, at->line, at->setting, &hop, port);
    }
    if (seen || (port > 0 && kr_mta_guarded(pf->r, port)))
        return;
    if (lmtp && !(how & FINAL))
        kr_mta_say(pf->r, KR_MTA_OTHER, KR_BROKEN, at->file, at->line,
                   "%s: mail leaves by LMTP, port %d", at->setting, port);
    else
        kr_mta_judge_port(pf->r, at->file, at->line, at->setting, port);
}

static void use_program(struct kr_pf *pf, const struct kr_pf_place *at, const char *program,
                        unsigned how)
{
    kr_mta_say(pf->r, KR_MTA_OTHER, how & (FINAL | FILTER) ? KR_HOLDS : KR_IN_DOUBT, at->file,
               at->line,
               how & (FINAL | FILTER)
                   ? "%s: handed to the program %.100s"
                   : "%s: handed to the program %.100s; where that sends it can't be told",
               at->setting, program);
}

/* "transport:nexthop"; either may be empty. */
static void use_transport(struct kr_pf *pf, const struct kr_pf_place *at, const char *text,
                          size_t len, unsigned how)
{
    static const char *const stays[] = {"local",   "virtual", "error", "retry",
                                        "discard", "bounce",  "defer", "spawn"};
    const char *colon = memchr(text, ':', len);
    size_t n = colon ? (size_t)(colon - text) : len;
    const char *hops = colon ? colon + 1 : text + len;
    const struct kr_pf_service *s = kr_pf_service_find(pf, text, n);
    char name[64];
    if (len == 0)
        return;
    snprintf(name, sizeof name, "%.*s", n == 0 ? 4 : n < 60 ? (int)n : 60, n ? text : "smtp");
    const char *command = s ? s->command : strcmp(name, "relay") == 0 ? "smtp" : name;
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++)
        if (strcmp(stays[i], command) == 0)
            return;
    if (strcmp(command, "smtp") == 0 || strcmp(command, "lmtp") == 0)
        use_client(pf, at, s, *command == 'l', hops, (size_t)(text + len - hops), how);
    else if (s)
        use_program(pf, at, *s->program ? s->program : s->command, how);
    else
        kr_mta_say(pf->r, KR_MTA_OTHER, KR_IN_DOUBT, at->file, at->line,
                   "%s: master.cf has no transport %s", at->setting, name);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void use_setting(struct kr_pf *pf, const struct setting *set, const char *value,
                        const char *file, unsigned line)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    const struct kr_pf_place at = {file, line, set->name};
    kr_pf_expand(pf, value, strlen(value), &text);
    const char *word, *next = text.s;
    size_t n;
    if (set->form == HOPS)
        use_hops(pf, &at, text.s, text.len, set->how);
    else if (set->form == TRANSPORT && kr_pf_word(&next, text.s + text.len, &word, &n))
        use_transport(pf, &at, word, n, set->how);
    else if (set->form == HOP_MAPS)
        kr_pf_maps(pf, &at, text.s, text.len, use_hops, set->how);
    else if (set->form == TRANSPORT_MAPS)
        kr_pf_maps(pf, &at, text.s, text.len, use_transport, set->how);
}

/* -o of a service. Ports and fallbacks of an smtp(8) count when something is sent by it. */
static void use_option(struct kr_pf *pf, const char *command, const struct kr_mta_param *option)
{
    const struct setting *set = setting_named(option->name);
    if (set && !(strcmp(command, "smtp") == 0 && strstr(set->name, "fallback_relay")))
        use_setting(pf, set, option->value, pf->master, option->line);
}

/* What asks for TLS: preflight tells of it. */
static void say_tls(struct kr_pf *pf, const char *file, const struct kr_mta_params *p)
{
    for (size_t i = 0; i < p->n; i++)
        if ((strncmp(p->v[i].name, "smtp_tls_", 9) == 0 &&
             (strstr(p->v[i].name, "level") || strstr(p->v[i].name, "policy") ||
              strstr(p->v[i].name, "wrappermode"))) ||
            strcmp(p->v[i].name, "smtp_tlsrpt_enable") == 0 ||
            strcmp(p->v[i].name, "smtp_enforce_tls") == 0)
            kr_mta_say(pf->r, KR_MTA_TLS, KR_HOLDS, file, p->v[i].line, "%.60s = %.150s",
                       p->v[i].name, p->v[i].value);
}

static void use_main(struct kr_pf *pf)
{
    static const char *const always[] = {"default_transport", "relay_transport"};
    static const char auth[] = "smtp_sasl_auth_enable";
    const struct kr_mta_param *p;
    for (size_t i = 0; i < N_SETTINGS; i++)
        if ((p = kr_mta_param_get(&pf->params, settings[i].name, strlen(settings[i].name))) != NULL)
            use_setting(pf, &settings[i], p->value, pf->main, p->line);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (!kr_mta_param_get(&pf->params, always[i], strlen(always[i])))
            use_setting(pf, setting_named(always[i]), i ? "relay" : "smtp", pf->master, 0);
    say_tls(pf, pf->main, &pf->params);
    for (size_t i = 0; i < pf->n; i++) {
        say_tls(pf, pf->master, &pf->services[i].options);
        for (size_t k = 0; k < pf->services[i].options.n; k++)
            use_option(pf, pf->services[i].command, &pf->services[i].options.v[k]);
    }
    if ((p = kr_mta_param_get(&pf->params, auth, strlen(auth))) != NULL &&
        strcmp(p->value, "yes") == 0)
        kr_mta_say(pf->r, KR_MTA_SMARTHOSTS, KR_HOLDS, pf->main, p->line,
                   "%s: its passwords may be offered to the sink", auth);
}

static bool has_own_process(const struct kr_pf *pf, const char *folder)
{
    const struct kr_mtas *m = pf->r->out;
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].pid && strcmp(m->v[i].config, folder) == 0)
            return true;
    return false;
}

static void read_instance(struct kr_mta_reading *r, const char *folder, bool first);

/* multi_instance_directories (MULTI_INSTANCE_README). */
static void other_instances(struct kr_pf *pf)
{
    static const char name[] = "multi_instance_directories";
    const struct kr_mta_param *p = kr_mta_param_get(&pf->params, name, strlen(name));
    KR_AUTO_BUF struct kr_buf list = {0};
    char folder[256];
    const char *word;
    size_t n;
    if (!p)
        return;
    kr_pf_expand(pf, p->value, strlen(p->value), &list);
    for (const char *at = list.s; kr_pf_word(&at, list.s + list.len, &word, &n);) {
        snprintf(folder, sizeof folder, "%.*s", (int)n, word);
        if (!has_own_process(pf, folder))
            read_instance(pf->r, folder, false);
    }
}

static void read_instance(struct kr_mta_reading *r, const char *folder, bool first)
{
    struct kr_pf pf = {.r = r};
    snprintf(pf.folder, sizeof pf.folder, "%s", folder);
    snprintf(pf.main, sizeof pf.main, "%.250s/main.cf", folder);
    snprintf(pf.master, sizeof pf.master, "%.250s/master.cf", folder);
    int main_there = kr_pf_read_main(&pf), master_there = kr_pf_read_master(&pf);
    if (main_there == 0 && r->mta->pid)
        kr_mta_say(r, KR_MTA_UNKNOWN, KR_IN_DOUBT, pf.main, 0, "it isn't there");
    if (main_there == 1 || master_there == 1)
        use_main(&pf);
    if (first)
        other_instances(&pf);
    kr_pf_free(&pf);
}

void kr_mta_read_postfix(struct kr_mta_reading *r, const char *config)
{
    read_instance(r, config, true);
}

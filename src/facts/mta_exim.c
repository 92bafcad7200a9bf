#include "mta_exim.h"

#include <kr/mem.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct use {
    struct kr_exim *x;
    const struct kr_exim_driver *router, *transport; /* transport: NULL when it can't be told */
    const char *file, *setting;
    unsigned line;
};

static const char *value_of(const struct kr_exim_driver *d, const char *name)
{
    const char *v = d ? kr_mta_param_value(&d->options, name) : NULL;
    return v ? v : "";
}

static struct use place(struct kr_exim *x, const struct kr_exim_driver *d, const char *setting)
{
    const struct kr_mta_param *p = kr_mta_param_get(&d->options, setting, strlen(setting));
    return (struct use){.x = x, .file = d->file, .setting = setting, .line = p ? p->line : 0};
}

static void say(const struct use *u, enum kr_mta_topic topic, enum kr_verdict v, const char *what)
{
    kr_mta_say(u->x->r, topic, v, u->file, u->line, "%s: %s", u->setting, what);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static bool is_lmtp(const struct kr_exim_driver *t)
{
    return strcmp(value_of(t, "protocol"), "lmtp") == 0;
}

static int transport_port(const struct kr_exim_driver *t)
{
    const char *port = value_of(t, "port"), *protocol = value_of(t, "protocol");
    if (*port)
        return kr_mta_port(port, strlen(port));
    return strcmp(protocol, "smtps") == 0 ? 465 : is_lmtp(t) ? 24 : 25;
}

static void one_host(const struct use *u, const char *text, size_t len)
{
    text = kr_mta_trim(text, &len);
    const char *slash = memchr(text, '/', len); /* "/MX", "/A": how it is looked up */
    if (len == 0 || (len == 1 && *text == '+'))
        return;
    struct kr_mta_hop hop = kr_mta_hop_parse(text, slash ? (size_t)(slash - text) : len);
    kr_mta_judge(u->x->r, is_lmtp(u->transport) ? KR_MTA_LMTP : KR_MTA_RELAY, u->file, u->line,
                 u->setting, &hop, transport_port(u->transport));
}

/* A list of hosts: parted by ':', where "::" is one ':' of an item, or by what "<X" says. */
static void host_list(const struct use *u, const char *s, size_t len)
{
    const char *end = s + len;
    char sep = ':', item[256];
    size_t n = 0;
    if (len > 1 && *s == '<' && ispunct((unsigned char)s[1])) {
        sep = s[1];
        s += 2;
    }
    for (; s < end; s++) {
        bool twice = *s == sep && s + 1 < end && s[1] == sep;
        if (*s == sep && !twice) {
            one_host(u, item, n);
            n = 0;
        } else if (n < sizeof item) {
            item[n++] = *s;
        }
        s += twice;
    }
    one_host(u, item, n);
}

/* ---- lookups --------------------------------------------------------------------------------- */

/* "hosts options": the next word, quoted or not. */
static const char *next_word(const char **at, const char *end, size_t *len)
{
    const char *s = *at;
    while (s < end && isspace((unsigned char)*s))
        s++;
    bool quote = s < end && *s == '"';
    const char *word = s + quote;
    for (s = word; s < end && (quote ? *s != '"' : !isspace((unsigned char)*s)); s++)
        ;
    *len = (size_t)(s - word);
    *at = s < end ? s + quote : s;
    return word;
}

static void hosts_and_options(const struct use *u, const char *at, const char *end)
{
    size_t len;
    if (at + 1 < end && *at == '<') { /* the list has blanks in it: no options are told from it */
        host_list(u, at, (size_t)(end - at));
        return;
    }
    const char *hosts = next_word(&at, end, &len);
    host_list(u, hosts, len);
}

/* lsearch: "key: value", continued by leading white space. */
static void lookup_file(const struct use *from, const char *file)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    struct use u = *from;
    u.file = file;
    u.line = 0;
    if (kr_mta_file(u.x->r, file, &text) != 1)
        return;
    for (const char *at = text.s, *end = text.s + text.len; at < end;) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((eol ? eol : end) - at);
        bool more = len && isspace((unsigned char)*at);
        const char *line = kr_mta_trim(at, &len);
        u.line++;
        if (len && *line != '#') {
            size_t key = 0;
            while (!more && key < len && line[key] != ':' && !isspace((unsigned char)line[key]))
                key++;
            key += key < len && line[key] == ':';
            const char *value = line + key;
            size_t n = len - key;
            value = kr_mta_trim(value, &n);
            hosts_and_options(&u, value, value + n);
        }
        at = eol ? eol + 1 : end;
    }
}

static const char *count_of(const char *s, const char *what, size_t *n)
{
    const char *last = NULL;
    for (*n = 0; (s = strstr(s, what)) != NULL; s++, ++*n)
        last = s;
    return last;
}

/* What is expanded when mail is routed: one lookup in a file can be read, nothing else. */
static void computed(const struct use *u, const char *text)
{
    size_t n, lookups;
    char file[256];
    const char *search = count_of(text, "lsearch{", &lookups);
    count_of(text, "${", &n);
    if (n == 1 && lookups == 1) {
        search += strlen("lsearch{");
        snprintf(file, sizeof file, "%.*s", (int)strcspn(search, "}"), search);
        lookup_file(u, file);
    } else {
        say(u, KR_MTA_SMARTHOSTS, KR_IN_DOUBT,
            "its hosts are computed for each message and can't be told");
    }
}

static bool is_computed(const char *s, size_t len)
{
    return memchr(s, '$', len) &&
           !(len >= 7 && memcmp(s, "$domain", 7) == 0 && !memchr(s + 1, '$', len - 1) &&
             !isalnum((unsigned char)s[7]) && s[7] != '_');
}

static void hosts_option(struct use u, const char *text)
{
    if (is_computed(text, strlen(text)))
        computed(&u, text);
    else
        host_list(&u, text, strlen(text));
}

/* ---- routers --------------------------------------------------------------------------------- */

/* "pattern hosts options"; an option that is a transport's name chooses it. */
static void route_rule(struct use u, const char *at, const char *end)
{
    size_t len, n;
    next_word(&at, end, &len);
    const char *hosts = next_word(&at, end, &len), *word;
    if (!len)
        return;
    while ((word = next_word(&at, end, &n), n))
        if (kr_exim_transport(u.x, word, n))
            u.transport = kr_exim_transport(u.x, word, n);
    if (is_computed(hosts, len)) {
        char text[512];
        snprintf(text, sizeof text, "%.*s", (int)(end - hosts), hosts);
        computed(&u, text);
    } else {
        host_list(&u, hosts, len);
    }
}

static void manual_route(struct kr_exim *x, const struct kr_exim_driver *router,
                         const struct kr_exim_driver *transport)
{
    struct use u = place(x, router, "route_list");
    const char *s = value_of(router, "route_list"), *data = value_of(router, "route_data");
    char sep = ';';
    u.transport = transport;
    if (*s == '<' && ispunct((unsigned char)s[1])) {
        sep = s[1];
        s += 2;
    }
    while (*s) {
        bool quote = false;
        const char *end = s;
        for (; *end && (quote || *end != sep); end++)
            quote ^= *end == '"';
        route_rule(u, s, end);
        s = *end ? end + 1 : end;
    }
    if (!*data)
        return;
    u = place(x, router, "route_data");
    u.transport = transport;
    if (is_computed(data, strlen(data)))
        computed(&u, data);
    else
        hosts_and_options(&u, data, data + strlen(data));
}

/* ---- transports ------------------------------------------------------------------------------ */

/* What asks for TLS: preflight tells of it. */
static void say_tls(struct kr_exim *x, const struct kr_exim_driver *t)
{
    static const char *const names[] = {"hosts_require_tls", "hosts_try_dane", "hosts_require_dane",
                                        "tls_verify_hosts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (kr_mta_param_value(&t->options, names[i])) {
            struct use u = place(x, t, names[i]);
            kr_mta_say(x->r, KR_MTA_TLS, KR_HOLDS, u.file, u.line, "%s = %.150s", names[i],
                       value_of(t, names[i]));
        }
}

static void use_smtp(struct kr_exim *x, const struct kr_exim_driver *t, bool hosts_known)
{
    static const char *const lists[] = {"hosts", "fallback_hosts"};
    int port = transport_port(t);
    struct use u;
    say_tls(x, t);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        u = place(x, t, lists[i]);
        u.transport = t;
        if (*value_of(t, lists[i]))
            hosts_option(u, value_of(t, lists[i]));
    }
    u = place(x, t, "socks_proxy");
    if (*value_of(t, "socks_proxy"))
        say(&u, KR_MTA_PROXIES, KR_BROKEN,
            "connections are made by a proxy, where no guard of this host is");
    u = place(x, t, *value_of(t, "port") ? "port" : "protocol");
    if (!hosts_known && !*value_of(t, "hosts") && (port <= 0 || !kr_mta_guarded(x->r, port)))
        kr_mta_judge_port(x->r, u.file, u.line, u.setting, port);
}

static void use_program(struct kr_exim *x, const struct kr_exim_driver *t, bool stays)
{
    struct use u = place(x, t, "command");
    if (!*value_of(t, "command"))
        u.setting = t->name;
    say(&u, KR_MTA_OTHER, stays ? KR_HOLDS : KR_IN_DOUBT,
        stays ? "a program that delivers to mailboxes"
              : "handed to a program; where that sends it can't be told");
}

static void use_transport(struct kr_exim *x, const struct kr_exim_driver *t, bool hosts_known,
                          bool stays)
{
    const char *driver = value_of(t, "driver");
    if (strcmp(driver, "smtp") == 0)
        use_smtp(x, t, hosts_known);
    else if (strcmp(driver, "pipe") == 0 ||
             (strcmp(driver, "lmtp") == 0 && *value_of(t, "command")))
        use_program(x, t, stays);
}

static bool stays_here(const struct kr_exim_driver *router)
{
    const char *domains = value_of(router, "domains");
    return kr_mta_param_value(&router->options, "check_local_user") ||
           (strstr(domains, "+local_domains") && !strchr(domains, '!'));
}

static void use_router(struct kr_exim *x, const struct kr_exim_driver *router)
{
    const char *name = value_of(router, "transport"), *driver = value_of(router, "driver");
    bool manual = strcmp(driver, "manualroute") == 0, computed_name = strchr(name, '$') != NULL;
    const struct kr_exim_driver *t = kr_exim_transport(x, name, strlen(name));
    struct use u = place(x, router, "fallback_hosts");
    u.transport = t;
    if (*value_of(router, "fallback_hosts"))
        hosts_option(u, value_of(router, "fallback_hosts"));
    if (manual)
        manual_route(x, router, t);
    if (strcmp(driver, "queryprogram") == 0) {
        u = place(x, router, "command");
        say(&u, KR_MTA_SMARTHOSTS, KR_IN_DOUBT, "a program chooses the hosts");
    }
    if (t)
        use_transport(x, t, manual, stays_here(router));
    for (size_t i = 0; computed_name && i < x->n; i++)
        if (x->drivers[i].transport)
            use_transport(x, &x->drivers[i], false, false);
}

/* Debian's answers, of which the configuration is made when Exim starts. */
static void read_answers(struct kr_mta_reading *r, const char *file)
{
    KR_AUTO_BUF struct kr_buf text = {0};
    struct kr_mta_params p = {0};
    struct kr_exim x = {.r = r};
    unsigned n = 0;
    if (kr_mta_file(r, file, &text) != 1)
        return;
    for (char *line = text.s, *eol; line; line = eol ? eol + 1 : NULL) {
        eol = strchr(line, '\n');
        n++;
        if (*line != '#')
            kr_mta_param_assign(&p, line, eol ? (size_t)(eol - line) : strlen(line), n);
    }
    const char *type = kr_mta_param_value(&p, "dc_eximconfig_configtype");
    const struct kr_mta_param *hosts = kr_mta_param_get(&p, "dc_smarthost", strlen("dc_smarthost"));
    if (type && hosts && (strstr(type, "smarthost") || strstr(type, "satellite"))) {
        struct use u = {.x = &x, .file = file, .setting = "dc_smarthost", .line = hosts->line};
        const char *list = hosts->value + strspn(hosts->value, "'\"");
        host_list(&u, list, strcspn(list, "'\""));
    }
    kr_mta_params_free(&p);
}

void kr_mta_read_exim(struct kr_mta_reading *r, const char *config)
{
    struct kr_exim x = {.r = r};
    if (strstr(config, "update-exim4.conf.conf")) {
        read_answers(r, config);
        return;
    }
    kr_exim_parse(&x, config);
    for (size_t i = 0; i < x.n; i++)
        if (!x.drivers[i].transport)
            use_router(&x, &x.drivers[i]);
    kr_exim_free(&x);
}

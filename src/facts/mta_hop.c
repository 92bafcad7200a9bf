/* Next hops, and what follows from mail going there. */
#include "mta_hop.h"

#include <kr/scene.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    int port;
} services[] = {
    {"smtp", 25},   {"submission", 587}, {"smtps", 465}, {"submissions", 465},
    {"ssmtp", 465}, {"urd", 465},        {"lmtp", 24},
};

int kr_mta_port(const char *text, size_t len)
{
    int port = 0;
    if (len == 0)
        return 0;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        if (strlen(services[i].name) == len && strncasecmp(services[i].name, text, len) == 0)
            return services[i].port;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]) || port > 65535)
            return -1;
        port = port * 10 + text[i] - '0';
    }
    return port >= 1 && port <= 65535 ? port : -1;
}

static void set_host(struct kr_mta_hop *h, const char *text, size_t len)
{
    static const char v6[] = "IPv6:";
    if (len >= strlen(v6) && strncasecmp(text, v6, strlen(v6)) == 0) {
        text += strlen(v6);
        len -= strlen(v6);
    }
    if (len >= sizeof h->host)
        len = sizeof h->host - 1;
    memcpy(h->host, text, len);
    for (size_t i = 0; i < len; i++)
        if (!isprint((unsigned char)h->host[i]))
            h->host[i] = '?';
    h->is_addr = kr_addr_parse(h->host, &h->addr, NULL) == 0;
}

static bool skip_word(const char **text, size_t *len, const char *word)
{
    size_t n = strlen(word);
    if (*len < n || strncasecmp(*text, word, n) != 0)
        return false;
    *text += n;
    *len -= n;
    return true;
}

struct kr_mta_hop kr_mta_hop_parse(const char *text, size_t len)
{
    struct kr_mta_hop h = {0};
    if (!skip_word(&text, &len, "inet6:") && !skip_word(&text, &len, "inet:"))
        h.local = skip_word(&text, &len, "unix:");
    if (h.local) {
        set_host(&h, text, len);
        return h;
    }
    const char *end = text + len, *host = text, *stop, *port = NULL;
    if (len && *text == '[') {
        host++;
        stop = memchr(text, ']', len);
        if (stop && stop + 1 < end)
            port = stop[1] == ':' ? stop + 2 : end - 1; /* "[a]b" has no port that can be told */
    } else {
        stop = memrchr(text, ':', len);
        if (stop && memchr(text, ':', len) == stop)
            port = stop + 1;
        else
            stop = NULL; /* none, or an IPv6 address without brackets */
    }
    set_host(&h, host, (size_t)((stop ? stop : end) - host));
    h.port = port ? kr_mta_port(port, (size_t)(end - port)) : 0;
    return h;
}

bool kr_mta_guarded(const struct kr_mta_reading *r, int port)
{
    for (size_t i = 0; i < r->s->n_ports; i++)
        if (r->s->ports[i] == port)
            return true;
    return false;
}

static const char *fate(const struct kr_mta_reading *r, int port)
{
    for (size_t i = 0; i < r->s->n_redirected; i++)
        if (r->s->ports[i] == port)
            return "redirected";
    return "blocked";
}

static bool at(const struct kr_endpoint *ep, const struct kr_mta_hop *h, int port)
{
    return ep && ep->port == port && kr_addr_cmp(&ep->first, &h->addr) <= 0 &&
           kr_addr_cmp(&h->addr, &ep->last) <= 0;
}

static bool is_sink(const struct kr_mta_reading *r, const struct kr_mta_hop *h, int port)
{
    return h->is_addr && (at(r->s->sink4, h, port) || at(r->s->sink6, h, port));
}

static bool is_here(const struct kr_mta_reading *r, const struct kr_mta_hop *h)
{
    if (!h->is_addr)
        return strcasecmp(h->host, "localhost") == 0;
    return kr_addr_is_loopback(&h->addr) || kr_prefixset_find(&r->own, &h->addr);
}

/* A mail server of this host, or the sink, listens there. 0: nobody does; -1: somebody else. */
static int taken_by_mail(struct kr_mta_reading *r, const struct kr_mta_hop *h, int port)
{
    int got = 0;
    for (size_t i = 0; i < r->listeners.n; i++) {
        const struct kr_listener *l = &r->listeners.v[i];
        bool known;
        if (l->port != port || (h->is_addr && !l->any && kr_addr_cmp(&l->local, &h->addr) != 0))
            continue;
        if (kr_mta_owner(r, l->inode, false, &known) && known)
            return 1;
        got = -1;
    }
    return got;
}

static void judge_here(struct kr_mta_reading *r, enum kr_mta_role role, const char *file,
                       unsigned line, const char *to, const struct kr_mta_hop *hop, int port)
{
    enum kr_mta_topic topic = role == KR_MTA_LMTP ? KR_MTA_OTHER : KR_MTA_SMARTHOSTS;
    if (role != KR_MTA_RELAY) {
        kr_mta_say(r, topic, KR_HOLDS, file, line, "%s: on this host", to);
        return;
    }
    if (r->s->capture_local && kr_mta_guarded(r, port)) {
        kr_mta_say(r, topic, KR_HOLDS, file, line, "%s: on this host, %s", to, fate(r, port));
        return;
    }
    int who = taken_by_mail(r, hop, port);
    kr_mta_say(r, topic, who == 1 ? KR_HOLDS : KR_IN_DOUBT, file, line,
               who == 1   ? "%s: a mail server of this host"
               : who == 0 ? "%s: on this host, where nobody listens now"
                          : "%s: a program on this host; where it sends mail can't be told",
               to);
}

static void judge_guarded(struct kr_mta_reading *r, const char *file, unsigned line, const char *to,
                          const struct kr_mta_hop *hop, int port)
{
    bool doubt = !hop->is_addr && r->s->lan && r->s->lan->n;
    kr_mta_say(r, KR_MTA_SMARTHOSTS, doubt ? KR_IN_DOUBT : KR_HOLDS, file, line,
               doubt ? "%s: names are not resolved here: %s, unless it is an exempt address"
                     : "%s: %s",
               to, fate(r, port));
}

static void judge_exempt(struct kr_mta_reading *r, enum kr_mta_role role, const char *file,
                         unsigned line, const char *to, const struct kr_prefix *exempt)
{
    char prefix[KR_ADDRSTRLEN];
    kr_mta_say(r, role == KR_MTA_LMTP ? KR_MTA_OTHER : KR_MTA_SMARTHOSTS, KR_BROKEN, file, line,
               "%s: inside the exempt %s, so it is neither redirected nor blocked, and it may "
               "relay",
               to, kr_prefix_str(exempt, prefix));
}

static void judge_open(struct kr_mta_reading *r, enum kr_mta_role role, const char *file,
                       unsigned line, const char *to, int port)
{
    if (role == KR_MTA_LMTP)
        kr_mta_say(r, KR_MTA_OTHER, KR_BROKEN, file, line,
                   "%s: mail leaves by LMTP; up --block-port %d stops it", to, port);
    else
        kr_mta_say(r, KR_MTA_PORTS, KR_BROKEN, file, line,
                   "%s: this port is not guarded; up --block-port %d stops it", to, port);
}

void kr_mta_judge(struct kr_mta_reading *r, enum kr_mta_role role, const char *file, unsigned line,
                  const char *setting, const struct kr_mta_hop *hop, int port)
{
    char to[224];
    const struct kr_prefix *exempt = hop->is_addr ? kr_prefixset_find(&r->lan, &hop->addr) : NULL;
    port = hop->port ? hop->port : port;
    if (hop->local) {
        kr_mta_say(r, KR_MTA_OTHER, KR_HOLDS, file, line, "%s: a socket on this host", setting);
        return;
    }
    if (port <= 0)
        snprintf(to, sizeof to, "%.60s: %s, port can't be told", setting, hop->host);
    else
        snprintf(to, sizeof to, "%.60s: %s port %d", setting, hop->host, port);
    if (is_sink(r, hop, port))
        kr_mta_say(r, KR_MTA_SMARTHOSTS, KR_HOLDS, file, line, "%s: the sink", to);
    else if (is_here(r, hop))
        judge_here(r, role, file, line, to, hop, port);
    else if (exempt)
        judge_exempt(r, role, file, line, to, exempt);
    else if (port <= 0)
        kr_mta_say(r, KR_MTA_PORTS, KR_IN_DOUBT, file, line, "%s", to);
    else if (!kr_mta_guarded(r, port))
        judge_open(r, role, file, line, to, port);
    else
        judge_guarded(r, file, line, to, hop, port);
}

void kr_mta_judge_port(struct kr_mta_reading *r, const char *file, unsigned line,
                       const char *setting, int port)
{
    if (port <= 0)
        kr_mta_say(r, KR_MTA_PORTS, KR_IN_DOUBT, file, line, "%s: its value can't be told",
                   setting);
    else if (kr_mta_guarded(r, port))
        kr_mta_say(r, KR_MTA_PORTS, KR_HOLDS, file, line, "%s: port %d is %s", setting, port,
                   fate(r, port));
    else
        kr_mta_say(r, KR_MTA_PORTS, KR_BROKEN, file, line,
                   "%s: port %d is not guarded; up --block-port %d stops it", setting, port, port);
}

/* The rules are those of __resolv_conf_load() and res_setoptions() in glibc's resolv/res_init.c. */
#include <kr/dns_resolvconf.h>

#include <kr/endpoint.h>
#include <kr/err.h>
#include <kr/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define MOST_TIMEOUT 30u /* RES_MAXRETRANS */
#define MOST_ATTEMPTS 5u /* RES_MAXRETRY */
#define BLANKS " \t"

static bool scope_of(const char *name, uint32_t *out)
{
    char *end;
    unsigned long n = strtoul(name, &end, 10);
    *out = if_nametoindex(name);
    if (!*out && *name >= '0' && *name <= '9' && !*end)
        *out = (uint32_t)n;
    return *out != 0;
}

/* glibc takes the old forms too ("127.1"), and a scope that is none as no scope. */
static bool parse_address(const char *text, struct kr_dns_server *out)
{
    struct in_addr a4;
    struct in6_addr a6;
    char host[INET6_ADDRSTRLEN];
    *out = (struct kr_dns_server){.port = 53};
    size_t n = strcspn(text, "%");
    if (inet_aton(text, &a4)) {
        out->addr = kr_addr_make(AF_INET, &a4);
        return true;
    }
    if (n >= sizeof host)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    if (inet_pton(AF_INET6, host, &a6) != 1)
        return false;
    out->addr = kr_addr_make(AF_INET6, &a6);
    if (text[n])
        scope_of(text + n + 1, &out->scope);
    return true;
}

static unsigned number(const char *text, unsigned most)
{
    unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, NULL, 10) : 0;
    return n > most ? most : (unsigned)n;
}

static void set_options(char *words, struct kr_resolvconf *c)
{
    char *save = NULL;
    for (char *w = strtok_r(words, BLANKS, &save); w; w = strtok_r(NULL, BLANKS, &save)) {
        if (strncmp(w, "timeout:", 8) == 0)
            c->timeout = number(w + 8, MOST_TIMEOUT);
        else if (strncmp(w, "attempts:", 9) == 0)
            c->attempts = number(w + 9, MOST_ATTEMPTS);
        else if (strncmp(w, "edns0", 5) == 0)
            c->edns0 = true;
        else if (strncmp(w, "trust-ad", 8) == 0)
            c->trust_ad = true;
    }
}

static void add_server(char *word, struct kr_resolvconf *c)
{
    word += strspn(word, BLANKS);
    word[strcspn(word, ";# \t")] = '\0';
    if (c->n < KR_DNS_SERVERS && parse_address(word, &c->v[c->n]))
        c->n++;
}

static void read_line(char *line, struct kr_resolvconf *c)
{
    static const struct {
        const char *word;
        void (*take)(char *rest, struct kr_resolvconf *c);
    } rows[] = {{"nameserver", add_server}, {"options", set_options}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].word);
        if (strncmp(line, rows[i].word, n) == 0 && line[n] && strchr(BLANKS, line[n]))
            rows[i].take(line + n, c);
    }
}

void kr_resolvconf_parse(const char *text, size_t len, struct kr_resolvconf *out)
{
    char line[1024];
    *out = (struct kr_resolvconf){.timeout = 5, .attempts = 2};
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        size_t take = n < sizeof line ? n : sizeof line - 1;
        memcpy(line, text + at, take);
        line[take] = '\0';
        at += n + 1;
        read_line(line, out);
    }
    out->timeout = out->timeout ? out->timeout : 1;
    out->attempts = out->attempts ? out->attempts : 1;
    if (out->n == 0)
        parse_address("127.0.0.1", &out->v[out->n++]);
}

int kr_resolvconf_read(const char *path, struct kr_resolvconf *out, struct kr_err *e)
{
    char text[65536];
    FILE *f = fopen(path, "re");
    if (!f && errno != ENOENT)
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    bool bad = f && ferror(f);
    int why = errno;
    if (f)
        fclose(f);
    if (bad)
        return kr_fail(e, KR_CANNOT, why, "%s", path);
    kr_resolvconf_parse(text, n, out);
    return 0;
}

/* Splits "HOST:PORT" and "[HOST]:PORT"; more than one colon outside of brackets is IPv6 alone. */
static int split(char *text, const char **host, const char **port)
{
    char *end = *text == '[' ? strchr(text, ']') : NULL, *colon = strrchr(text, ':');
    *port = NULL;
    *host = text;
    if (*text == '[') {
        if (!end || (end[1] && end[1] != ':'))
            return -1;
        *host = text + 1;
        *end = '\0';
        *port = end[1] ? end + 2 : NULL;
    } else if (colon && colon == strchr(text, ':')) {
        *colon = '\0';
        *port = colon + 1;
    }
    return 0;
}

int kr_dns_server_parse(const char *text, struct kr_dns_server *out, struct kr_err *e)
{
    KR_AUTO_FREE char *copy = kr_strdup(text);
    struct kr_addr strict;
    const char *host, *port;
    uint16_t at = 53;
    *out = (struct kr_dns_server){0};
    if (split(copy, &host, &port) || !parse_address(host, out) ||
        (!strchr(host, '%') && kr_addr_parse(host, &strict, NULL)))
        return kr_fail(e, KR_USAGE, 0, "'%s' is no address of a DNS server", text);
    if (strchr(host, '%') && !out->scope)
        return kr_fail(e, KR_USAGE, 0, "'%s': there is no such interface", text);
    if (port && kr_port_parse(port, &at, e))
        return kr_wrap(e, "'%s'", text);
    out->port = at;
    return 0;
}

const char *kr_dns_server_str(const struct kr_dns_server *s, char out[static 2 * KR_ADDRSTRLEN])
{
    char a[KR_ADDRSTRLEN], scope[16] = "";
    kr_addr_str(&s->addr, a);
    if (s->scope)
        snprintf(scope, sizeof scope, "%%%u", s->scope);
    if (s->port == 53)
        snprintf(out, 2 * KR_ADDRSTRLEN, "%s%s", a, scope);
    else
        snprintf(out, 2 * KR_ADDRSTRLEN, kr_addr_is_v4(&s->addr) ? "%s%s:%u" : "[%s%s]:%u", a,
                 scope, s->port);
    return out;
}

socklen_t kr_dns_server_sockaddr(const struct kr_dns_server *s, struct sockaddr_storage *out)
{
    socklen_t n = kr_addr_sockaddr(&s->addr, s->port, out);
    if (s->scope)
        ((struct sockaddr_in6 *)(void *)out)->sin6_scope_id = s->scope;
    return n;
}

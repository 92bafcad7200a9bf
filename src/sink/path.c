#include <kr/sink_path.h>

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

struct cursor {
    const char *p, *end;
    bool utf8;
};

static bool at(const struct cursor *c, char want)
{
    return c->p < c->end && *c->p == want;
}

static bool is_high(char c)
{
    return (unsigned char)c > 127;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* RFC 5321 atext and dots anywhere: addresses like a..b@example.com exist. */
static bool is_local(char c)
{
    return is_alnum(c) || is_high(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

/* What the first two octets may be (RFC 3629 4): no overlong forms, no surrogates, nothing above
 * U+10FFFF. */
static const struct {
    unsigned char first, last, low, high, tail;
} utf8_forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
                  {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2},
                  {0xee, 0xef, 0x80, 0xbf, 2}, {0xf0, 0xf0, 0x90, 0xbf, 3},
                  {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3}};

static size_t sequence(size_t form, const unsigned char *u, size_t n)
{
    size_t tail = utf8_forms[form].tail;
    if (n <= tail || u[1] < utf8_forms[form].low || u[1] > utf8_forms[form].high)
        return 0;
    for (size_t i = 2; i <= tail; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return tail + 1;
}

size_t kr_utf8_len(const char *text, size_t n)
{
    const unsigned char *u = (const unsigned char *)text;
    for (size_t i = 0; n && i < sizeof utf8_forms / sizeof *utf8_forms; i++)
        if (u[0] >= utf8_forms[i].first && u[0] <= utf8_forms[i].last)
            return sequence(i, u, n);
    return 0;
}

static bool skip_utf8(struct cursor *c)
{
    size_t n = kr_utf8_len(c->p, (size_t)(c->end - c->p));
    c->p += n;
    c->utf8 |= n > 0;
    return n > 0;
}

/* Steps over octets that ok() takes, one at least. */
static bool skip_run(struct cursor *c, bool (*ok)(char))
{
    const char *start = c->p;
    while (c->p < c->end && ok(*c->p)) {
        if (!is_high(*c->p))
            c->p++;
        else if (!skip_utf8(c))
            return false;
    }
    return c->p > start;
}

static bool skip_quoted(struct cursor *c)
{
    c->p++;
    while (c->p < c->end && *c->p != '"') {
        bool escape = *c->p == '\\';
        if (escape && (++c->p == c->end || is_high(*c->p)))
            return false;
        if (*c->p < ' ' && !is_high(*c->p))
            return false;
        if (!is_high(*c->p))
            c->p++;
        else if (!skip_utf8(c))
            return false;
    }
    return c->p < c->end && *c->p++ == '"';
}

static bool is_label(char c)
{
    return is_alnum(c) || is_high(c) || c == '-' || c == '_';
}

static bool skip_name(struct cursor *c)
{
    const char *start = c->p;
    for (;;) {
        const char *label = c->p;
        if (!skip_run(c, is_label) || c->p - label > 63 * (c->utf8 ? 4 : 1))
            return false;
        if (!at(c, '.'))
            return c->p - start <= 255 * (c->utf8 ? 4 : 1);
        c->p++;
    }
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static bool skip_literal(struct cursor *c)
{
    char text[64];
    unsigned char raw[16];
    const char *close = memchr(c->p, ']', (size_t)(c->end - c->p));
    size_t n = close ? (size_t)(close - c->p) - 1 : sizeof text;
    if (n >= sizeof text)
        return false;
    memcpy(text, c->p + 1, n);
    text[n] = '\0';
    c->p = close + 1;
    bool v6 = strncasecmp(text, "IPv6:", 5) == 0;
    return strlen(text) == n && inet_pton(v6 ? AF_INET6 : AF_INET, v6 ? text + 5 : text, raw) == 1;
}

static bool skip_domain(struct cursor *c)
{
    return at(c, '[') ? skip_literal(c) : skip_name(c);
}

/* "@one,@two:" before the mailbox: RFC 5321 says to accept and to ignore it (appendix C). */
static bool skip_route(struct cursor *c)
{
    while (at(c, '@')) {
        c->p++;
        if (!skip_domain(c))
            return false;
        if (at(c, ':')) {
            c->p++;
            return true;
        }
        if (!at(c, ','))
            return false;
        c->p++;
    }
    return false;
}

static bool mailbox(struct cursor *c, struct kr_path *out)
{
    out->local = c->p;
    if (!(at(c, '"') ? skip_quoted(c) : skip_run(c, is_local)))
        return false;
    out->local_len = (size_t)(c->p - out->local);
    if (!at(c, '@')) {
        out->kind = KR_PATH_POSTMASTER;
        return out->local_len == 10 && strncasecmp(out->local, "postmaster", 10) == 0;
    }
    out->domain = ++c->p;
    out->kind = KR_PATH_MAILBOX;
    bool good = skip_domain(c);
    out->domain_len = (size_t)(c->p - out->domain);
    return good;
}

static bool path(struct cursor *c, struct kr_path *out)
{
    if (!at(c, '<'))
        return false;
    c->p++;
    if (at(c, '>'))
        out->kind = KR_PATH_NULL;
    else if ((at(c, '@') && !skip_route(c)) || !mailbox(c, out) || !at(c, '>'))
        return false;
    c->p++;
    return true;
}

size_t kr_path_parse(const char *text, size_t n, struct kr_path *out)
{
    struct cursor c = {.p = text, .end = text + n};
    *out = (struct kr_path){0};
    if (!path(&c, out) || (c.p < c.end && *c.p != ' ' && *c.p != '\t')) {
        *out = (struct kr_path){0};
        return 0;
    }
    out->utf8 = c.utf8;
    return (size_t)(c.p - text);
}

#include <kr/addr.h>

#include <kr/err.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool kr_addr_is_v4(const struct kr_addr *a)
{
    return memcmp(a->b, mapped, sizeof mapped) == 0;
}

bool kr_addr_is_loopback(const struct kr_addr *a)
{
    static const struct kr_addr loop6 = {.b = {[15] = 1}};
    return kr_addr_is_v4(a) ? a->b[12] == 127 : kr_addr_cmp(a, &loop6) == 0;
}

bool kr_addr_is_any(const struct kr_addr *a)
{
    static const uint8_t none[16];
    size_t skip = kr_addr_is_v4(a) ? 12 : 0;
    return memcmp(a->b + skip, none, 16 - skip) == 0;
}

int kr_addr_family(const struct kr_addr *a)
{
    return kr_addr_is_v4(a) ? AF_INET : AF_INET6;
}

int kr_addr_cmp(const struct kr_addr *a, const struct kr_addr *b)
{
    return memcmp(a->b, b->b, sizeof a->b);
}

struct kr_addr kr_addr_make(int family, const void *bytes)
{
    struct kr_addr a;
    if (family == AF_INET) {
        memcpy(a.b, mapped, sizeof mapped);
        memcpy(a.b + 12, bytes, 4);
    } else {
        memcpy(a.b, bytes, 16);
    }
    return a;
}

size_t kr_addr_bytes(const struct kr_addr *a, void *out)
{
    size_t skip = kr_addr_is_v4(a) ? 12 : 0;
    memcpy(out, a->b + skip, 16 - skip);
    return 16 - skip;
}

int kr_addr_parse(const char *text, struct kr_addr *out, struct kr_err *e)
{
    uint8_t raw[16];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, raw) != 1)
        return kr_fail(e, KR_USAGE, 0, "'%s' is no IPv4 or IPv6 address", text);
    *out = kr_addr_make(family, raw);
    return 0;
}

/* inet_ntop(3) would do it by sprintf(3), which costs a sink more than all of its greeting. */
static char *put_octet(char *p, unsigned v)
{
    if (v >= 100)
        *p++ = (char)('0' + v / 100);
    if (v >= 10)
        *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

const char *kr_addr_str(const struct kr_addr *a, char out[static KR_ADDRSTRLEN])
{
    if (!kr_addr_is_v4(a))
        return inet_ntop(AF_INET6, a->b, out, KR_ADDRSTRLEN);
    char *p = out;
    for (unsigned i = 12; i < 16; i++) {
        p = put_octet(p, a->b[i]);
        *p++ = i < 15 ? '.' : '\0';
    }
    return out;
}

socklen_t kr_addr_sockaddr(const struct kr_addr *a, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (kr_addr_is_v4(a)) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        kr_addr_bytes(a, &in->sin_addr);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    kr_addr_bytes(a, &in6->sin6_addr);
    return sizeof *in6;
}

struct kr_addr kr_addr_from_sockaddr(const struct sockaddr_storage *ss, uint16_t *port)
{
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
        if (port)
            *port = ntohs(in->sin_port);
        return kr_addr_make(AF_INET, &in->sin_addr);
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
    if (port)
        *port = ntohs(in6->sin6_port);
    return kr_addr_make(AF_INET6, &in6->sin6_addr);
}

/* The mask of byte i of a prefix of this length. */
static uint8_t mask(uint8_t len, unsigned i)
{
    if (len >= 8 * (i + 1))
        return 0xff;
    return (uint8_t)(len <= 8 * i ? 0 : 0xffu << (8 - (len - 8 * i)));
}

struct kr_prefix kr_prefix_make(const struct kr_addr *a, uint8_t len)
{
    struct kr_prefix p = {.len = len};
    for (unsigned i = 0; i < 16; i++)
        p.addr.b[i] = (uint8_t)(a->b[i] & mask(len, i));
    return p;
}

static int parse_len(const char *text, const char *digits, uint8_t most, uint8_t *len,
                     struct kr_err *e)
{
    size_t n = strspn(digits, "0123456789");
    unsigned long v = n && n <= 3 ? strtoul(digits, NULL, 10) : 999;
    if (digits[n] != '\0' || v > most || (n > 1 && *digits == '0'))
        return kr_fail(e, KR_USAGE, 0, "'%s': '%s' is no prefix length of 0 to %u", text, digits,
                       most);
    *len = (uint8_t)v;
    return 0;
}

int kr_prefix_parse(const char *text, struct kr_prefix *out, struct kr_err *e)
{
    char addr[KR_ADDRSTRLEN];
    size_t n = strcspn(text, "/");
    struct kr_addr a;
    if (n >= sizeof addr)
        return kr_fail(e, KR_USAGE, 0, "'%s' is no network", text);
    memcpy(addr, text, n);
    addr[n] = '\0';
    if (kr_addr_parse(addr, &a, e))
        return kr_fail(e, KR_USAGE, 0, "'%s' is no network: it needs ADDRESS/LENGTH", text);
    uint8_t most = kr_addr_is_v4(&a) ? 32 : 128, len = most;
    if (text[n] == '/' && parse_len(text, text + n + 1, most, &len, e))
        return -1;
    struct kr_prefix p = kr_prefix_make(&a, (uint8_t)(len + 128 - most));
    if (kr_addr_cmp(&p.addr, &a)) {
        char s[KR_ADDRSTRLEN];
        return kr_fail(e, KR_USAGE, 0, "'%s' has host bits set; the network is %s", text,
                       kr_prefix_str(&p, s));
    }
    *out = p;
    return 0;
}

bool kr_prefix_is_v4(const struct kr_prefix *p)
{
    return p->len >= 96 && kr_addr_is_v4(&p->addr);
}

uint8_t kr_prefix_family_len(const struct kr_prefix *p)
{
    return (uint8_t)(p->len - (kr_prefix_is_v4(p) ? 96 : 0));
}

const char *kr_prefix_str(const struct kr_prefix *p, char out[static KR_ADDRSTRLEN])
{
    uint8_t raw[16];
    bool v4 = kr_prefix_is_v4(p);
    memcpy(raw, p->addr.b + (v4 ? 12 : 0), v4 ? 4 : 16);
    inet_ntop(v4 ? AF_INET : AF_INET6, raw, out, KR_ADDRSTRLEN);
    size_t n = strlen(out);
    snprintf(out + n, KR_ADDRSTRLEN - n, "/%u", kr_prefix_family_len(p));
    return out;
}

struct kr_addr kr_prefix_last(const struct kr_prefix *p)
{
    struct kr_addr a = p->addr;
    for (unsigned i = 0; i < 16; i++)
        a.b[i] |= (uint8_t)~mask(p->len, i);
    return a;
}

bool kr_prefix_has(const struct kr_prefix *p, const struct kr_addr *a)
{
    for (unsigned i = 0; i < 16; i++)
        if ((a->b[i] ^ p->addr.b[i]) & mask(p->len, i))
            return false;
    return true;
}

bool kr_prefix_covers(const struct kr_prefix *outer, const struct kr_prefix *inner)
{
    return outer->len <= inner->len && kr_prefix_has(outer, &inner->addr);
}

bool kr_prefix_overlaps(const struct kr_prefix *a, const struct kr_prefix *b)
{
    return kr_prefix_covers(a, b) || kr_prefix_covers(b, a);
}

int kr_prefix_cmp(const struct kr_prefix *a, const struct kr_prefix *b)
{
    int c = kr_addr_cmp(&a->addr, &b->addr);
    return c ? c : (int)a->len - (int)b->len;
}

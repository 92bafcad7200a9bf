#include <kr/endpoint.h>

#include <kr/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ADDRESSES 65536u

int kr_port_parse(const char *text, uint16_t *out, struct kr_err *e)
{
    size_t n = strspn(text, "0123456789");
    unsigned long v = n && n <= 5 ? strtoul(text, NULL, 10) : 0;
    if (text[n] != '\0' || v < 1 || v > UINT16_MAX)
        return kr_fail(e, KR_USAGE, 0, "'%s' is no port: 1 to 65535", text);
    *out = (uint16_t)v;
    return 0;
}

/* How many addresses lie above `first` up to `last`; UINT32_MAX when too many to count. */
static uint32_t distance(const struct kr_addr *first, const struct kr_addr *last)
{
    uint32_t a = 0, b = 0;
    if (memcmp(first->b, last->b, 12) != 0)
        return UINT32_MAX;
    for (unsigned i = 12; i < 16; i++) {
        a = a << 8 | first->b[i];
        b = b << 8 | last->b[i];
    }
    return b - a;
}

static int check_range(const char *text, const struct kr_endpoint *ep, struct kr_err *e)
{
    if (kr_addr_family(&ep->first) != kr_addr_family(&ep->last))
        return kr_fail(e, KR_USAGE, 0, "'%s' mixes IPv4 and IPv6", text);
    if (kr_addr_cmp(&ep->first, &ep->last) > 0)
        return kr_fail(e, KR_USAGE, 0, "'%s' runs backwards", text);
    if (distance(&ep->first, &ep->last) >= MOST_ADDRESSES)
        return kr_fail(e, KR_USAGE, 0, "'%s' holds more than %u addresses", text, MOST_ADDRESSES);
    return 0;
}

static int parse_range(const char *text, char *range, struct kr_endpoint *ep, struct kr_err *e)
{
    char *dash = strchr(range, '-');
    if (dash)
        *dash = '\0';
    if (kr_addr_parse(range, &ep->first, e) || kr_addr_parse(dash ? dash + 1 : range, &ep->last, e))
        return kr_wrap(e, "'%s'", text);
    return check_range(text, ep, e);
}

int kr_endpoint_parse(const char *text, struct kr_endpoint *out, struct kr_err *e)
{
    char copy[2 * KR_ADDRSTRLEN];
    struct kr_endpoint ep;
    if (strlen(text) >= sizeof copy)
        return kr_fail(e, KR_USAGE, 0, "'%s' is too long for an address and a port", text);
    strcpy(copy, text);
    char *colon = strrchr(copy, ':'), *range = copy;
    bool v6 = *copy == '[';
    char *close = v6 ? strchr(copy, ']') : NULL;
    if (!colon || (v6 && (!close || colon != close + 1)) || (!v6 && strchr(copy, ':') != colon))
        return kr_fail(e, KR_USAGE, 0,
                       "'%s' is no address and port: ADDR:PORT, ADDR-ADDR:PORT or [V6]:PORT", text);
    *colon = '\0';
    if (v6) {
        range++;
        *close = '\0';
    }
    if (kr_port_parse(colon + 1, &ep.port, e))
        return kr_wrap(e, "'%s'", text);
    if (parse_range(text, range, &ep, e))
        return -1;
    if (v6 == kr_addr_is_v4(&ep.first))
        return kr_fail(e, KR_USAGE, 0, "'%s': brackets are for IPv6 addresses", text);
    *out = ep;
    return 0;
}

const char *kr_endpoint_str(const struct kr_endpoint *ep, char out[static 2 * KR_ADDRSTRLEN])
{
    char first[KR_ADDRSTRLEN], last[KR_ADDRSTRLEN];
    bool v4 = kr_addr_is_v4(&ep->first), one = kr_addr_cmp(&ep->first, &ep->last) == 0;
    snprintf(out, 2 * KR_ADDRSTRLEN, "%s%.48s%s%.48s%s:%u", v4 ? "" : "[",
             kr_addr_str(&ep->first, first), one ? "" : "-",
             one ? "" : kr_addr_str(&ep->last, last), v4 ? "" : "]", ep->port);
    return out;
}

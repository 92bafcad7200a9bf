#include <kr/dns_wire.h>

#include <string.h>

#define HEADER 12
#define POINTERS 64 /* a name of 127 labels needs no more in any message a server would write */

static uint16_t get16(const uint8_t *b)
{
    return (uint16_t)(b[0] << 8 | b[1]);
}

/* Behind the name at `at`; 0: it ends nowhere. What it points to is not looked at. */
static size_t skip_name(const struct kr_packet *p, size_t at)
{
    for (size_t start = at; at < p->len && at - start < KR_NAME_MAX;) {
        uint8_t n = p->b[at];
        if (n == 0)
            return at + 1;
        if (n >= 0xc0)
            return at + 2 <= p->len ? at + 2 : 0;
        if (n > 63)
            return 0;
        at += n + 1u;
    }
    return 0;
}

int kr_packet_name(const struct kr_packet *p, size_t at, uint8_t out[static KR_NAME_MAX],
                   size_t *end)
{
    size_t n = 0, limit = at;
    if (end && !(*end = skip_name(p, at)))
        return -1;
    for (int hops = 0; at < p->len;) {
        uint8_t len = p->b[at];
        if (len >= 0xc0) {
            size_t to = at + 1 < p->len ? (size_t)(len & 0x3f) << 8 | p->b[at + 1] : p->len;
            if (to >= limit || to < HEADER || ++hops > POINTERS)
                return -1;
            at = limit = to;
        } else if (len > 63 || n + len + 1u > KR_NAME_MAX - (len ? 1u : 0u) || at + len >= p->len) {
            return -1;
        } else {
            memcpy(out + n, p->b + at, len + 1u);
            n += len + 1u;
            at += len + 1u;
            if (len)
                continue;
            kr_name_lower(out);
            return 0;
        }
    }
    return -1;
}

int kr_packet_open(struct kr_packet *p, const uint8_t *bytes, size_t len)
{
    *p = (struct kr_packet){.b = bytes, .len = len};
    if (len < HEADER || get16(bytes + 4) != 1 || !(bytes[2] & 0x80))
        return -1;
    p->id = get16(bytes);
    p->flags = get16(bytes + 2);
    for (size_t i = 0; i < 3; i++)
        p->n[i] = get16(bytes + 6 + 2 * i);
    size_t at = skip_name(p, HEADER);
    if (!at || at + 4 > len || get16(bytes + at + 2) != 1)
        return -1;
    p->qtype = get16(bytes + at);
    p->answers_at = at + 4;
    return 0;
}

void kr_walk_begin(const struct kr_packet *p, struct kr_walk *w)
{
    *w = (struct kr_walk){.at = p->answers_at};
}

int kr_walk_next(const struct kr_packet *p, struct kr_walk *w, struct kr_record *r)
{
    while (w->section < 3 && w->done == p->n[w->section]) {
        w->section++;
        w->done = 0;
    }
    if (w->section == 3)
        return 0;
    size_t at = skip_name(p, w->at);
    if (!at || at + 10 > p->len)
        return -1;
    const uint8_t *f = p->b + at;
    *r = (struct kr_record){.owner_at = w->at,
                            .type = get16(f),
                            .class = get16(f + 2),
                            .ttl = (uint32_t)get16(f + 4) << 16 | get16(f + 6),
                            .len = get16(f + 8),
                            .at = at + 10,
                            .section = w->section};
    if (r->at + r->len > p->len)
        return -1;
    w->at = r->at + r->len;
    w->done++;
    return 1;
}

#include "dns_nsec3.h"

#include <string.h>

#define MOST_LABELS 128

static size_t split(const uint8_t *n, const uint8_t *labels[static MOST_LABELS])
{
    size_t count = 0;
    for (; *n; n += *n + 1)
        labels[count++] = n;
    return count;
}

int kr_name_order(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *x[MOST_LABELS], *y[MOST_LABELS];
    size_t n = split(a, x), m = split(b, y);
    while (n && m) {
        const uint8_t *s = x[--n], *t = y[--m];
        int order = memcmp(s + 1, t + 1, *s < *t ? *s : *t);
        if (order || *s != *t)
            return order ? order : *s - *t;
    }
    return n ? 1 : m ? -1 : 0;
}

bool kr_bitmap_has(const uint8_t *map, size_t len, uint16_t type)
{
    for (size_t at = 0; at + 2 <= len;) {
        size_t n = map[at + 1];
        if (n > 32 || at + 2 + n > len)
            return false;
        if (map[at] == type >> 8)
            return (type & 0xffu) / 8 < n && map[at + 2 + (type & 0xffu) / 8] & 0x80 >> (type & 7);
        at += 2 + n;
    }
    return false;
}

bool kr_bits_deny(const uint8_t *map, size_t len, uint16_t type, bool *cut)
{
    bool ns = kr_bitmap_has(map, len, 2), soa = kr_bitmap_has(map, len, KR_DNS_SOA);
    if (cut)
        *cut = ns && !soa;
    if (kr_bitmap_has(map, len, type) || kr_bitmap_has(map, len, KR_DNS_CNAME))
        return false;
    /* The parent's side speaks of DS only, and the child's of all else (RFC 6840 section 4.4). */
    return type == KR_DNS_DS ? !soa : !(ns && !soa);
}

struct nsec {
    uint8_t owner[KR_NAME_MAX], next[KR_NAME_MAX];
    const uint8_t *map;
    size_t len;
};

static bool read_nsec(const struct kr_denial *d, size_t i, struct nsec *x)
{
    const struct kr_record *r = &d->v[i];
    size_t end;
    if (r->type != KR_DNS_NSEC || kr_packet_name(d->p, r->owner_at, x->owner, NULL) ||
        kr_packet_name(d->p, r->at, x->next, &end) || end > r->at + r->len ||
        !kr_name_below(x->owner, d->zone) || !kr_name_below(x->next, d->zone))
        return false;
    x->map = d->p->b + end;
    x->len = r->at + r->len - end;
    return true;
}

static bool covers(const struct nsec *x, const uint8_t *name)
{
    bool after = kr_name_order(x->owner, name) < 0;
    bool last = kr_name_order(x->next, x->owner) <= 0;
    if (!after || !(last || kr_name_order(name, x->next) < 0))
        return false;
    /* Behind a delegation or a DNAME it knows nothing (RFC 6840 section 4.1). */
    bool cut = kr_bitmap_has(x->map, x->len, 2) && !kr_bitmap_has(x->map, x->len, KR_DNS_SOA);
    return !kr_name_below(name, x->owner) || !(cut || kr_bitmap_has(x->map, x->len, 39));
}

/* How many labels two names share from the root on. */
static unsigned shared(const uint8_t *a, const uint8_t *b)
{
    unsigned n = kr_name_labels(a);
    for (; !kr_name_below(b, a); a = kr_name_parent(a))
        n--;
    return n;
}

static const uint8_t *last_labels(const uint8_t *name, unsigned n)
{
    for (unsigned all = kr_name_labels(name); all > n; all--)
        name = kr_name_parent(name);
    return name;
}

static bool find_covering(const struct kr_denial *d, const uint8_t *name, struct nsec *x)
{
    for (size_t i = 0; i < d->n; i++)
        if (read_nsec(d, i, x) && covers(x, name))
            return true;
    return false;
}

static bool find_matching(const struct kr_denial *d, const uint8_t *name, struct nsec *x)
{
    for (size_t i = 0; i < d->n; i++)
        if (read_nsec(d, i, x) && kr_name_equal(x->owner, name))
            return true;
    return false;
}

/* The wildcard that would answer for a name which x covers. */
static bool wildcard_of(const struct nsec *x, const uint8_t *name, uint8_t out[static KR_NAME_MAX])
{
    unsigned a = shared(name, x->owner), b = shared(name, x->next);
    return kr_name_under("*", last_labels(name, a > b ? a : b), out) == 0;
}

static enum kr_denied nsec_nodata(const struct kr_denial *d, const uint8_t *name, uint16_t type,
                                  bool *cut)
{
    struct nsec x, w;
    uint8_t wild[KR_NAME_MAX];
    if (find_matching(d, name, &x))
        return kr_bits_deny(x.map, x.len, type, cut) ? KR_DENIED_SURELY : KR_DENIED_NOT;
    if (!find_covering(d, name, &x))
        return KR_DENIED_NOT;
    if (kr_name_below(x.next, name))
        return KR_DENIED_SURELY; /* an empty non-terminal */
    bool denied = wildcard_of(&x, name, wild) && find_matching(d, wild, &w) &&
                  kr_bits_deny(w.map, w.len, type, NULL);
    return denied ? KR_DENIED_SURELY : KR_DENIED_NOT;
}

static bool has_nsec3(const struct kr_denial *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->v[i].type == KR_DNS_NSEC3)
            return true;
    return false;
}

enum kr_denied kr_denial_nodata(const struct kr_denial *d, const uint8_t *name, uint16_t type,
                                bool *cut)
{
    if (cut)
        *cut = false;
    return has_nsec3(d) ? kr_nsec3_nodata(d, name, type, cut) : nsec_nodata(d, name, type, cut);
}

enum kr_denied kr_denial_nxdomain(const struct kr_denial *d, const uint8_t *name)
{
    struct nsec x, w;
    uint8_t wild[KR_NAME_MAX];
    if (has_nsec3(d))
        return kr_nsec3_nxdomain(d, name);
    bool denied = find_covering(d, name, &x) && !kr_name_below(x.next, name) &&
                  wildcard_of(&x, name, wild) && find_covering(d, wild, &w);
    return denied ? KR_DENIED_SURELY : KR_DENIED_NOT;
}

enum kr_denied kr_denial_wildcard(const struct kr_denial *d, const uint8_t *name, unsigned labels)
{
    struct nsec x;
    const uint8_t *closer = last_labels(name, labels + 1);
    if (has_nsec3(d))
        return kr_nsec3_covered(d, closer);
    return find_covering(d, closer, &x) || find_covering(d, name, &x) ? KR_DENIED_SURELY
                                                                      : KR_DENIED_NOT;
}

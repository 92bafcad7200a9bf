#include "dns_nsec3.h"

#include <ldns/sha1.h>
#include <string.h>

#define HASH 20
#define MOST_HASHES 40 /* names hashed for one message */

struct nsec3 {
    uint8_t owner[HASH];
    const uint8_t *next, *map, *salt;
    size_t len, salt_len;
    unsigned iterations;
    bool opt_out;
};

/* Base 32 with the extended hex alphabet (RFC 4648 section 7): 32 characters, 20 bytes. */
static bool decode(const uint8_t *label, uint8_t out[static HASH])
{
    uint64_t bits = 0;
    unsigned have = 0;
    if (*label != 32)
        return false;
    for (size_t i = 1, n = 0; i <= 32; i++) {
        uint8_t c = label[i];
        unsigned v = 99;
        if (c >= '0' && c <= '9')
            v = c - '0';
        else if (c >= 'a' && c <= 'v')
            v = c - 'a' + 10;
        if (v == 99)
            return false;
        bits = bits << 5 | v;
        have += 5;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(bits >> have);
        }
    }
    return true;
}

/* Only SHA-1 (algorithm 1), no flag but opt-out. */
static bool read_nsec3(const struct kr_denial *d, size_t i, struct nsec3 *x)
{
    const struct kr_record *r = &d->v[i];
    const uint8_t *b = d->p->b + r->at;
    uint8_t owner[KR_NAME_MAX];
    if (r->type != KR_DNS_NSEC3 || r->len < 5 || b[0] != 1 || b[1] > 1 ||
        kr_packet_name(d->p, r->owner_at, owner, NULL) || !decode(owner, x->owner) ||
        !kr_name_equal(kr_name_parent(owner), d->zone))
        return false;
    size_t salt = b[4], at = 5 + salt;
    if (at + 1 > r->len || b[at] != HASH || at + 1 + HASH > r->len)
        return false;
    x->opt_out = b[1] & 1;
    x->iterations = (unsigned)(b[2] << 8 | b[3]);
    x->salt = b + 5;
    x->salt_len = salt;
    x->next = b + at + 1;
    x->map = b + at + 1 + HASH;
    x->len = r->len - at - 1 - HASH;
    return true;
}

static void hash(const struct nsec3 *x, const uint8_t *name, uint8_t out[static HASH])
{
    uint8_t in[KR_NAME_MAX + 255];
    size_t n = kr_name_len(name);
    memcpy(in, name, n);
    for (unsigned i = 0; i <= x->iterations; i++) {
        memcpy(in + n, x->salt, x->salt_len);
        ldns_sha1(in, (unsigned)(n + x->salt_len), out);
        memcpy(in, out, HASH);
        n = HASH;
    }
}

/* All records of a message are of one chain; the first says how names are hashed. */
struct chain {
    const struct kr_denial *d;
    struct nsec3 first;
    int left; /* names that may yet be hashed */
};

static enum kr_denied open_chain(const struct kr_denial *d, struct chain *c)
{
    *c = (struct chain){.d = d, .left = MOST_HASHES};
    for (size_t i = 0; i < d->n; i++) {
        if (!read_nsec3(d, i, &c->first))
            continue;
        return c->first.iterations > KR_NSEC3_ITERATIONS ? KR_DENIED_OPENLY : KR_DENIED_SURELY;
    }
    return KR_DENIED_NOT;
}

static bool same_chain(const struct nsec3 *a, const struct nsec3 *b)
{
    return a->iterations == b->iterations && a->salt_len == b->salt_len &&
           memcmp(a->salt, b->salt, a->salt_len) == 0;
}

static bool in_gap(const struct nsec3 *x, const uint8_t h[static HASH])
{
    bool after = memcmp(x->owner, h, HASH) < 0, before = memcmp(h, x->next, HASH) < 0;
    return memcmp(x->owner, x->next, HASH) < 0 ? after && before : after || before;
}

static bool find(struct chain *c, const uint8_t *name, bool gap, struct nsec3 *x)
{
    uint8_t h[HASH];
    if (c->left-- <= 0)
        return false;
    hash(&c->first, name, h);
    for (size_t i = 0; i < c->d->n; i++)
        if (read_nsec3(c->d, i, x) && same_chain(x, &c->first) &&
            (gap ? in_gap(x, h) : memcmp(x->owner, h, HASH) == 0))
            return true;
    return false;
}

/* The closest encloser that is proven to be there, and the cover of the next closer name (RFC 5155
 * section 8.3). */
static bool enclose(struct chain *c, const uint8_t *name, const uint8_t **encloser,
                    struct nsec3 *cover)
{
    struct nsec3 x;
    const uint8_t *closer = name;
    for (const uint8_t *n = kr_name_parent(name); kr_name_below(n, c->d->zone);
         closer = n, n = kr_name_parent(n)) {
        if (find(c, n, false, &x)) {
            bool cut = kr_bitmap_has(x.map, x.len, 2) && !kr_bitmap_has(x.map, x.len, KR_DNS_SOA);
            *encloser = n;
            return !cut && !kr_bitmap_has(x.map, x.len, 39) && find(c, closer, true, cover);
        }
        if (!*n)
            break;
    }
    return false;
}

struct asked {
    const uint8_t *name;
    uint16_t type;
    bool *cut;
};

static enum kr_denied deny_type(struct chain *c, const struct asked *a)
{
    struct nsec3 x, cover;
    const uint8_t *encloser;
    uint8_t wild[KR_NAME_MAX];
    if (find(c, a->name, false, &x))
        return kr_bits_deny(x.map, x.len, a->type, a->cut) ? KR_DENIED_SURELY : KR_DENIED_NOT;
    if (!enclose(c, a->name, &encloser, &cover))
        return KR_DENIED_NOT;
    if (a->type == KR_DNS_DS && cover.opt_out)
        return KR_DENIED_OPENLY;
    if (kr_name_under("*", encloser, wild) || !find(c, wild, false, &x) ||
        !kr_bits_deny(x.map, x.len, a->type, NULL))
        return KR_DENIED_NOT;
    return cover.opt_out ? KR_DENIED_OPENLY : KR_DENIED_SURELY;
}

static enum kr_denied deny_name(struct chain *c, const struct asked *a)
{
    struct nsec3 x, cover;
    const uint8_t *encloser;
    uint8_t wild[KR_NAME_MAX];
    if (!enclose(c, a->name, &encloser, &cover) || kr_name_under("*", encloser, wild) ||
        !find(c, wild, true, &x))
        return KR_DENIED_NOT;
    return cover.opt_out ? KR_DENIED_OPENLY : KR_DENIED_SURELY;
}

static enum kr_denied cover_name(struct chain *c, const struct asked *a)
{
    struct nsec3 x;
    if (!find(c, a->name, true, &x))
        return KR_DENIED_NOT;
    return x.opt_out ? KR_DENIED_OPENLY : KR_DENIED_SURELY;
}

/* Too many iterations prove nothing, and make what they are about insecure (RFC 9276). */
static enum kr_denied in_chain(const struct kr_denial *d,
                               enum kr_denied (*f)(struct chain *c, const struct asked *a),
                               const struct asked *a)
{
    struct chain c;
    enum kr_denied open = open_chain(d, &c);
    return open == KR_DENIED_SURELY ? f(&c, a) : open;
}

enum kr_denied kr_nsec3_nodata(const struct kr_denial *d, const uint8_t *name, uint16_t type,
                               bool *cut)
{
    return in_chain(d, deny_type, &(struct asked){name, type, cut});
}

enum kr_denied kr_nsec3_nxdomain(const struct kr_denial *d, const uint8_t *name)
{
    return in_chain(d, deny_name, &(struct asked){.name = name});
}

enum kr_denied kr_nsec3_covered(const struct kr_denial *d, const uint8_t *name)
{
    return in_chain(d, cover_name, &(struct asked){.name = name});
}

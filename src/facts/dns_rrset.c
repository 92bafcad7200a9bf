#include "dns_rrset.h"

#include <kr/mem.h>

#include <ldns/ldns.h>
#include <string.h>

#define FREE_LIST __attribute__((cleanup(free_list)))
#define ZONE_KEY 0x0100
#define REVOKED 0x0080

static void free_list(ldns_rr_list **l)
{
    ldns_rr_list_deep_free(*l);
}

static bool known_algorithm(uint8_t a)
{
    static const uint8_t known[] = {5, 7, 8, 10, 13, 14, 15, 16};
    return memchr(known, a, sizeof known) != NULL;
}

static bool known_digest(uint8_t d)
{
    return d == LDNS_SHA1 || d == LDNS_SHA256 || d == LDNS_SHA384;
}

static bool is(const struct kr_packet *p, const struct kr_record *r, const uint8_t *owner,
               uint16_t type, int section)
{
    uint8_t name[KR_NAME_MAX];
    return r->section == section && r->type == type && r->class == 1 &&
           kr_packet_name(p, r->owner_at, name, NULL) == 0 && kr_name_equal(name, owner);
}

static bool read_sig(const struct kr_packet *p, const struct kr_record *r, struct kr_sig *s)
{
    const uint8_t *b = p->b + r->at;
    size_t end;
    s->rec = *r;
    if (r->len < 19 || kr_packet_name(p, r->at + 18, s->signer, &end) || end > r->at + r->len)
        return false;
    s->algorithm = b[2];
    s->labels = b[3];
    s->tag = (uint16_t)(b[16] << 8 | b[17]);
    return true;
}

size_t kr_sigs_find(const struct kr_packet *p, const uint8_t *owner, uint16_t type, int section,
                    struct kr_sig v[static KR_SIGS_MOST], bool *any)
{
    struct kr_walk w;
    struct kr_record r;
    size_t n = 0;
    *any = false;
    kr_walk_begin(p, &w);
    while (kr_walk_next(p, &w, &r) == 1 && n < KR_SIGS_MOST) {
        const uint8_t *b = p->b + r.at;
        if (r.len < 2 || (b[0] << 8 | b[1]) != type || !is(p, &r, owner, KR_DNS_RRSIG, section))
            continue;
        *any = true;
        if (read_sig(p, &r, &v[n]) && known_algorithm(v[n].algorithm) &&
            v[n].labels <= kr_name_labels(owner) && kr_name_below(owner, v[n].signer))
            n++;
    }
    return n;
}

static ldns_rr *parse(const uint8_t *b, size_t len, size_t at)
{
    ldns_rr *rr = NULL;
    return ldns_wire2rr(&rr, b, len, &at, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK ? rr : NULL;
}

static ldns_rr_list *set_of(const struct kr_packet *p, const uint8_t *owner, uint16_t type,
                            int section)
{
    ldns_rr_list *l = ldns_rr_list_new();
    struct kr_walk w;
    struct kr_record r;
    kr_walk_begin(p, &w);
    while (l && kr_walk_next(p, &w, &r) == 1) {
        if (!is(p, &r, owner, type, section))
            continue;
        ldns_rr *rr = parse(p->b, p->len, r.owner_at);
        if (rr)
            ldns_rr_list_push_rr(l, rr);
    }
    return l;
}

/* The records of a copy as ldns has them; those that don't parse are left out. */
static ldns_rr_list *unpack(const struct kr_keys *k)
{
    ldns_rr_list *l = ldns_rr_list_new();
    for (size_t at = 0; l && at < k->len;) {
        ldns_rr *rr = NULL;
        if (ldns_wire2rr(&rr, k->wire, k->len, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
            break;
        ldns_rr_list_push_rr(l, rr);
    }
    return l;
}

static bool fits(const ldns_rr *key, const struct kr_sig *sig)
{
    uint16_t flags = ldns_rdf2native_int16(ldns_rr_dnskey_flags(key));
    return flags & ZONE_KEY && !(flags & REVOKED) &&
           ldns_rdf2native_int8(ldns_rr_dnskey_protocol(key)) == 3 &&
           ldns_rdf2native_int8(ldns_rr_dnskey_algorithm(key)) == sig->algorithm &&
           ldns_calc_keytag(key) == sig->tag;
}

bool kr_sig_good(const struct kr_packet *p, const uint8_t *owner, uint16_t type, int section,
                 const struct kr_sig *sig, const struct kr_keys *keys, time_t now, int *work)
{
    FREE_LIST ldns_rr_list *set = set_of(p, owner, type, section);
    FREE_LIST ldns_rr_list *all = unpack(keys);
    ldns_rr *rrsig = parse(p->b, p->len, sig->rec.owner_at);
    bool good = false;
    int tries = KR_SIGS_MOST;
    for (size_t i = 0; set && rrsig && all && !good && i < ldns_rr_list_rr_count(all); i++) {
        ldns_rr *key = ldns_rr_list_rr(all, i);
        if (ldns_rr_get_type(key) != LDNS_RR_TYPE_DNSKEY || !fits(key, sig))
            continue;
        if (tries-- <= 0 || (*work)-- <= 0)
            break;
        good = ldns_rr_list_rr_count(set) &&
               ldns_verify_rrsig_time(set, rrsig, key, now) == LDNS_STATUS_OK;
    }
    ldns_rr_free(rrsig);
    return good;
}

struct kr_keys *kr_keys_copy(const struct kr_packet *p, const uint8_t *owner, uint16_t type)
{
    struct kr_walk w;
    struct kr_record r;
    size_t n = kr_name_len(owner);
    struct kr_keys *k = NULL;
    kr_walk_begin(p, &w);
    while (kr_walk_next(p, &w, &r) == 1) {
        if (!is(p, &r, owner, type, 0) || (k && k->n == KR_KEYS_MOST))
            continue;
        size_t len = k ? k->len : 0, more = n + 10 + r.len;
        struct kr_keys *grown = kr_calloc(1, sizeof *k + len + more);
        if (k)
            memcpy(grown, k, sizeof *k + len);
        free(k);
        k = grown;
        memcpy(k->wire + len, owner, n);
        memcpy(k->wire + len + n, p->b + r.at - 10, 10u + r.len);
        k->len += more;
        k->n++;
    }
    return k;
}

bool kr_ds_known(struct kr_keys *ds, const uint8_t *owner)
{
    size_t n = kr_name_len(owner), to = 0, left = 0;
    for (size_t at = 0; at < ds->len;) {
        const uint8_t *f = ds->wire + at + n;
        size_t len = (size_t)f[8] << 8 | f[9], whole = n + 10 + len;
        if (len > 4 && known_algorithm(f[12]) && known_digest(f[13])) {
            memmove(ds->wire + to, ds->wire + at, whole);
            to += whole;
            left++;
        }
        at += whole;
    }
    ds->len = to;
    ds->n = left;
    return left > 0;
}

static bool stands_for(const ldns_rr *anchor, const ldns_rr *key)
{
    if (ldns_rr_get_type(anchor) == LDNS_RR_TYPE_DNSKEY)
        return ldns_rr_compare(anchor, key) == 0;
    return ldns_rr_get_type(anchor) == LDNS_RR_TYPE_DS &&
           ldns_rdf2native_int16(ldns_rr_rdf(anchor, 0)) == ldns_calc_keytag(key) &&
           ldns_rr_compare_ds(key, anchor);
}

/* A key takes part by its own bytes, which lie in the copy in the order they were unpacked. */
struct kr_keys *kr_keys_anchored(const struct kr_keys *keys, const struct kr_keys *anchors)
{
    FREE_LIST ldns_rr_list *k = unpack(keys);
    FREE_LIST ldns_rr_list *a = unpack(anchors);
    struct kr_keys *out = kr_calloc(1, sizeof *out + keys->len);
    size_t owner = keys->len ? kr_name_len(keys->wire) : 0, at = 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(k); i++) {
        const uint8_t *f = keys->wire + at + owner;
        size_t whole = owner + 10 + ((size_t)f[8] << 8 | f[9]);
        bool found = false;
        for (size_t j = 0; j < ldns_rr_list_rr_count(a) && j < 8 && !found; j++)
            found = stands_for(ldns_rr_list_rr(a, j), ldns_rr_list_rr(k, i));
        if (found) {
            memcpy(out->wire + out->len, keys->wire + at, whole);
            out->len += whole;
            out->n++;
        }
        at += whole;
    }
    if (out->n)
        return out;
    free(out);
    return NULL;
}

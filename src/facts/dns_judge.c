#include "dns_judge.h"

#include <kr/dns_denial.h>

#include <string.h>

static time_t now_of(const struct judging *j)
{
    return j->v->now ? j->v->now : time(NULL);
}

static enum kr_proof proof_of(enum node_state s)
{
    static const enum kr_proof by[] = {
        [NODE_NEW] = KR_PROOF_FAILED,  [NODE_WAITS] = KR_PROOF_FAILED,
        [NODE_CUT] = KR_PROOF_BOGUS, /* a signed zone, and no good signature */
        [NODE_SAME] = KR_PROOF_BOGUS,  [NODE_INSECURE] = KR_PROOF_INSECURE,
        [NODE_BOGUS] = KR_PROOF_BOGUS, [NODE_FAILED] = KR_PROOF_FAILED,
    };
    return by[s];
}

/* The worse of two: bogus, failed, insecure, secure. */
static enum kr_proof worse(enum kr_proof a, enum kr_proof b)
{
    static const int rank[KR_PROOFS] = {[KR_PROOF_SECURE] = 0,
                                        [KR_PROOF_UNJUDGED] = 1,
                                        [KR_PROOF_INSECURE] = 2,
                                        [KR_PROOF_FAILED] = 3,
                                        [KR_PROOF_BOGUS] = 4};
    return rank[a] > rank[b] ? a : b;
}

/* The state of the zone a name is in; false: it must be waited for. */
static bool zone_state(struct judging *j, const uint8_t *name, enum node_state *out, uint32_t *zone)
{
    uint32_t i = kr_node_find(j->v, name);
    if (!kr_node_known(j->v, i)) {
        j->wait = i;
        return false;
    }
    *zone = kr_node_zone(j->v, i);
    *out = (enum node_state)j->v->nodes[*zone].state;
    return true;
}

struct set {
    const uint8_t *owner;
    uint16_t type;
    int section;
    unsigned labels;             /* of the signature that was good */
    uint8_t signer[KR_NAME_MAX]; /* whose it was */
};

/* Of the signatures of a set the first that is good decides, or that lies in a zone without keys.
 */
static enum kr_proof judge_sigs(struct judging *j, struct set *s, const struct kr_sig *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum node_state state;
        uint32_t zone;
        if (!zone_state(j, v[i].signer, &state, &zone))
            return KR_PROOF_FAILED;
        if (state != NODE_CUT)
            return proof_of(state);
        if (!kr_name_equal(kr_name_table_get(&j->v->names, zone), v[i].signer))
            continue; /* the signer is no zone */
        if (!kr_sig_good(j->p, s->owner, s->type, s->section, &v[i], j->v->nodes[zone].keys,
                         now_of(j), &j->work))
            continue;
        s->labels = v[i].labels;
        memcpy(s->signer, v[i].signer, kr_name_len(v[i].signer));
        return KR_PROOF_SECURE;
    }
    return KR_PROOF_BOGUS;
}

static enum kr_proof judge_unsigned(struct judging *j, const uint8_t *name)
{
    enum node_state state;
    uint32_t zone;
    return zone_state(j, name, &state, &zone) ? proof_of(state) : KR_PROOF_FAILED;
}

static enum kr_proof judge_set(struct judging *j, struct set *s)
{
    struct kr_sig v[KR_SIGS_MOST];
    bool any;
    size_t n = kr_sigs_find(j->p, s->owner, s->type, s->section, v, &any);
    s->labels = kr_name_labels(s->owner);
    enum kr_proof proof = n ? judge_sigs(j, s, v, n) : KR_PROOF_BOGUS;
    if (n && (proof != KR_PROOF_BOGUS || j->wait != KR_NO_NAME))
        return proof;
    /* Without a signature that can be judged all depends on whether the zone is signed. */
    return n ? KR_PROOF_BOGUS : judge_unsigned(j, s->owner);
}

bool kr_judge_by_keys(struct judging *j, const uint8_t *owner, uint16_t type,
                      const struct kr_keys *keys)
{
    struct kr_sig v[KR_SIGS_MOST];
    bool any;
    size_t n = kr_sigs_find(j->p, owner, type, 0, v, &any);
    for (size_t i = 0; i < n; i++)
        if (kr_name_equal(v[i].signer, owner) &&
            kr_sig_good(j->p, owner, type, 0, &v[i], keys, now_of(j), &j->work))
            return true;
    return false;
}

static bool by_zone(struct judging *j, const uint8_t *owner, uint16_t type, int section,
                    uint32_t zone)
{
    struct kr_sig v[KR_SIGS_MOST];
    bool any;
    size_t n = kr_sigs_find(j->p, owner, type, section, v, &any);
    for (size_t i = 0; i < n; i++)
        if (kr_name_equal(v[i].signer, kr_name_table_get(&j->v->names, zone)) &&
            v[i].labels == kr_name_labels(owner) &&
            kr_sig_good(j->p, owner, type, section, &v[i], j->v->nodes[zone].keys, now_of(j),
                        &j->work))
            return true;
    return false;
}

bool kr_judge_by_zone(struct judging *j, const uint8_t *owner, uint16_t type, uint32_t zone)
{
    return by_zone(j, owner, type, 0, zone);
}

/* ---- denial ---- */

/* NSEC and NSEC3 records of the authority section whose signatures are good. */
static enum kr_proof gather(struct judging *j, struct kr_denial *d,
                            uint8_t zone[static KR_NAME_MAX])
{
    struct kr_walk w;
    struct kr_record r;
    enum kr_proof proof = KR_PROOF_SECURE;
    *d = (struct kr_denial){.p = j->p, .zone = zone};
    kr_walk_begin(j->p, &w);
    while (kr_walk_next(j->p, &w, &r) == 1 && d->n < KR_DENIAL_MOST) {
        uint8_t owner[KR_NAME_MAX];
        if (r.section != 1 || (r.type != KR_DNS_NSEC && r.type != KR_DNS_NSEC3) ||
            kr_packet_name(j->p, r.owner_at, owner, NULL))
            continue;
        struct set s = {.owner = owner, .type = r.type, .section = 1};
        enum kr_proof one = judge_set(j, &s);
        if (j->wait != KR_NO_NAME)
            return KR_PROOF_FAILED;
        proof = worse(proof, one);
        if (one != KR_PROOF_SECURE ||
            s.labels != kr_name_labels(owner) - (owner[0] == 1 && owner[1] == '*'))
            continue;
        if (!d->n)
            memcpy(zone, s.signer, kr_name_len(s.signer));
        if (kr_name_equal(zone, s.signer))
            d->v[d->n++] = r;
    }
    return proof;
}

static enum kr_proof by_denied(enum kr_denied d)
{
    static const enum kr_proof by[] = {[KR_DENIED_NOT] = KR_PROOF_BOGUS,
                                       [KR_DENIED_OPENLY] = KR_PROOF_INSECURE,
                                       [KR_DENIED_SURELY] = KR_PROOF_SECURE};
    return by[d];
}

static enum kr_proof judge_denial(struct judging *j, const uint8_t *name, const struct kr_reply *r)
{
    struct kr_denial d;
    uint8_t zone[KR_NAME_MAX];
    enum kr_proof proof = gather(j, &d, zone);
    if (j->wait != KR_NO_NAME)
        return KR_PROOF_FAILED;
    if (!d.n)
        return proof == KR_PROOF_SECURE ? judge_unsigned(j, name) : proof;
    if (!kr_name_below(name, zone))
        return KR_PROOF_BOGUS;
    return by_denied(r->kind == KR_REPLY_NXDOMAIN ? kr_denial_nxdomain(&d, name)
                                                  : kr_denial_nodata(&d, name, j->p->qtype, NULL));
}

/* A wildcard answered: it must be shown that nothing closer is there (RFC 4035 section 5.3.4). */
static enum kr_proof judge_wildcard(struct judging *j, const struct set *s)
{
    struct kr_denial d;
    uint8_t zone[KR_NAME_MAX];
    if (s->labels >= kr_name_labels(s->owner))
        return KR_PROOF_SECURE;
    enum kr_proof proof = gather(j, &d, zone);
    if (j->wait != KR_NO_NAME || !d.n)
        return d.n ? proof : KR_PROOF_BOGUS;
    return kr_name_equal(zone, s->signer) ? by_denied(kr_denial_wildcard(&d, s->owner, s->labels))
                                          : KR_PROOF_BOGUS;
}

static enum kr_proof judge_data(struct judging *j, const uint8_t *owner, uint16_t type)
{
    struct set s = {.owner = owner, .type = type};
    enum kr_proof proof = judge_set(j, &s);
    if (j->wait != KR_NO_NAME || proof != KR_PROOF_SECURE)
        return proof;
    return judge_wildcard(j, &s);
}

/* ---- aliases ---- */

/* The target of the alias at `name`; false: there is none. */
static bool target_of(const struct kr_packet *p, uint8_t name[static KR_NAME_MAX])
{
    struct kr_walk w;
    struct kr_record r;
    uint8_t owner[KR_NAME_MAX];
    kr_walk_begin(p, &w);
    while (kr_walk_next(p, &w, &r) == 1 && r.section == 0)
        if (r.type == KR_DNS_CNAME && kr_packet_name(p, r.owner_at, owner, NULL) == 0 &&
            kr_name_equal(owner, name))
            return kr_packet_name(p, r.at, name, NULL) == 0;
    return false;
}

/* A CNAME that a DNAME made has no signature of its own (RFC 6672 section 5.3.1): the DNAME's
 * counts, when it does make this one. */
static bool dname_over(const struct kr_packet *p, const uint8_t *name, const uint8_t *target,
                       uint8_t owner[static KR_NAME_MAX])
{
    struct kr_walk w;
    struct kr_record r;
    uint8_t to[KR_NAME_MAX];
    kr_walk_begin(p, &w);
    while (kr_walk_next(p, &w, &r) == 1 && r.section == 0) {
        if (r.type != 39 || kr_packet_name(p, r.owner_at, owner, NULL) ||
            kr_packet_name(p, r.at, to, NULL) || !kr_name_below(name, owner) ||
            kr_name_equal(name, owner))
            continue;
        size_t head = kr_name_len(name) - kr_name_len(owner), tail = kr_name_len(to);
        if (kr_name_len(target) == head + tail && memcmp(target, name, head) == 0 &&
            memcmp(target + head, to, tail) == 0)
            return true;
    }
    return false;
}

static enum kr_proof judge_alias(struct judging *j, const uint8_t *name, const uint8_t *target)
{
    struct kr_sig v[KR_SIGS_MOST];
    uint8_t owner[KR_NAME_MAX];
    bool any;
    kr_sigs_find(j->p, name, KR_DNS_CNAME, 0, v, &any);
    if (!any && dname_over(j->p, name, target, owner))
        return judge_data(j, owner, 39);
    return judge_data(j, name, KR_DNS_CNAME);
}

enum kr_proof kr_judge_answer(struct judging *j, const uint8_t *qname, const struct kr_reply *r)
{
    enum kr_proof proof = KR_PROOF_SECURE;
    uint8_t name[KR_NAME_MAX], target[KR_NAME_MAX];
    memcpy(name, qname, kr_name_len(qname));
    for (unsigned i = 0; i < r->links; i++) {
        memcpy(target, name, kr_name_len(name));
        if (!target_of(j->p, target))
            return KR_PROOF_BOGUS;
        proof = worse(proof, judge_alias(j, name, target));
        if (j->wait != KR_NO_NAME)
            return KR_PROOF_FAILED;
        memcpy(name, target, kr_name_len(target));
    }
    if (r->kind == KR_REPLY_ALIAS)
        return proof;
    enum kr_proof last =
        r->kind == KR_REPLY_DATA ? judge_data(j, name, j->p->qtype) : judge_denial(j, name, r);
    return worse(proof, last);
}

/* No DS record: an unsigned delegation, or no delegation at all. */
enum node_state kr_judge_no_ds(struct judging *j, const uint8_t *name, uint32_t zone, bool nxdomain)
{
    struct kr_denial d = {.p = j->p, .zone = kr_name_table_get(&j->v->names, zone)};
    struct kr_walk w;
    struct kr_record r;
    bool cut = false;
    kr_walk_begin(j->p, &w);
    while (kr_walk_next(j->p, &w, &r) == 1 && d.n < KR_DENIAL_MOST) {
        uint8_t owner[KR_NAME_MAX];
        if (r.section == 1 && (r.type == KR_DNS_NSEC || r.type == KR_DNS_NSEC3) &&
            kr_packet_name(j->p, r.owner_at, owner, NULL) == 0 &&
            by_zone(j, owner, r.type, 1, zone))
            d.v[d.n++] = r;
    }
    enum kr_denied got =
        nxdomain ? kr_denial_nxdomain(&d, name) : kr_denial_nodata(&d, name, KR_DNS_DS, &cut);
    if (got == KR_DENIED_NOT)
        return NODE_BOGUS;
    return got == KR_DENIED_OPENLY || cut ? NODE_INSECURE : NODE_SAME;
}

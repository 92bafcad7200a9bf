#include <kr/dns_reply.h>

#include <string.h>

static bool owned_by(const struct kr_packet *p, const struct kr_record *r, const uint8_t *name)
{
    uint8_t owner[KR_NAME_MAX];
    return r->class == 1 && kr_packet_name(p, r->owner_at, owner, NULL) == 0 &&
           kr_name_equal(owner, name);
}

/* Looks through the answers for what `name` has: 1: such a record, 0: none, 2: an alias, whose
 * target becomes name, -1: malformed. */
static int look(const struct kr_packet *p, uint16_t type, uint8_t name[static KR_NAME_MAX])
{
    struct kr_walk w;
    struct kr_record r;
    int got, alias = 0;
    uint8_t target[KR_NAME_MAX];
    kr_walk_begin(p, &w);
    while ((got = kr_walk_next(p, &w, &r)) == 1 && r.section == 0) {
        uint8_t owner[KR_NAME_MAX];
        if (kr_packet_name(p, r.owner_at, owner, NULL))
            return -1;
        if ((r.type != type && r.type != KR_DNS_CNAME) || r.class != 1 ||
            !kr_name_equal(owner, name))
            continue;
        if (r.type == type)
            return 1;
        if (alias || kr_packet_name(p, r.at, target, NULL))
            return -1; /* two targets are no alias (RFC 1034 section 3.6.2) */
        alias = 2;
    }
    if (got < 0)
        return -1;
    if (alias)
        memcpy(name, target, kr_name_len(target));
    return alias;
}

static int find_apex(const struct kr_packet *p, struct kr_reply *r)
{
    struct kr_walk w;
    struct kr_record rec;
    int got;
    kr_walk_begin(p, &w);
    while ((got = kr_walk_next(p, &w, &rec)) == 1) {
        if (rec.section != 1 || rec.type != KR_DNS_SOA || r->soa)
            continue;
        if (kr_packet_name(p, rec.owner_at, r->apex, NULL))
            return -1;
        r->soa = kr_name_below(r->name, r->apex);
    }
    return got;
}

static enum kr_reply_kind follow(const struct kr_packet *p, struct kr_reply *r)
{
    int got;
    while ((got = look(p, p->qtype, r->name)) == 2)
        if (++r->links > KR_REPLY_LINKS)
            return KR_REPLY_BROKEN;
    if (got < 0 || find_apex(p, r) < 0)
        return KR_REPLY_BROKEN;
    if (r->rcode == KR_RCODE_NXDOMAIN)
        return got == 1 ? KR_REPLY_BROKEN : KR_REPLY_NXDOMAIN;
    if (got == 1)
        return KR_REPLY_DATA;
    /* An alias whose target nobody speaks of: not known to be empty. */
    return r->links && !r->soa ? KR_REPLY_ALIAS : KR_REPLY_NODATA;
}

void kr_dns_reply_read(const struct kr_packet *p, const uint8_t *qname, struct kr_reply *r)
{
    *r = (struct kr_reply){.rcode = p->flags & 15,
                           .truncated = p->flags & 0x200,
                           .ad = p->flags & 0x20,
                           .kind = KR_REPLY_FAILED};
    memcpy(r->name, qname, kr_name_len(qname));
    if (r->rcode == KR_RCODE_OK || r->rcode == KR_RCODE_NXDOMAIN)
        r->kind = follow(p, r);
}

int kr_reply_next(const struct kr_packet *p, const struct kr_reply *r, struct kr_walk *w,
                  struct kr_record *rec)
{
    while (kr_walk_next(p, w, rec) == 1 && rec->section == 0)
        if (rec->type == p->qtype && owned_by(p, rec, r->name))
            return 1;
    return 0;
}

size_t kr_reply_txt(const struct kr_packet *p, const struct kr_record *rec, char *out, size_t room)
{
    size_t n = 0;
    for (size_t at = 0; at < rec->len;) {
        const uint8_t *s = p->b + rec->at + at;
        if (at + *s + 1 > rec->len)
            return SIZE_MAX;
        size_t take = *s < room - n ? *s : room - n;
        memcpy(out + n, s + 1, take);
        n += take;
        at += *s + 1u;
    }
    return n;
}

static bool usable(const uint8_t *d, size_t len)
{
    static const size_t digest[] = {0, 32, 64};
    if (len < 4 || (d[0] != 2 && d[0] != 3) || d[1] > 1 || d[2] > 2)
        return false;
    return d[2] == 0 || len - 3 == digest[d[2]];
}

enum kr_tlsa_set kr_reply_tlsa(const struct kr_packet *p, const struct kr_reply *r)
{
    struct kr_walk w;
    struct kr_record rec;
    kr_walk_begin(p, &w);
    while (kr_reply_next(p, r, &w, &rec))
        if (usable(p->b + rec.at, rec.len))
            return KR_TLSA_SET_USABLE;
    return KR_TLSA_SET_UNUSABLE;
}

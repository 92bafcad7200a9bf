/* Messages from the network: our walker against ldns, and what reads replies and denials. */
#include <kr/dns_denial.h>
#include <kr/dns_reply.h>

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every name that can be read can be written as text and read again. */
static void check_name(const uint8_t *name)
{
    char text[KR_NAME_TEXT];
    size_t n = kr_name_len(name);
    if (n > KR_NAME_MAX || strlen(kr_name_text(name, text)) >= KR_NAME_TEXT)
        abort();
    if (!kr_name_below(name, kr_name_parent(name)) || kr_name_order(name, name) != 0)
        abort();
}

static void use(const struct kr_packet *p)
{
    struct kr_walk w;
    struct kr_record r;
    struct kr_denial d = {.p = p};
    uint8_t owner[KR_NAME_MAX], qname[KR_NAME_MAX];
    struct kr_reply reply;
    char text[512];
    if (kr_packet_name(p, 12, qname, NULL))
        return;
    kr_dns_reply_read(p, qname, &reply);
    check_name(reply.name);
    kr_walk_begin(p, &w);
    while (kr_walk_next(p, &w, &r) == 1) {
        if (r.at + r.len > p->len)
            abort();
        if (kr_packet_name(p, r.owner_at, owner, NULL) == 0)
            check_name(owner);
        if (kr_reply_txt(p, &r, text, sizeof text) > sizeof text && r.type == KR_DNS_TXT)
            continue;
        if ((r.type == KR_DNS_NSEC || r.type == KR_DNS_NSEC3) && d.n < KR_DENIAL_MOST)
            d.v[d.n++] = r;
    }
    if (reply.kind == KR_REPLY_DATA)
        kr_reply_tlsa(p, &reply);
    for (const uint8_t *z = qname;; z = kr_name_parent(z)) {
        bool cut;
        d.zone = z;
        kr_denial_nodata(&d, qname, p->qtype, &cut);
        kr_denial_nxdomain(&d, qname);
        kr_denial_wildcard(&d, qname, kr_name_labels(z));
        if (!*z)
            break;
    }
}

/* The same records, in the same order, with the same types and lengths of names. */
static void compare(const struct kr_packet *p, const ldns_pkt *pkt)
{
    struct kr_walk w;
    struct kr_record r;
    const ldns_rr_list *const sections[] = {ldns_pkt_answer(pkt), ldns_pkt_authority(pkt),
                                            ldns_pkt_additional(pkt)};
    kr_walk_begin(p, &w);
    for (int s = 0; s < 3; s++)
        for (size_t i = 0; i < ldns_rr_list_rr_count(sections[s]); i++) {
            const ldns_rr *rr = ldns_rr_list_rr(sections[s], i);
            uint8_t owner[KR_NAME_MAX];
            do
                if (kr_walk_next(p, &w, &r) != 1)
                    abort();
            while (r.section == 2 && (r.type == KR_DNS_OPT || r.type == 250)); /* kept elsewhere */
            if (r.section != s || r.type != (uint16_t)ldns_rr_get_type(rr) ||
                kr_packet_name(p, r.owner_at, owner, NULL))
                abort();
            if (kr_name_len(owner) != ldns_rdf_size(ldns_rr_owner(rr)))
                abort();
        }
}

/* What ldns writes has no pointer but to what stands before, so that we must be able to read it. */
static void oracle(const uint8_t *data, size_t size)
{
    ldns_pkt *pkt = NULL;
    uint8_t *wire = NULL;
    size_t n = 0;
    struct kr_packet p;
    if (ldns_wire2pkt(&pkt, data, size) != LDNS_STATUS_OK)
        return;
    bool one = ldns_pkt_qdcount(pkt) == 1 && ldns_pkt_qr(pkt) &&
               ldns_rr_list_rr_count(ldns_pkt_question(pkt)) == 1 &&
               ldns_rr_get_class(ldns_rr_list_rr(ldns_pkt_question(pkt), 0)) == LDNS_RR_CLASS_IN;
    if (one && ldns_pkt2wire(&wire, pkt, &n) == LDNS_STATUS_OK && n <= 65535) {
        if (kr_packet_open(&p, wire, n))
            abort();
        compare(&p, pkt);
    }
    free(wire);
    ldns_pkt_free(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kr_packet p;
    if (kr_packet_open(&p, data, size) == 0)
        use(&p);
    oracle(data, size);
    return 0;
}

/* A host's row follows from what DNS says alone; what each MTA makes of a row stands in a table,
 * and so does what a sink makes of that. Sources: RFC 7672 section 2, Postfix 3.7 smtp_dane.c and
 * tls_dane.c, KumoMTA's mx.rs and ready_queue.rs, Exim's dane.c; checked against real Postfix and
 * Exim. */
#include <kr/dns_verdict.h>

#include <kr/mtasts.h>

#include <assert.h>
#include <string.h>

/* As the base: no row of the table changes what the MTA would do anyway. */
#define BASE KR_TLS_MAY

static const struct row {
    const char *name;
    enum kr_hazard hazard;           /* KR_HAZARDS: none */
    bool dane;                       /* only an MTA with DANE sees it */
    unsigned char level[KR_COLUMNS]; /* Postfix, KumoMTA released, later, Exim, strictest */
} rows[] = {
#define ALL(l)        \
    {                 \
        l, l, l, l, l \
    }
#define DANE KR_TLS_DANE
#define ENC KR_TLS_ENCRYPT
#define DEFER KR_TLS_DEFER
    [KR_ROW_ORDINARY] = {"-", KR_HAZARDS, true, ALL(BASE)},
    [KR_ROW_1] = {"1", KR_HAZARD_DANE, true, {DANE, BASE, DANE, DANE, DANE}},
    [KR_ROW_2] = {"2", KR_HAZARD_DANE_ENCRYPT, true, {ENC, BASE, ENC, DEFER, DEFER}},
    [KR_ROW_3] = {"3", KR_HAZARDS, true, ALL(BASE)},
    [KR_ROW_4] = {"4", KR_HAZARDS, true, ALL(BASE)},
    [KR_ROW_5] = {"5", KR_HAZARD_DANE_LOOKUP, true, {DEFER, BASE, DEFER, DEFER, DEFER}},
    [KR_ROW_6] = {"6", KR_HAZARDS, true, ALL(BASE)},
    [KR_ROW_7] = {"7", KR_HAZARD_DANE, true, {DANE, BASE, DANE, BASE, DANE}},
    [KR_ROW_8] = {"8", KR_HAZARD_DANE, true, {DANE, BASE, BASE, DANE, DANE}},
    [KR_ROW_9] = {"9", KR_HAZARD_HALF_DANE, true, {DANE, BASE, BASE, BASE, DANE}},
    [KR_ROW_9_UNUSABLE] = {"9-unusable", KR_HAZARD_HALF_DANE, true, {ENC, BASE, BASE, BASE, ENC}},
    [KR_ROW_9_FAILED] = {"9-failed", KR_HAZARD_DANE_LOOKUP, true, {DEFER, BASE, BASE, BASE, DEFER}},
    [KR_ROW_10] = {"10", KR_HAZARD_DANE, true, {DANE, DANE, DANE, DANE, DANE}},
    [KR_ROW_11] = {"11", KR_HAZARDS, true, ALL(BASE)},
    [KR_ROW_12] = {"12", KR_HAZARD_DNS, false, ALL(DEFER)},
    [KR_ROW_13] = {"13", KR_HAZARD_NO_MAIL, false, ALL(KR_TLS_BOUNCE)},
    [KR_ROW_14] = {"14", KR_HAZARD_DANE, true, {BASE, DANE, BASE, BASE, BASE}},
    [KR_ROW_ADDRESS] = {"address", KR_HAZARD_ADDRESS, false, ALL(DEFER)},
    [KR_ROW_UNREACHABLE] = {"unreachable", KR_HAZARD_NO_ADDRESS, false, ALL(DEFER)},
    [KR_ROW_UNJUDGED] = {"unjudged", KR_HAZARD_UNJUDGED, true, ALL(KR_TLS_UNSURE)},
};
static_assert(sizeof rows / sizeof *rows == KR_ROWS, "a row for each");

static const unsigned char outcomes[KR_TLS_LEVELS][KR_SINKS] = {
    /*                         clear          untrusted      trusted        untold */
    [KR_TLS_MAY] = {KR_DELIVERS, KR_DELIVERS, KR_DELIVERS, KR_DELIVERS},
    [KR_TLS_OPPORTUNISTIC] = {KR_DELIVERS, KR_FAILS, KR_DELIVERS, KR_UNCERTAIN},
    [KR_TLS_ENCRYPT] = {KR_FAILS, KR_DELIVERS, KR_DELIVERS, KR_UNCERTAIN},
    [KR_TLS_VERIFY] = {KR_FAILS, KR_FAILS, KR_DELIVERS, KR_UNCERTAIN},
    [KR_TLS_DANE] = {KR_FAILS, KR_FAILS, KR_FAILS, KR_FAILS},
    [KR_TLS_DEFER] = {KR_FAILS, KR_FAILS, KR_FAILS, KR_FAILS},
    [KR_TLS_BOUNCE] = {KR_FAILS, KR_FAILS, KR_FAILS, KR_FAILS},
    [KR_TLS_UNSURE] = {KR_UNCERTAIN, KR_UNCERTAIN, KR_UNCERTAIN, KR_UNCERTAIN},
};
static const char *const outcome_names[] = {[KR_DELIVERS] = "delivers",
                                            [KR_DOWNGRADES] = "downgrades",
                                            [KR_UNCERTAIN] = "unknown",
                                            [KR_FAILS] = "fails"};
static_assert(sizeof outcome_names / sizeof *outcome_names == KR_OUTCOMES, "a name for each");

const char *kr_row_name(enum kr_row r)
{
    return rows[r].name;
}

const char *kr_outcome_name(enum kr_outcome o)
{
    return outcome_names[o];
}

/* By the state of the TLSA records: where the MX is secure, and where it is not. */
static const struct {
    unsigned char secure, insecure;
} by_tlsa[] = {
    [KR_TLSA_UNASKED] = {KR_ROW_6, KR_ROW_6},
    [KR_TLSA_NONE] = {KR_ROW_3, KR_ROW_ORDINARY},
    [KR_TLSA_USABLE] = {KR_ROW_1, KR_ROW_9},
    [KR_TLSA_UNUSABLE] = {KR_ROW_2, KR_ROW_9_UNUSABLE},
    [KR_TLSA_INSECURE] = {KR_ROW_4, KR_ROW_4},
    [KR_TLSA_FAILED] = {KR_ROW_5, KR_ROW_9_FAILED},
    [KR_TLSA_UNJUDGED] = {KR_ROW_UNJUDGED, KR_ROW_UNJUDGED},
};
static_assert(sizeof by_tlsa / sizeof *by_tlsa == KR_TLSA_STATES, "a row for each");

/* The row of a host whose addresses are there; RFC 7672 sections 2.2.2 and 2.2.3. */
static enum kr_row row_of_tlsa(const struct kr_domain_facts *d, const struct kr_host_facts *h)
{
    enum kr_tlsa first = h->alias == KR_ALIAS_SECURE ? h->tlsa_expanded : h->tlsa, tlsa = first;
    bool fell_back = h->alias == KR_ALIAS_SECURE && first == KR_TLSA_NONE;
    if (fell_back)
        tlsa = h->tlsa;
    enum kr_row row = d->trust == KR_TRUST_SECURE ? by_tlsa[tlsa].secure : by_tlsa[tlsa].insecure;
    if (row != KR_ROW_1)
        return d->trust == KR_TRUST_UNJUDGED && row == KR_ROW_9 ? KR_ROW_UNJUDGED : row;
    if (d->mx == KR_MX_IMPLICIT)
        return KR_ROW_10;
    if (h->alias == KR_ALIAS_FIRST_SECURE || fell_back)
        return KR_ROW_7;
    return h->alias == KR_ALIAS_SECURE && h->tlsa != KR_TLSA_USABLE ? KR_ROW_8 : KR_ROW_1;
}

static enum kr_row row_of_host(const struct kr_domain_facts *d, const struct kr_host_facts *h)
{
    if (h->address == KR_ADDRESS_FAILED)
        return KR_ROW_ADDRESS;
    if (h->address == KR_ADDRESS_NONE)
        return KR_ROW_UNREACHABLE;
    if (d->mx == KR_MX_IMPLICIT && d->trust == KR_TRUST_INSECURE)
        return KR_ROW_11;
    if (h->tlsa == KR_TLSA_UNJUDGED || h->tlsa_expanded == KR_TLSA_UNJUDGED)
        return KR_ROW_UNJUDGED;
    if (h->alias == KR_ALIAS_INSECURE ||
        (h->alias == KR_ALIAS_NONE && h->address == KR_ADDRESS_INSECURE))
        return KR_ROW_6;
    return row_of_tlsa(d, h);
}

static const unsigned char row_of_mx[] = {
    [KR_MX_HOSTS] = KR_ROW_UNREACHABLE, /* every one of them was unfit to be a name */
    [KR_MX_IMPLICIT] = KR_ROW_UNREACHABLE,
    [KR_MX_NULL] = KR_ROW_13,
    [KR_MX_NXDOMAIN] = KR_ROW_13,
    [KR_MX_FAILED] = KR_ROW_12,
    [KR_MX_BOGUS] = KR_ROW_12,
    [KR_MX_TIMEOUT] = KR_ROW_12,
};
static_assert(sizeof row_of_mx == KR_MX_KINDS, "a row for each");

/* Where nothing but DANE will do, every row without it is a delivery that waits. */
static enum kr_tls_level level_of_row(enum kr_row row, const struct kr_mta_side *side,
                                      const struct kr_mta_path *path)
{
    enum kr_tls_level level = rows[row].level[side->column];
    if (!rows[row].dane)
        return level;
    if (!path->dane || (rows[row].hazard == KR_HAZARD_HALF_DANE && !path->half_dane))
        level = BASE;
    if (!path->dane_only || level == KR_TLS_UNSURE)
        return level;
    return level == DANE && row != KR_ROW_9 ? level : DEFER;
}

/* What MTA-STS makes of a delivery, and its row. KumoMTA joins all records there are, so that odd
 * ones may act; a plugin of Postfix is as strict as the RFC. */
static enum kr_tls_level level_of_sts(const struct kr_domain_facts *d,
                                      const struct kr_mta_side *side,
                                      const struct kr_mta_path *path, uint8_t *row)
{
    static const struct {
        uint8_t row;
        enum kr_tls_level level;
    } by_policy[] = {
        [KR_POLICY_UNFETCHED] = {1, KR_TLS_VERIFY}, [KR_POLICY_ENFORCE] = {1, KR_TLS_VERIFY},
        [KR_POLICY_NO_MATCH] = {2, KR_TLS_DEFER},   [KR_POLICY_TESTING] = {3, KR_TLS_MAY},
        [KR_POLICY_NONE] = {0, KR_TLS_MAY},         [KR_POLICY_UNUSABLE] = {3, KR_TLS_MAY},
        [KR_POLICY_UNKNOWN] = {0, KR_TLS_UNSURE},
    };
    static_assert(sizeof by_policy / sizeof *by_policy == KR_POLICIES, "an effect for each");
    bool odd = d->sts == KR_ANNOUNCED_MALFORMED || d->sts == KR_ANNOUNCED_DOUBLED;
    *row = 0;
    if ((!path->mta_sts && !path->sts_lookup) || (odd && side->column == KR_COLUMN_POSTFIX))
        return KR_TLS_MAY;
    if (d->sts == KR_ANNOUNCED_UNKNOWN)
        return KR_TLS_UNSURE;
    if (d->sts != KR_ANNOUNCED_VALID && !odd)
        return KR_TLS_MAY;
    if (!path->mta_sts && d->policy != KR_POLICY_NO_MATCH)
        return d->policy == KR_POLICY_UNFETCHED || d->policy == KR_POLICY_UNKNOWN ? KR_TLS_UNSURE
                                                                                  : KR_TLS_MAY;
    *row = by_policy[d->policy].row;
    /* KumoMTA takes some texts for policies that the RFC's grammar does not. */
    if (d->fetched == KR_FETCH_GRAMMAR && side->column != KR_COLUMN_POSTFIX)
        return KR_TLS_UNSURE;
    return by_policy[d->policy].level;
}

/* A host that the policy does not name gets no mail (RFC 8461 section 5). */
static enum kr_tls_level level_of_name(const struct kr_domain_facts *d,
                                       const struct kr_host_facts *h, enum kr_tls_level sts)
{
    bool unnamed = d->policy == KR_POLICY_ENFORCE && !(h->flags & KR_HOST_NAMED);
    return unnamed && sts == KR_TLS_VERIFY ? KR_TLS_DEFER : sts;
}

static enum kr_hazard hazard_of_sts(const struct kr_domain_facts *d, enum kr_tls_level sts)
{
    if (sts != KR_TLS_UNSURE)
        return KR_HAZARD_STS;
    return d->sts == KR_ANNOUNCED_UNKNOWN ? KR_HAZARD_STS_LOOKUP : KR_HAZARD_STS_FETCH;
}

static enum kr_tls_level stricter(enum kr_tls_level a, enum kr_tls_level b)
{
    return a > b ? a : b;
}

static void note(struct kr_preflight_verdict *v, enum kr_hazard h, enum kr_outcome end)
{
    if (h == KR_HAZARDS)
        return;
    v->hazards |= 1u << h;
    v->breaking |= end == KR_FAILS ? 1u << h : 0;
    v->unsure |= end == KR_UNCERTAIN ? 1u << h : 0;
}

/* The name in the sink's certificate is that of the handshake: without one it may be another. */
static enum kr_sink_tls sink_for(const struct kr_mta_side *side, const struct kr_mta_path *path)
{
    return side->sink == KR_SINK_TRUSTED && path->no_sni ? KR_SINK_UNTOLD : side->sink;
}

/* DANE goes before MTA-STS (RFC 8461 section 2). Mode testing loosens KumoMTA's own setting. */
static void judge_host(const struct kr_domain_facts *d, const struct kr_mta_side *side,
                       enum kr_row row, const struct kr_host_facts *h,
                       struct kr_preflight_verdict *v)
{
    const char *host = h ? h->name : NULL;
    bool kumo = side->column == KR_COLUMN_KUMO_LATER || side->column == KR_COLUMN_KUMO_RELEASE;
    struct kr_mta_path path = kr_mta_side_path(side, d, host);
    enum kr_sink_tls sink = sink_for(side, &path);
    uint8_t sts_row = 0;
    enum kr_tls_level sts = host ? level_of_sts(d, side, &path, &sts_row) : KR_TLS_MAY;
    bool loosened = kumo && sts_row == 3 && d->policy == KR_POLICY_TESTING && path.level < DANE;
    enum kr_tls_level own = loosened ? KR_TLS_MAY : path.level;
    enum kr_tls_level dane = level_of_row(row, side, &path);
    sts = h ? level_of_name(d, h, sts) : sts;
    enum kr_tls_level level = dane != BASE ? dane : stricter(own, sts);
    if (path.elsewhere && level < DEFER)
        level = KR_TLS_UNSURE;
    if (level == KR_TLS_UNSURE && dane == BASE && outcomes[own][sink] == KR_FAILS)
        level = own;
    note(v, path.elsewhere ? KR_HAZARD_ROUTE : KR_HAZARDS, KR_FAILS);
    enum kr_outcome end = outcomes[level][sink];
    v->sts = sts_row ? sts_row : v->sts;
    note(v, path.dane_only && rows[row].hazard == KR_HAZARDS ? KR_HAZARD_DANE : rows[row].hazard,
         dane != BASE ? end : KR_DELIVERS);
    if (dane == BASE && level == sts && sts != KR_TLS_MAY)
        note(v, hazard_of_sts(d, sts), end);
    if (dane == BASE && outcomes[own][sink] != KR_DELIVERS)
        note(v, own == KR_TLS_UNSURE ? KR_HAZARD_SETTINGS : KR_HAZARD_TLS, outcomes[own][sink]);
    v->hosts[v->n].row = (uint8_t)row;
    v->hosts[v->n].level = (uint8_t)level;
    v->hosts[v->n++].outcome = (uint8_t)end;
}

static void note_domain(const struct kr_domain_facts *d, const struct kr_mta_side *side,
                        struct kr_preflight_verdict *v)
{
    static const enum kr_hazard by_state[] = {
        [KR_ANNOUNCED_NOT] = KR_HAZARDS,
        [KR_ANNOUNCED_VALID] = KR_HAZARD_STS,
        [KR_ANNOUNCED_MALFORMED] = KR_HAZARD_STS_ODD,
        [KR_ANNOUNCED_DOUBLED] = KR_HAZARD_STS_ODD,
        [KR_ANNOUNCED_UNKNOWN] = KR_HAZARD_STS_LOOKUP,
        [KR_ANNOUNCED_UNASKED] = KR_HAZARDS,
    };
    bool sts_breaks = v->breaking >> KR_HAZARD_STS & 1;
    bool odd = by_state[d->sts] == KR_HAZARD_STS_ODD;
    note(v, by_state[d->sts], sts_breaks && odd ? KR_FAILS : KR_DELIVERS);
    if (d->tlsrpt == KR_ANNOUNCED_VALID)
        note(v, KR_HAZARD_TLSRPT, side->tlsrpt ? KR_FAILS : KR_DELIVERS);
    for (size_t i = 0; i < d->n_hosts; i++)
        if (d->hosts[i].flags & (KR_HOST_PRIVATE | KR_HOST_LOOPBACK | KR_HOST_EXEMPT))
            note(v, KR_HAZARD_INSIDE, KR_FAILS);
}

static enum kr_outcome sum(const struct kr_preflight_verdict *v)
{
    unsigned n[KR_OUTCOMES] = {0};
    for (size_t i = 0; i < v->n; i++)
        n[v->hosts[i].outcome]++;
    if (n[KR_FAILS])
        return n[KR_DELIVERS] ? KR_DOWNGRADES : KR_FAILS;
    return n[KR_UNCERTAIN] ? KR_UNCERTAIN : KR_DELIVERS;
}

/* What would be delivered as far as anybody knows, and is not known well enough to say so. */
static void doubt(const struct kr_domain_facts *d, struct kr_preflight_verdict *v)
{
    static const uint8_t open = KR_HOST_UNASKED | KR_HOST_LOST;
    for (size_t i = 0; i < d->n_hosts; i++) {
        uint8_t flags = d->hosts[i].flags;
        note(v, flags & KR_HOST_UNASKED ? KR_HAZARD_UNASKED : KR_HAZARDS, KR_UNCERTAIN);
        note(v, flags & KR_HOST_LOST ? KR_HAZARD_ADDRESS : KR_HAZARDS, KR_UNCERTAIN);
        if (flags & open && v->hosts[i].outcome == KR_DELIVERS)
            v->hosts[i].outcome = KR_UNCERTAIN;
    }
    note(v, d->more_hosts ? KR_HAZARD_MORE : KR_HAZARDS, KR_UNCERTAIN);
    if (v->unsure && v->outcome == KR_DELIVERS)
        v->outcome = KR_UNCERTAIN;
}

/* Row 14: what a released KumoMTA finds under the domain goes for every host. */
static enum kr_row by_domain(const struct kr_domain_facts *d, const struct kr_mta_side *side,
                             enum kr_row row)
{
    bool there = d->own_tlsa == KR_TLSA_USABLE || d->own_tlsa == KR_TLSA_UNUSABLE;
    bool mine = side->column == KR_COLUMN_KUMO_RELEASE && there && rows[row].dane;
    return mine && kr_mta_side_path(side, d, NULL).dane ? KR_ROW_14 : row;
}

void kr_preflight_judge(const struct kr_domain_facts *d, const struct kr_mta_side *side,
                        struct kr_preflight_verdict *out)
{
    *out = (struct kr_preflight_verdict){0};
    for (size_t i = 0; i < d->n_hosts; i++) {
        enum kr_row row = by_domain(d, side, row_of_host(d, &d->hosts[i]));
        judge_host(d, side, row, &d->hosts[i], out);
    }
    if (!d->n_hosts)
        judge_host(d, side, row_of_mx[d->mx], NULL, out);
    note_domain(d, side, out);
    out->outcome = sum(out);
    doubt(d, out);
}

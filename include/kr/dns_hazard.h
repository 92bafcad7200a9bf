/* What may come between a message and the sink; each with a name, a title and a remedy. */
#ifndef KR_DNS_HAZARD_H
#define KR_DNS_HAZARD_H

enum kr_hazard {
    KR_HAZARD_DANE,
    KR_HAZARD_DANE_ENCRYPT,
    KR_HAZARD_HALF_DANE,
    KR_HAZARD_DANE_LOOKUP,
    KR_HAZARD_UNJUDGED,
    KR_HAZARD_STS,
    KR_HAZARD_STS_ODD,
    KR_HAZARD_STS_LOOKUP,
    KR_HAZARD_STS_FETCH,
    KR_HAZARD_TLS,
    KR_HAZARD_DNS,
    KR_HAZARD_ADDRESS,
    KR_HAZARD_UNASKED,
    KR_HAZARD_MORE,
    KR_HAZARD_NO_MAIL,
    KR_HAZARD_NO_ADDRESS,
    KR_HAZARD_INSIDE,
    KR_HAZARD_TLSRPT,
    KR_HAZARD_ROUTE,
    KR_HAZARD_SETTINGS,
    KR_HAZARDS,
};
struct kr_hazard_text {
    const char *id, *title, *remedy;
};
extern const struct kr_hazard_text kr_hazard_texts[KR_HAZARDS];

#endif

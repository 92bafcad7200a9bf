/* What TLS a delivery needs, and what decides that on the MTA's side. */
#ifndef KR_MTA_PATH_H
#define KR_MTA_PATH_H

#include <stdbool.h>

/* What a delivery needs, from the least to the most. */
enum kr_tls_level {
    KR_TLS_MAY,           /* any sink will do */
    KR_TLS_OPPORTUNISTIC, /* KumoMTA: clear is fine, but what is offered must verify */
    KR_TLS_ENCRYPT,       /* any TLS */
    KR_TLS_VERIFY,        /* a certificate that is trusted and names the MX host */
    KR_TLS_DANE,          /* one that matches the TLSA records */
    KR_TLS_DEFER,         /* nothing: there is no delivery */
    KR_TLS_BOUNCE,        /* nor will there be */
    KR_TLS_UNSURE,
    KR_TLS_LEVELS,
};
const char *kr_tls_level_name(enum kr_tls_level l);

/* How deliveries to one domain by one of its hosts are set. */
struct kr_mta_path {
    enum kr_tls_level level;  /* before DANE and MTA-STS have their say */
    bool dane, dane_only;     /* dane_only: nothing but DANE will do (Postfix) */
    bool half_dane;           /* also where the MX is insecure */
    bool mta_sts, sts_lookup; /* sts_lookup: a policy that matches no MX still stops it (KumoMTA) */
    bool no_sni;              /* the MX host is not named in the handshake (Postfix, by default) */
    bool elsewhere;           /* not by SMTP to port 25 of the MX hosts */
};

#endif

/* The text of an MTA-STS policy (RFC 8461 section 3.2), and how fetching one may end. */
#ifndef KR_MTASTS_H
#define KR_MTASTS_H

#include <kr/dns_txt.h>

#include <stdbool.h>
#include <stdint.h>

#define KR_STS_BYTES 65536u        /* of a policy, at most (RFC 8461 section 3.3) */
#define KR_STS_MAX_AGE 31557600u   /* seconds; more counts as this */
#define KR_STS_PATTERNS_MOST 1024u /* names in it */

enum kr_sts_mode { KR_STS_ENFORCE, KR_STS_TESTING, KR_STS_NONE };
struct kr_sts_text {
    enum kr_sts_mode mode;
    uint32_t max_age; /* seconds */
    size_t n_mx;
    struct {
        const char *s; /* in the text */
        size_t len;
    } mx[KR_STS_PATTERNS_MOST];
};
/* NULL, or what is wrong with it. Of a key that is there twice the first counts, but for mx; keys
 * nobody knows are passed over. *out refers to the text. */
const char *kr_sts_text_read(const char *text, size_t len, struct kr_sts_text *out);
/* Is the host (as text, without a final dot) among its names? "*." stands for exactly one label. */
bool kr_sts_text_names(const struct kr_sts_text *t, const char *host);

enum kr_fetched {
    KR_FETCH_NOT,     /* nobody asked for it */
    KR_FETCH_CAME,    /* a text came as the RFC wants it; whether it is a policy shows then */
    KR_FETCH_ADDRESS, /* mta-sts.<domain> has none */
    KR_FETCH_LOOKUP,  /* its lookup fails */
    KR_FETCH_CONNECT, /* refused, unreachable, reset */
    KR_FETCH_TIMEOUT,
    KR_FETCH_TLS, /* no TLS 1.2 or later */
    KR_FETCH_UNTRUSTED,
    KR_FETCH_EXPIRED, /* or not valid yet */
    KR_FETCH_NAME,    /* the certificate names another host */
    KR_FETCH_REDIRECT,
    KR_FETCH_STATUS, /* not 200, for good */
    KR_FETCH_BUSY,   /* a status that may be another one soon */
    KR_FETCH_MEDIA,
    KR_FETCH_OVERSIZE,
    KR_FETCH_HTTP,    /* not HTTP, or it broke off */
    KR_FETCH_GRAMMAR, /* what came is no policy */
    KR_FETCH_NOBODY,  /* the program that fetches came to an end first */
    KR_FETCHES,
};
const char *kr_fetched_name(enum kr_fetched f);
const char *kr_fetched_title(enum kr_fetched f);
/* What an MTA makes of it that has no policy in its cache: UNUSABLE, UNKNOWN or UNFETCHED. */
enum kr_sts_policy kr_fetched_policy(enum kr_fetched f);

#endif

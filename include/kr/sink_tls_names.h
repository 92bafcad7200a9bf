/* Names for TLS clients that ask for none, as OpenSMTPD does not. */
#ifndef KR_SINK_TLS_NAMES_H
#define KR_SINK_TLS_NAMES_H

#include <kr/addr.h>

struct kr_err;

/* What the certificate says to a client that meant an address in `to` and asks for no name. */
struct kr_tls_name {
    struct kr_prefix to;
    const char *name;
};
struct kr_tls_names { /* the first that fits counts */
    struct kr_tls_name *v;
    size_t n, cap;
};
/* "NAME" for every address, "PREFIX=NAME" for those in there; `text` must outlive the list. Returns
 * 0, or -1 (KR_USAGE). */
int kr_tls_names_add(struct kr_tls_names *l, const char *text, struct kr_err *e);
/* NULL: none fits. */
const char *kr_tls_name_for(const struct kr_tls_names *l, const struct kr_addr *meant);
/* Letters, digits, dots, hyphens and underscores: what is asked for goes into a certificate. */
bool kr_tls_is_name(const char *name);

#endif

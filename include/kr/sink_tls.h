/* TLS for the sink: 1.2 and 1.3, session tickets that all workers understand, no ALPN. */
#ifndef KR_SINK_TLS_H
#define KR_SINK_TLS_H

#include <openssl/ssl.h>

#include <kr/addr.h>

struct kr_err;
struct kr_tls_names;
struct kr_tls; /* keys, and the certificates made so far */

enum kr_tls_mode { KR_TLS_OFF, KR_TLS_SELF_SIGNED, KR_TLS_LAB_CA };

/* Should: be called before privileges go (the key of the lab CA) and before the workers are forked,
 * which then share key and tickets. `names` must outlive it. NULL: KR_CANNOT, KR_USAGE. */
struct kr_tls *kr_tls_make(enum kr_tls_mode mode, const char *ca_dir,
                           const struct kr_tls_names *names, struct kr_err *e);
void kr_tls_free(struct kr_tls *t);
/* A server's side for this socket. A lab CA makes a certificate for the name the client asks for;
 * when it asks for none, for the one `names` has for `meant`, or for `meant` itself. NULL: no
 * memory. */
SSL *kr_tls_accept(struct kr_tls *t, int fd, const struct kr_addr *meant);
/* How many certificates were made in this process. */
uint64_t kr_tls_minted(const struct kr_tls *t);

#endif

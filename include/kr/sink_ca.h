/* The lab's certificate authority: P-256, made once, kept in a folder as ca.pem and ca.key. Whoever
 * trusts it takes the sink for any mail server; so it belongs into the trust store of a machine
 * under test, for the time of the test. */
#ifndef KR_SINK_CA_H
#define KR_SINK_CA_H

#include <kr/addr.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct kr_err;

#define KR_CA_DIR "/var/lib/kumo-sink"

struct kr_ca {
    X509 *cert;    /* of the authority; NULL: what it makes is signed by its own key */
    EVP_PKEY *key; /* the authority's, or that of the certificates themselves */
};

/* Reads the authority in `dir`; makes folder and authority when there is none and `make` is true.
 * Returns 0, or -1 (KR_CANNOT, KR_USAGE: a key others may read, a certificate of another key). */
int kr_ca_open(struct kr_ca *ca, const char *dir, bool make, struct kr_err *e);
void kr_ca_close(struct kr_ca *ca);

/* A new P-256 key. NULL: KR_CANNOT. */
EVP_PKEY *kr_ca_key(struct kr_err *e);
/* A certificate for `key`, for a name (at most 253 octets; longer: NULL), and for an address unless
 * it is NULL; valid from a day ago for 90 days. NULL: it could not be made. */
X509 *kr_ca_mint(const struct kr_ca *ca, EVP_PKEY *key, const char *name,
                 const struct kr_addr *address);

/* The commands `kumo-sink ca print`, `install`, `remove`. Returns 0, or -1. */
int kr_ca_command(int argc, char **argv, struct kr_err *e);

#endif

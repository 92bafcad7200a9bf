/* All certificates are for one key, so that making one costs a signature and no more; they are kept
 * by name, and all forgotten when there are too many. */
#include <kr/sink_tls.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/sink_ca.h>
#include <kr/sink_tls_names.h>

#include "dice.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ROOM 16384u /* of the table of certificates, a power of two; half of it is used */
#define TICKET_KEYS 80

struct named {
    char *name;
    X509 *cert;
};
struct kr_tls {
    SSL_CTX *ctx;
    struct kr_ca ca;
    EVP_PKEY *key;
    const struct kr_tls_names *names;
    struct named *table;
    size_t n;
    uint64_t minted;
};

static struct named *place(struct kr_tls *t, const char *name)
{
    uint64_t h = dice_mix(dice_text(0, name, strlen(name)));
    struct named *at = &t->table[h & (ROOM - 1)];
    for (; at->name && strcasecmp(at->name, name) != 0; at = &t->table[++h & (ROOM - 1)])
        ;
    return at;
}

static void forget(struct kr_tls *t)
{
    for (size_t i = 0; i < ROOM; i++) {
        free(t->table[i].name);
        X509_free(t->table[i].cert);
        t->table[i] = (struct named){0};
    }
    t->n = 0;
}

static X509 *certificate(struct kr_tls *t, const char *name, const struct kr_addr *address)
{
    if (t->n >= ROOM / 2)
        forget(t);
    struct named *at = place(t, name);
    if (at->cert)
        return at->cert;
    X509 *cert = kr_ca_mint(&t->ca, t->key, name, address);
    if (!cert)
        return NULL;
    *at = (struct named){kr_strdup(name), cert};
    t->n++;
    t->minted++;
    return cert;
}

static int choose(SSL *ssl, void *arg)
{
    struct kr_tls *t = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const struct kr_addr *meant = SSL_get_app_data(ssl);
    struct kr_addr address = *meant;
    char text[KR_ADDRSTRLEN];
    if (!t->ca.cert)
        name = "kumo-sink";
    else if (!name || !kr_tls_is_name(name))
        name = kr_tls_name_for(t->names, meant);
    if (!name)
        name = kr_addr_str(meant, text);
    /* Some clients ask for an address by name, though RFC 6066 3 forbids it. */
    bool numeric = t->ca.cert && kr_addr_parse(name, &address, NULL) == 0;
    X509 *cert = certificate(t, name, numeric ? &address : NULL);
    return cert && SSL_use_certificate(ssl, cert) && SSL_use_PrivateKey(ssl, t->key);
}

static int setup(struct kr_tls *t)
{
    static const unsigned char context[] = "kumo-sink";
    unsigned char ticket_keys[TICKET_KEYS];
    t->ctx = SSL_CTX_new(TLS_server_method());
    if (!t->ctx || RAND_bytes(ticket_keys, sizeof ticket_keys) != 1)
        return -1;
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_cb(t->ctx, choose, t);
    bool good = SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) &&
                SSL_CTX_set_num_tickets(t->ctx, 1) &&
                SSL_CTX_set_session_id_context(t->ctx, context, sizeof context - 1) &&
                SSL_CTX_set_tlsext_ticket_keys(t->ctx, ticket_keys, sizeof ticket_keys);
    OPENSSL_cleanse(ticket_keys, sizeof ticket_keys);
    return good ? 0 : -1;
}

static int get_keys(struct kr_tls *t, enum kr_tls_mode mode, const char *ca_dir, struct kr_err *e)
{
    t->key = kr_ca_key(e);
    if (!t->key)
        return -1;
    if (mode == KR_TLS_LAB_CA && kr_ca_open(&t->ca, ca_dir, true, e))
        return -1;
    if (mode != KR_TLS_LAB_CA) {
        EVP_PKEY_up_ref(t->key);
        t->ca.key = t->key;
    }
    tzset(); /* dates want the time zone, whose file workers can't read */
    return certificate(t, "kumo-sink", NULL)
               ? 0
               : kr_fail(e, KR_CANNOT, 0, "no certificate could be made");
}

struct kr_tls *kr_tls_make(enum kr_tls_mode mode, const char *ca_dir,
                           const struct kr_tls_names *names, struct kr_err *e)
{
    struct kr_tls *t = kr_calloc(1, sizeof *t);
    t->names = names;
    t->table = kr_calloc(ROOM, sizeof *t->table);
    if (get_keys(t, mode, ca_dir, e) == 0 &&
        (setup(t) == 0 || kr_fail(e, KR_CANNOT, 0, "OpenSSL: TLS can't be set up") == 0))
        return t;
    kr_tls_free(t);
    return NULL;
}

void kr_tls_free(struct kr_tls *t)
{
    if (!t)
        return;
    forget(t);
    free(t->table);
    SSL_CTX_free(t->ctx);
    EVP_PKEY_free(t->key);
    kr_ca_close(&t->ca);
    free(t);
}

SSL *kr_tls_accept(struct kr_tls *t, int fd, const struct kr_addr *meant)
{
    SSL *ssl = SSL_new(t->ctx);
    if (!ssl || !SSL_set_fd(ssl, fd)) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_app_data(ssl, (void *)(uintptr_t)meant);
    SSL_set_accept_state(ssl);
    return ssl;
}

uint64_t kr_tls_minted(const struct kr_tls *t)
{
    return t->minted;
}

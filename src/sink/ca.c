#include <kr/sink_ca.h>

#include <kr/err.h>
#include <kr/log.h>
#include <kr/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY 86400L
#define CA_DAYS 365L
#define LEAF_DAYS 90L

static int crypto_fail(struct kr_err *e, const char *what)
{
    char text[200];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    return kr_fail(e, KR_CANNOT, 0, "%s: %s", what, text);
}

EVP_PKEY *kr_ca_key(struct kr_err *e)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (!key)
        crypto_fail(e, "making a P-256 key");
    return key;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool good = x && X509_add_ext(cert, x, -1);
    X509_EXTENSION_free(x);
    return good;
}

static bool set_serial(X509 *cert)
{
    unsigned char raw[16];
    if (RAND_bytes(raw, sizeof raw) != 1)
        return false;
    raw[0] &= 0x7f; /* positive (RFC 5280 4.1.2.2) */
    BIGNUM *n = BN_bin2bn(raw, sizeof raw, NULL);
    bool good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return good;
}

/* Version 3, serial number, name, validity and key; not yet signed. */
static X509 *blank(const char *name, long days, EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;
    int n = (int)strnlen(name, 64); /* ub-common-name (RFC 5280 appendix A) */
    if (subject && X509_set_version(cert, 2) && set_serial(cert) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, n, -1,
                                   0) &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) &&
        X509_gmtime_adj(X509_getm_notAfter(cert), days * DAY) && X509_set_pubkey(cert, key))
        return cert;
    X509_free(cert);
    return NULL;
}

static bool add_name(GENERAL_NAMES *list, int type, int string_type, const void *data, size_t n)
{
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_STRING *s = ASN1_STRING_type_new(string_type);
    if (g && s && ASN1_STRING_set(s, data, (int)n) && sk_GENERAL_NAME_push(list, g)) {
        GENERAL_NAME_set0_value(g, type, s);
        return true;
    }
    GENERAL_NAME_free(g);
    ASN1_STRING_free(s);
    return false;
}

static bool add_names(X509 *cert, const char *name, const struct kr_addr *address)
{
    uint8_t raw[16];
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    bool good = list && add_name(list, GEN_DNS, V_ASN1_IA5STRING, name, strlen(name)) &&
                (!address || add_name(list, GEN_IPADD, V_ASN1_OCTET_STRING, raw,
                                      kr_addr_bytes(address, raw))) &&
                X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0);
    GENERAL_NAMES_free(list);
    return good;
}

X509 *kr_ca_mint(const struct kr_ca *ca, EVP_PKEY *key, const char *name,
                 const struct kr_addr *address)
{
    if (strlen(name) > 253)
        return NULL;
    X509 *cert = blank(name, LEAF_DAYS, key);
    X509 *issuer = ca->cert ? ca->cert : cert;
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
        add_names(cert, name, address) &&
        add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, issuer, NID_ext_key_usage, "serverAuth") &&
        X509_sign(cert, ca->key, EVP_sha256()))
        return cert;
    X509_free(cert);
    return NULL;
}

/* ---- the authority itself -----------------------------------------------------------------------
 */

static int make_authority(struct kr_ca *ca, struct kr_err *e)
{
    unsigned char raw[4];
    char name[64];
    ca->key = kr_ca_key(e);
    if (!ca->key)
        return -1;
    if (RAND_bytes(raw, sizeof raw) != 1)
        return crypto_fail(e, "random numbers");
    snprintf(name, sizeof name, "kumo-sink lab CA %02x%02x%02x%02x", raw[0], raw[1], raw[2],
             raw[3]);
    ca->cert = blank(name, CA_DAYS, ca->key);
    if (ca->cert && X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert)) &&
        add_extension(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(ca->cert, ca->cert, NID_subject_key_identifier, "hash") &&
        X509_sign(ca->cert, ca->key, EVP_sha256()))
        return 0;
    return crypto_fail(e, "making the lab CA");
}

struct place {
    char cert[4200], key[4200];
};

static int place_of(struct place *p, const char *dir, struct kr_err *e)
{
    if (strlen(dir) > 4096)
        return kr_fail(e, KR_USAGE, 0, "--ca-dir is too long");
    snprintf(p->cert, sizeof p->cert, "%s/ca.pem", dir);
    snprintf(p->key, sizeof p->key, "%s/ca.key", dir);
    return 0;
}

/* A new file in one step: whole under its name, or not there. */
static int save(const char *path, mode_t mode, const struct kr_ca *ca, bool key, struct kr_err *e)
{
    char temporary[4300];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return kr_fail(e, KR_CANNOT, errno, "%s", temporary);
    int good = key ? PEM_write_PrivateKey(f, ca->key, NULL, NULL, 0, NULL, NULL)
                   : PEM_write_X509(f, ca->cert);
    bool flushed = fchmod(fd, mode) == 0 && fflush(f) == 0 && fsync(fd) == 0;
    bool closed = fclose(f) == 0;
    if (!good || !flushed || !closed || rename(temporary, path))
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    return 0;
}

/* The certificate last: without it there is no authority. */
static int create(struct kr_ca *ca, const char *dir, const struct place *p, struct kr_err *e)
{
    if (make_authority(ca, e) || save(p->key, 0600, ca, true, e) ||
        save(p->cert, 0644, ca, false, e))
        return -1;
    kr_info("made a lab CA in %s", dir);
    return 0;
}

static int open_key(struct kr_ca *ca, const char *path, struct kr_err *e)
{
    struct stat st;
    FILE *f = fopen(path, "re");
    if (!f)
        return kr_fail(e, KR_CANNOT, errno, "%s", path);
    bool open = fstat(fileno(f), &st) || (st.st_mode & 077) != 0;
    ca->key = open ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    if (open)
        return kr_fail(e, KR_USAGE, 0, "%s may be read by others; it is no secret any more", path);
    return ca->key ? 0 : crypto_fail(e, path);
}

/* 1; 0: there is none; -1. */
static int read_pair(struct kr_ca *ca, const struct place *p, bool with_key, struct kr_err *e)
{
    FILE *f = fopen(p->cert, "re");
    if (!f)
        return errno == ENOENT ? 0 : kr_fail(e, KR_CANNOT, errno, "%s", p->cert);
    ca->cert = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    if (!ca->cert)
        return crypto_fail(e, p->cert);
    if (!with_key)
        return 1;
    if (open_key(ca, p->key, e))
        return -1;
    return X509_check_private_key(ca->cert, ca->key)
               ? 1
               : kr_fail(e, KR_USAGE, 0, "%s and %s do not belong together", p->cert, p->key);
}

/* Of several that find none at the same time, one makes it, and the others wait and take it. */
static int read_or_create(struct kr_ca *ca, const char *dir, const struct place *p,
                          struct kr_err *e)
{
    if (mkdir(dir, 0755) && errno != EEXIST)
        return kr_fail(e, KR_CANNOT, errno, "--ca-dir '%s'", dir);
    KR_AUTO_FD int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX))
        return kr_fail(e, KR_CANNOT, errno, "--ca-dir '%s'", dir);
    int got = read_pair(ca, p, true, e);
    if (got == 0)
        return create(ca, dir, p, e);
    return got < 0 ? -1 : 0;
}

int kr_ca_open(struct kr_ca *ca, const char *dir, bool make, struct kr_err *e)
{
    struct place p;
    *ca = (struct kr_ca){0};
    if (place_of(&p, dir, e))
        return -1;
    int got = read_pair(ca, &p, make, e);
    if (got == 0)
        return make ? read_or_create(ca, dir, &p, e) : kr_fail(e, KR_CANNOT, ENOENT, "%s", p.cert);
    return got < 0 ? -1 : 0;
}

void kr_ca_close(struct kr_ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    *ca = (struct kr_ca){0};
}

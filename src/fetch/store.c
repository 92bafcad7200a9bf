#include "fetch.h"

#include <kr/err.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

/* Debian, Ubuntu, Arch; Fedora, RHEL; SUSE; Alpine. */
static const char *const places[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
};

static const char *find(void)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

/* All at once, since nothing can be opened later. */
X509_STORE *fetch_store_load(const char *file, struct kr_err *e)
{
    const char *path = file ? file : find();
    X509_STORE *s = path ? X509_STORE_new() : NULL;
    if (!path) {
        kr_fail(e, KR_CANNOT, 0, "there are no CA certificates (package ca-certificates)");
        return NULL;
    }
    if (s && access(path, R_OK) == 0 && X509_STORE_load_file(s, path) == 1) {
        X509_STORE_set_flags(s, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
        return s;
    }
    int why = access(path, R_OK) ? errno : 0;
    kr_fail(e, file ? KR_USAGE : KR_CANNOT, why,
            why ? "--ca-file '%s'" : "--ca-file '%s' holds no CA certificates", path);
    X509_STORE_free(s);
    return NULL;
}

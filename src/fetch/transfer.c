/* A policy comes by the rules of RFC 8461 section 3.3: HTTPS with TLS 1.2 or later, a certificate
 * that leads to a CA and names the host by DNS-ID, status 200, no redirect, no cache, 64 KiB at
 * most. A sink is asked by SMTP for STARTTLS under the name of an MX host. Names are never looked
 * up here: the addresses come with the job. */
#include "fetch.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 20000

/* Not curl's own idea of a name: a certificate without DNS-ID names nobody (RFC 6125). */
static CURLcode trust(CURL *easy, void *ctx, void *arg)
{
    const struct transfer *t = arg;
    X509_VERIFY_PARAM *p = SSL_CTX_get0_param(ctx);
    (void)easy;
    SSL_CTX_set1_cert_store(ctx, t->store);
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(p, t->host, 0) == 1 &&
                   SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1
               ? CURLE_OK
               : CURLE_SSL_CERTPROBLEM;
}

static size_t on_body(const char *b, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    t->oversize = t->body.len + size * n > KR_STS_BYTES;
    if (t->oversize)
        return 0;
    kr_buf_add(&t->body, b, size * n);
    return size * n;
}

static size_t on_header(const char *b, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    (void)b;
    t->head += size * n;
    t->oversize = t->head > KR_STS_BYTES;
    return t->oversize ? 0 : size * n;
}

/* "HOST:PORT:ADDRESS,ADDRESS". */
static void resolve(struct transfer *t, const struct kr_fetch_job *j)
{
    KR_AUTO_BUF struct kr_buf b = {0};
    char a[KR_ADDRSTRLEN];
    kr_buf_printf(&b, "%s:%u:", j->host, j->port);
    for (size_t i = 0; i < j->n; i++)
        kr_buf_printf(&b, kr_addr_is_v4(&j->addrs[i]) ? "%s%s" : "%s[%s]", i ? "," : "",
                      kr_addr_str(&j->addrs[i], a));
    t->resolve = curl_slist_append(NULL, b.s);
    curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve);
}

static void set_common(struct transfer *t, uint64_t ms)
{
    CURL *c = t->easy;
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)ms);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(ms < CONNECT_MS ? ms : CONNECT_MS));
    curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, trust);
    curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
}

static void set_policy(CURL *c, const struct kr_fetch_job *j)
{
    char url[512];
    snprintf(url, sizeof url, "https://%s:%u/.well-known/mta-sts.txt", j->host, j->port);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)KR_STS_BYTES);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "kumo-redirect/" KR_VERSION);
}

/* Greeting, EHLO, STARTTLS, EHLO; then it is over. */
static void set_sink(CURL *c, const struct kr_fetch_job *j)
{
    char url[512];
    snprintf(url, sizeof url, "smtp://%s:%u/kumo-redirect.invalid", j->host, j->port);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp");
    curl_easy_setopt(c, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
}

int transfer_begin(struct transfer *t, CURLM *multi, const struct kr_fetch_job *j, uint64_t ms)
{
    static void (*const set[])(CURL *, const struct kr_fetch_job *) = {
        [KR_FETCH_POLICY] = set_policy, [KR_FETCH_SINK] = set_sink};
    t->easy = curl_easy_init();
    if (!t->easy)
        return -1;
    t->id = j->id;
    t->kind = j->kind;
    t->oversize = false;
    t->head = t->body.len = 0;
    *t->error = '\0';
    snprintf(t->host, sizeof t->host, "%s", j->host);
    set_common(t, ms);
    set[j->kind](t->easy, j);
    resolve(t, j);
    t->busy = curl_multi_add_handle(multi, t->easy) == CURLM_OK;
    if (!t->busy)
        transfer_end(t, multi);
    return t->busy ? 0 : -1;
}

void transfer_end(struct transfer *t, CURLM *multi)
{
    if (t->busy)
        curl_multi_remove_handle(multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->resolve);
    t->easy = NULL;
    t->resolve = NULL;
    t->busy = false;
}

/* ---- what came of it ---- */

static enum kr_fetched of_certificate(CURL *c)
{
    long why = 0;
    curl_easy_getinfo(c, CURLINFO_SSL_VERIFYRESULT, &why);
    if (why == X509_V_ERR_HOSTNAME_MISMATCH)
        return KR_FETCH_NAME;
    return why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID
               ? KR_FETCH_EXPIRED
               : KR_FETCH_UNTRUSTED;
}

/* A connection that breaks off in the handshake may have another reason than TLS. */
static enum kr_fetched of_handshake(const char *error)
{
    bool broke = strstr(error, "SSL_ERROR_SYSCALL") || strstr(error, "unexpected eof") ||
                 strstr(error, "reset by peer");
    return broke ? KR_FETCH_CONNECT : KR_FETCH_TLS;
}

static bool is_plain_text(CURL *c)
{
    static const char wanted[] = "text/plain";
    char *type = NULL;
    curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
    if (!type)
        return false;
    type += strspn(type, " \t");
    size_t n = strcspn(type, "; \t");
    const char *rest = type + n + strspn(type + n, " \t");
    return n == sizeof wanted - 1 && strncasecmp(type, wanted, n) == 0 && (!*rest || *rest == ';');
}

static enum kr_fetched of_status(CURL *c, long status)
{
    if (status == 200)
        return is_plain_text(c) ? KR_FETCH_CAME : KR_FETCH_MEDIA;
    if (status >= 300 && status < 400)
        return KR_FETCH_REDIRECT;
    return status >= 500 || status == 408 || status == 425 || status == 429 ? KR_FETCH_BUSY
                                                                            : KR_FETCH_STATUS;
}

/* What the status says goes before what became of the body. */
static enum kr_fetched how_it_ended(const struct transfer *t, CURLcode code, long status)
{
    bool policy = t->kind == KR_FETCH_POLICY;
    if (policy && status >= 200 && (code == CURLE_OK || status != 200))
        return of_status(t->easy, status);
    if (t->oversize || code == CURLE_FILESIZE_EXCEEDED)
        return KR_FETCH_OVERSIZE;
    switch (code) {
    case CURLE_OK:
        return policy ? KR_FETCH_HTTP : KR_FETCH_CAME;
    case CURLE_PEER_FAILED_VERIFICATION:
        return of_certificate(t->easy);
    case CURLE_SSL_CONNECT_ERROR:
        return of_handshake(t->error);
    case CURLE_OPERATION_TIMEDOUT:
        return KR_FETCH_TIMEOUT;
    case CURLE_COULDNT_CONNECT:
        return KR_FETCH_CONNECT;
    default:
        return KR_FETCH_HTTP;
    }
}

static enum kr_sink_tls sink_of(enum kr_fetched how, CURLcode code)
{
    if (code == CURLE_USE_SSL_FAILED)
        return KR_SINK_CLEAR;
    if (how == KR_FETCH_CAME)
        return KR_SINK_TRUSTED;
    bool shown = how == KR_FETCH_UNTRUSTED || how == KR_FETCH_EXPIRED || how == KR_FETCH_NAME;
    return shown ? KR_SINK_UNTRUSTED : KR_SINK_UNTOLD;
}

struct kr_fetch_done transfer_done(struct transfer *t, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    status = status >= 0 && status < 1000 ? status : 0;
    enum kr_fetched how = how_it_ended(t, code, status);
    const char *words = *t->error ? t->error : curl_easy_strerror(code);
    bool text = t->kind == KR_FETCH_POLICY && how == KR_FETCH_CAME;
    return (struct kr_fetch_done){.id = t->id,
                                  .how = how,
                                  .sink = sink_of(how, code),
                                  .http = (uint16_t)status,
                                  .text = text ? kr_buf_str(&t->body) : words,
                                  .len = text ? t->body.len : strlen(words)};
}

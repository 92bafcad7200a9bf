/* The parts of kumo-fetch. */
#ifndef KR_FETCH_H
#define KR_FETCH_H

#include <kr/fetch_record.h>

#include <curl/curl.h>
#include <openssl/x509_vfy.h>

struct kr_err;

struct fetch_options {
    const char *ca_file; /* NULL: the system's */
    uint64_t seconds;    /* for each job */
};
int fetch_options_read(int argc, char **argv, struct fetch_options *o, struct kr_err *e);
/* The CAs of a file (PEM), or the system's when it is NULL. NULL: error (KR_USAGE, KR_CANNOT). */
X509_STORE *fetch_store_load(const char *file, struct kr_err *e);
/* Should: be called when files are read and the multi handle is there. */
int fetch_filter(struct kr_err *e);

/* One connection, of one job. */
struct transfer {
    CURL *easy;
    X509_STORE *store;
    struct curl_slist *resolve;
    struct kr_buf body;
    uint32_t id;
    enum kr_fetch_kind kind;
    bool busy, oversize;
    size_t head; /* bytes of header lines */
    char host[256], error[CURL_ERROR_SIZE];
};
/* 0, or -1: it could not be begun. */
int transfer_begin(struct transfer *t, CURLM *multi, const struct kr_fetch_job *j, uint64_t ms);
/* What came of it; refers to t until transfer_end. */
struct kr_fetch_done transfer_done(struct transfer *t, CURLcode code);
void transfer_end(struct transfer *t, CURLM *multi);

#endif

/* What kumo-preflight and kumo-fetch say to each other: frames (<kr/dns_record.h>) over a socket.
 */
#ifndef KR_FETCH_RECORD_H
#define KR_FETCH_RECORD_H

#include <kr/addr.h>
#include <kr/buf.h>
#include <kr/dns_record.h>
#include <kr/mta_side.h>
#include <kr/mtasts.h>

#define KR_FETCH_FRAME_READY 'y' /* empty: jobs may come */
#define KR_FETCH_FRAME_JOB 'j'
#define KR_FETCH_FRAME_DONE 'r'
#define KR_FETCH_AT_ONCE 64u /* jobs that are out, at most */

enum kr_fetch_kind {
    KR_FETCH_POLICY, /* GET https://HOST/.well-known/mta-sts.txt */
    KR_FETCH_SINK,   /* STARTTLS with a sink, as if it were HOST */
    KR_FETCH_KINDS,
};
struct kr_fetch_job {
    uint32_t id; /* the asker's own */
    enum kr_fetch_kind kind;
    const char *host;
    struct kr_addr addrs[8];
    size_t n;
    uint16_t port;
};
struct kr_fetch_done {
    uint32_t id;
    enum kr_fetched how;
    enum kr_sink_tls sink; /* of KR_FETCH_SINK */
    uint16_t http;         /* status, or the SMTP reply code; 0: none */
    const char *text;      /* the policy's text, or what the sink did, in words */
    size_t len;
};
/* Can that be a job's host? Of letters, digits, hyphens, dots and underscores. */
bool kr_fetch_host_fits(const char *s);
void kr_fetch_job_write(struct kr_buf *b, const struct kr_fetch_job *j);
void kr_fetch_done_write(struct kr_buf *b, const struct kr_fetch_done *d);
/* 0, or -1: malformed. What they refer to lives in data. */
int kr_fetch_job_read(const uint8_t *data, size_t len, struct kr_fetch_job *out);
int kr_fetch_done_read(const uint8_t *data, size_t len, struct kr_fetch_done *out);

#endif

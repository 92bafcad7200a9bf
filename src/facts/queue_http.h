/* A client for HTTP listeners of mail servers on this machine. */
#ifndef KR_QUEUE_HTTP_H
#define KR_QUEUE_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kr_buf;
struct kr_err;

/* One request, one answer. The text after the headers goes to *body. Returns the
 * status, or -1 (KR_UNKNOWN). `pid`: from that process's network namespace; 0: from ours. */
struct kr_http_at {
    pid_t pid;
    bool v6;
    uint16_t port;
    uint8_t addr[16];
};
/* "http://ADDRESS:PORT" with no more than a slash behind it. -1: KR_USAGE. */
int kr_http_url(const char *url, struct kr_http_at *out, struct kr_err *e);
int kr_http(const struct kr_http_at *at, const char *method, const char *path, const char *json,
            unsigned most_ms, struct kr_buf *body, struct kr_err *e);

#endif

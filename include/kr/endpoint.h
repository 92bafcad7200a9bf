/* "ADDR[-ADDR]:PORT", "[v6]:port": a range of addresses of one family and a port. */
#ifndef KR_ENDPOINT_H
#define KR_ENDPOINT_H

#include <kr/addr.h>

struct kr_endpoint {
    struct kr_addr first, last; /* same family, first <= last */
    uint16_t port;              /* 1..65535 */
};

/* "192.0.2.1:2026", "192.0.2.1-192.0.2.9:2026", "[2001:db8::1]:2026",
 * "[2001:db8::1-2001:db8::9]:2026". Returns 0, or -1 (KR_USAGE, quotes the text and says what is
 * wrong: a missing port, port 0 or above 65535, a malformed address, mixed families, a range that
 * runs backwards or holds over 65,536). */
int kr_endpoint_parse(const char *text, struct kr_endpoint *out, struct kr_err *e);
const char *kr_endpoint_str(const struct kr_endpoint *ep, char out[static 2 * KR_ADDRSTRLEN]);
/* 1..65535; quotes the text when it is not. */
int kr_port_parse(const char *text, uint16_t *out, struct kr_err *e);

#endif

/* Proving the redirect: connections to documentation addresses that must meet the sink. */
#ifndef KR_PROBE_H
#define KR_PROBE_H

#include <kr/addr.h>
#include <kr/endpoint.h>

struct kr_err;

enum kr_probe_result {
    KR_PROBE_SINK,    /* greeted by the sink, with the nonce and the right original destination */
    KR_PROBE_FOREIGN, /* somebody else answered: `greeting` says who */
    KR_PROBE_REFUSED, /* RST or ICMP error: blocked, or the sink does not listen */
    KR_PROBE_SILENT,  /* no answer in time */
    KR_PROBE_ERROR,   /* could not be tried: `sys` is the errno value */
};
const char *kr_probe_result_name(enum kr_probe_result r);

struct kr_probe {
    struct kr_addr source, destination; /* one family; source port is the kernel's choice */
    uint16_t port;
    enum kr_probe_result result;
    int sys;
    char greeting[256]; /* first line, printable */
    unsigned ms;
};

/* Runs all probes at once (nonblocking, poll(2)), each at most timeout_ms. With `nonce`: the
 * greeting must contain it and the address literal of the destination ("[203.0.113.5]", "[IPv6:…]",
 * RFC 5321 4.1.3). Without (a foreign sink): it must be a 220 greeting and conntrack must say that
 * the reply comes from `sink`. Says QUIT and waits for the end. Returns 0 (results in the probes)
 * or -1. */
int kr_probe_run(struct kr_probe *probes, size_t n, const char *nonce,
                 const struct kr_endpoint *sink, unsigned timeout_ms, struct kr_err *e);
/* The documentation address number i of a family (RFC 5737, RFC 3849). */
struct kr_addr kr_probe_destination(int family, unsigned i);

#endif

/* resolv.conf(5) as glibc reads it, and the servers in it. */
#ifndef KR_DNS_RESOLVCONF_H
#define KR_DNS_RESOLVCONF_H

#include <kr/addr.h>

#define KR_DNS_SERVERS 3 /* MAXNS of <resolv.h> */

struct kr_err;

struct kr_dns_server {
    struct kr_addr addr;
    uint32_t scope; /* interface index of a link-local address; 0: none */
    uint16_t port;
};
struct kr_resolvconf {
    struct kr_dns_server v[KR_DNS_SERVERS];
    size_t n;
    unsigned timeout, attempts; /* seconds; tries of each server */
    bool edns0, trust_ad;
};

/* Never fails: what glibc passes over is passed over. A file without a server means 127.0.0.1. */
void kr_resolvconf_parse(const char *text, size_t len, struct kr_resolvconf *out);
/* A file that is not there is an empty one. 0, or -1 (KR_CANNOT). */
int kr_resolvconf_read(const char *path, struct kr_resolvconf *out, struct kr_err *e);
/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:53", "fe80::1%eth0". 0, or -1
 * (KR_USAGE). */
int kr_dns_server_parse(const char *text, struct kr_dns_server *out, struct kr_err *e);
const char *kr_dns_server_str(const struct kr_dns_server *s, char out[static 2 * KR_ADDRSTRLEN]);
socklen_t kr_dns_server_sockaddr(const struct kr_dns_server *s, struct sockaddr_storage *out);

#endif

/* Addresses, prefixes and endpoints of both families as one type: IPv4 is held v4-mapped
 * (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so prefix lengths are 0..128 and an IPv4 /24 is /120.
 */
#ifndef KR_ADDR_H
#define KR_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct kr_err;

struct kr_addr {
    uint8_t b[16];
};
struct kr_prefix {
    struct kr_addr addr; /* host bits are zero */
    uint8_t len;         /* 0..128, v4-mapped space */
};
#define KR_ADDRSTRLEN 64 /* enough for any kr_*_str below, with port and brackets */

bool kr_addr_is_v4(const struct kr_addr *a);
bool kr_addr_is_loopback(const struct kr_addr *a); /* 127.0.0.0/8 or ::1 */
bool kr_addr_is_any(const struct kr_addr *a);      /* 0.0.0.0 or :: */
int kr_addr_family(const struct kr_addr *a);       /* AF_INET or AF_INET6 */
int kr_addr_cmp(const struct kr_addr *a, const struct kr_addr *b);
/* From raw network-order bytes: 4 (AF_INET) or 16 (AF_INET6). */
struct kr_addr kr_addr_make(int family, const void *bytes);
/* Writes 4 or 16 network-order bytes; returns how many. */
size_t kr_addr_bytes(const struct kr_addr *a, void *out);
/* "192.0.2.1", "2001:db8::1". Returns 0, or -1 (KR_USAGE, quotes the text). */
int kr_addr_parse(const char *text, struct kr_addr *out, struct kr_err *e);
const char *kr_addr_str(const struct kr_addr *a, char out[static KR_ADDRSTRLEN]);
socklen_t kr_addr_sockaddr(const struct kr_addr *a, uint16_t port, struct sockaddr_storage *out);
struct kr_addr kr_addr_from_sockaddr(const struct sockaddr_storage *ss, uint16_t *port);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone (/32, /128). Host bits set are an error. */
int kr_prefix_parse(const char *text, struct kr_prefix *out, struct kr_err *e);
/* "10.0.0.0/8"; len printed in the family's own terms. */
const char *kr_prefix_str(const struct kr_prefix *p, char out[static KR_ADDRSTRLEN]);
struct kr_prefix kr_prefix_make(const struct kr_addr *a, uint8_t len); /* clears host bits */
struct kr_addr kr_prefix_last(const struct kr_prefix *p);
/* In the one space: what is shorter than /96 and holds ::ffff:0:0/96, ::/0 say, holds all IPv4. */
bool kr_prefix_has(const struct kr_prefix *p, const struct kr_addr *a);
bool kr_prefix_covers(const struct kr_prefix *outer, const struct kr_prefix *inner);
bool kr_prefix_overlaps(const struct kr_prefix *a, const struct kr_prefix *b);
int kr_prefix_cmp(const struct kr_prefix *a, const struct kr_prefix *b);
bool kr_prefix_is_v4(const struct kr_prefix *p);
/* The prefix length in the family's own terms: 0..32 or 0..128. */
uint8_t kr_prefix_family_len(const struct kr_prefix *p);

#endif

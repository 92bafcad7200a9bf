/* Sockets for the asking engine: connected UDP, so that the kernel drops what comes from anybody
 * else, in batches; TCP for what does not fit. */
#ifndef KR_DNS_NET_H
#define KR_DNS_NET_H

#include <kr/dns_ask.h>
#include <kr/dns_resolvconf.h>

struct kr_err;
struct kr_dns_net;

#define KR_DNS_PATHS 8u /* sockets for each server */

/* Should: be called while CAP_NET_ADMIN is still there, if it ever was: it lets receive buffers be
 * larger than net.core.rmem_max. Mustn't: send anything. NULL: error (KR_CANNOT). */
struct kr_dns_net *kr_dns_net_open(struct kr_err *e);
/* Connects to the servers. Returns how many of them can be reached from here, or -1 (KR_CANNOT):
 * none. */
int kr_dns_net_connect(struct kr_dns_net *n, const struct kr_resolvconf *servers, struct kr_err *e);
void kr_dns_net_free(struct kr_dns_net *n);
/* How many answers the receive buffers surely hold. */
uint32_t kr_dns_net_window(const struct kr_dns_net *n);
/* Fills in the hooks that send, and randomness; arg is n. */
void kr_dns_net_send(void *n, unsigned server, unsigned path, const uint8_t *b, size_t len);
bool kr_dns_net_tcp(void *n, unsigned server, uint32_t slot, const uint8_t *b, size_t len);
uint32_t kr_dns_net_random(void *n);
/* Sends what waits, then takes in what arrives, until the time `until` (kr_now_us) at the latest.
 * 0, or -1 (KR_CANNOT). */
int kr_dns_net_wait(struct kr_dns_net *n, struct kr_ask *a, uint64_t until, struct kr_err *e);

#endif

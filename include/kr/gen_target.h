/* Where the mail goes: "HOST:PORT", "[v6]:PORT", "NAME:PORT". */
#ifndef KR_GEN_TARGET_H
#define KR_GEN_TARGET_H

#include <kr/addr.h>

struct kr_err;

#define KR_TARGET_ADDRESSES 16u
struct kr_target {
    struct kr_addr
        addr[KR_TARGET_ADDRESSES];       /* what the name stands for, in the resolver's order */
    unsigned scope[KR_TARGET_ADDRESSES]; /* the device of a link-local address, or 0 */
    size_t n, use;                       /* use: which one */
    uint16_t port;
    char host[256]; /* as it was written, without brackets */
    bool named;     /* a name, not an address */
};

/* Asks the resolver (getaddrinfo(3)). -1: KR_USAGE for the text, KR_CANNOT for the name. */
int kr_target_find(const char *text, struct kr_target *out, struct kr_err *e);
/* Of several addresses, uses the first that takes a connection, waiting 3 s for each. */
void kr_target_choose(struct kr_target *t);

enum kr_target_where { KR_TARGET_HERE, KR_TARGET_LAN, KR_TARGET_ELSEWHERE };
/* HERE: this network namespace's own; LAN: private or link-local (RFC 1918, 4193, 3927, 4291) and
 * on-link; by the kernel's routing. -1: KR_UNKNOWN. */
int kr_target_look(const struct kr_addr *a, unsigned scope, enum kr_target_where *out,
                   struct kr_err *e);

#endif

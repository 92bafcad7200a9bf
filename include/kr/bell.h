/* Doorbells: netlink groups that say that something changed. What changed is read anew, so nothing
 * is taken from the messages, and a lost one is as good as one that came. */
#ifndef KR_BELL_H
#define KR_BELL_H

#include <stdbool.h>

struct kr_err;
struct mnl_socket;

struct kr_bell {
    struct mnl_socket *socket;
};
/* Rings for every change of the nftables ruleset of this network namespace (NFNLGRP_NFTABLES). */
int kr_bell_open_rules(struct kr_bell *b, struct kr_err *e);
/* For links, addresses, routes, policy rules (both families), next hops, namespace ids, tc and
 * per-device settings (rtnetlink(7)). Each returns 0, or -1 (KR_CANNOT). */
int kr_bell_open_routing(struct kr_bell *b, struct kr_err *e);
int kr_bell_fd(const struct kr_bell *b); /* readable: it rang */
/* Takes what is waiting. True when it rang; *lost when messages were lost on the way (ENOBUFS). */
bool kr_bell_drain(struct kr_bell *b, bool *lost);
void kr_bell_close(struct kr_bell *b);

#endif

#include <kr/bell.h>

#include <kr/err.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <sys/socket.h>

/* What loading our own tables tells fits in; of a storm the rest is lost, and one ring is enough.
 */
#define BUFFER (4 << 20)
#define AT_MOST 4096 /* messages taken at a time */

static int open_groups(struct kr_bell *b, int bus, const int *groups, size_t n, size_t needed,
                       struct kr_err *e)
{
    int size = BUFFER;
    b->socket = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!b->socket || mnl_socket_bind(b->socket, 0, MNL_SOCKET_AUTOPID)) {
        kr_fail(e, KR_CANNOT, errno, "netlink socket for events (bus %d)", bus);
        kr_bell_close(b);
        return -1;
    }
    setsockopt(mnl_socket_get_fd(b->socket), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    for (size_t i = 0; i < n; i++) {
        int group = groups[i];
        if (mnl_socket_setsockopt(b->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0 ||
            i >= needed)
            continue;
        kr_fail(e, KR_CANNOT, errno, "netlink events (bus %d, group %d)", bus, group);
        kr_bell_close(b);
        return -1;
    }
    return 0;
}

int kr_bell_open_rules(struct kr_bell *b, struct kr_err *e)
{
    static const int groups[] = {NFNLGRP_NFTABLES};
    return open_groups(b, NETLINK_NETFILTER, groups, 1, 1, e);
}

/* Behind the first seven a kernel may lack a group: what it would tell is not there either. */
int kr_bell_open_routing(struct kr_bell *b, struct kr_err *e)
{
    static const int groups[] = {
        RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV4_RULE,
        RTNLGRP_NSID,       RTNLGRP_TC,          RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_IFADDR,
        RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE,   RTNLGRP_IPV6_NETCONF, RTNLGRP_MPLS_ROUTE,
        RTNLGRP_NEXTHOP,
    };
    return open_groups(b, NETLINK_ROUTE, groups, sizeof groups / sizeof *groups, 7, e);
}

int kr_bell_fd(const struct kr_bell *b)
{
    return mnl_socket_get_fd(b->socket);
}

bool kr_bell_drain(struct kr_bell *b, bool *lost)
{
    char head[64];
    bool rang = false;
    for (int i = 0; i < AT_MOST; i++) {
        ssize_t n = recv(kr_bell_fd(b), head, sizeof head, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != ENOBUFS)
            return rang;
        *lost |= n < 0;
        rang = true;
    }
    return rang;
}

void kr_bell_close(struct kr_bell *b)
{
    if (b->socket)
        mnl_socket_close(b->socket);
    b->socket = NULL;
}

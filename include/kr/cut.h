/* Cutting what existed before: TCP sockets (sock_diag(7), SOCK_DESTROY, kernel 4.5) and conntrack
 * entries (ctnetlink) of flows to guarded ports. Only ever called with the guards standing: killing
 * a socket sends a RST to its peer. */
#ifndef KR_CUT_H
#define KR_CUT_H

#include <kr/flow.h>

struct kr_err;

struct kr_cut_count {
    size_t sockets, entries; /* destroyed, deleted */
    bool no_sock_destroy;    /* CONFIG_INET_DIAG_DESTROY is missing: sockets were only counted */
};

/* Destroys TCP sockets of every state but LISTEN (TIME_WAIT where the kernel can) whose peer port
 * is guarded and whose peer is not kept (both families, v4-mapped too), unless their flow is
 * redirected already; then deletes conntrack entries either of whose tuples has a guarded port at a
 * peer that is not kept, unless the reply source is the sink. Repeats until two scans in a row find
 * nothing, at most 50 times. *done is written anew. Returns 0, or -1 (KR_UNKNOWN after an
 * interrupted dump or when flows keep coming back; KR_CANNOT without privilege or kernel support).
 */
int kr_cut_flows(const struct kr_flow_policy *p, bool no_sockets, struct kr_cut_count *done,
                 struct kr_err *e);
/* The walk of the sockets ahead of time, once the guards stand. Returns 1 when it listed none
 * (which stays true of those that could have reached somebody, so kr_cut_flows is spared its own by
 * no_sockets), 0, or -1 as above. */
int kr_cut_look(const uint16_t *ports, size_t n_ports, struct kr_err *e);
/* At the end of a redirect: the same, and the redirected flows too: their sockets, and their
 * entries (original port guarded, answered by the sink instead of whom it was meant for). A socket
 * whose entry was lost goes as well, so that no packet of such a flow can leave once the guards go.
 * What else is done with the sink's host is left alone. */
int kr_cut_redirected(const struct kr_flow_policy *p, struct kr_cut_count *done, struct kr_err *e);

#endif

/* Cutting what existed before: TCP sockets (sock_diag(7), SOCK_DESTROY, kernel 4.5) and conntrack
 * entries (ctnetlink) of flows to guarded ports. Only ever called with the guards standing: killing
 * a socket sends a RST to its peer. */
#ifndef KR_CUT_H
#define KR_CUT_H

#include <kr/addr.h>

struct kr_err;

struct kr_cut_policy {
    const uint16_t *ports;
    size_t n_ports;
    /* Keep a flow to this peer? (exempt LAN, own addresses, loopback, the sink.) */
    bool (*keep)(const struct kr_addr *peer, void *arg);
    /* Is this the sink? A conntrack entry whose reply comes from here is redirected already. */
    bool (*is_sink)(const struct kr_addr *reply_source, void *arg);
    void *arg;
};
struct kr_cut_count {
    size_t sockets, entries; /* destroyed, deleted */
    bool no_sock_destroy;    /* CONFIG_INET_DIAG_DESTROY is missing: sockets were only counted */
};

/* Destroys TCP sockets of every state but LISTEN and TIME_WAIT whose peer port is guarded and whose
 * peer is not kept (both families, v4-mapped too), then deletes conntrack entries either of whose
 * tuples has a guarded port at a peer that is not kept, unless the reply source is the sink.
 * Repeats until two scans in a row find nothing, at most 50 times. Returns 0, or -1 (KR_UNKNOWN
 * after an interrupted dump or when flows keep coming back). */
int kr_cut_flows(const struct kr_cut_policy *p, struct kr_cut_count *done, struct kr_err *e);
/* At the end of a redirect: destroys local sockets to guarded ports whose flow is redirected, and
 * deletes every conntrack entry whose reply source is the sink, so that no packet of such a flow
 * can leave once the guards go. */
int kr_cut_redirected(const struct kr_cut_policy *p, struct kr_cut_count *done, struct kr_err *e);
/* The reply source of the conntrack entry of a TCP flow from:sport -> to:dport. Returns 1, 0 (no
 * such entry) or -1. */
int kr_ct_reply_source(const struct kr_addr *from, uint16_t sport, const struct kr_addr *to,
                       uint16_t dport, struct kr_addr *source, uint16_t *port, struct kr_err *e);

#endif

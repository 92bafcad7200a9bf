/* The TCP sockets and conntrack entries of guarded ports, and what may be said of each. */
#ifndef KR_FLOWSCAN_H
#define KR_FLOWSCAN_H

#include <kr/flow.h>
#include <kr/sock.h>

struct kr_scene;

struct kr_flowscan {
    struct kr_flow_world world;
    struct kr_socks socks;
    struct kr_cts entries;       /* read after the sockets */
    struct kr_tuple *redirected; /* original tuples of redirected flows, sorted */
    size_t n_redirected;
};
/* Reads both. Returns 0, or -1 (KR_CANNOT, KR_UNKNOWN). */
int kr_flowscan_read(struct kr_flowscan *f, struct kr_scene *s, struct kr_err *e);
void kr_flowscan_free(struct kr_flowscan *f);

enum kr_flow_kind {
    KR_FLOW_FINE,    /* to a peer that may be, or redirected */
    KR_FLOW_ATTEMPT, /* a SYN that nobody answered: nothing was said to anybody */
    KR_FLOW_REMAINS, /* closed; the kernel keeps it for a while */
    KR_FLOW_OPEN,    /* connected to somebody it may not be connected to */
};
enum kr_flow_kind kr_flowscan_socket(const struct kr_flowscan *f, const struct kr_sock *s);
enum kr_flow_kind kr_flowscan_entry(const struct kr_flowscan *f, const struct kr_ct *ct);

#endif

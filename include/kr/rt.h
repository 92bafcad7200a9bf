/* Changing links, routes and policy rules (rtnetlink(7)) by libnl-3: messages are queued, sent
 * together, and each one's ack is read. */
#ifndef KR_RT_H
#define KR_RT_H

#include <kr/netview.h>

struct nl_msg;
struct nl_sock;

struct kr_rt {
    struct nl_sock *sk;
    struct kr_rt_item {
        struct nl_msg *msg;
        char what[96];
        int ignore; /* an errno value that is as good as success, or 0 */
        unsigned seq;
        bool answered;
    } * v;
    size_t n, cap;
};

int kr_rt_open(struct kr_rt *rt, struct kr_err *e);
void kr_rt_close(struct kr_rt *rt);
/* Sends what was queued and reads every ack. Returns 0, or -1 (KR_CANNOT: the first refusal, by
 * name; KR_UNKNOWN: an ack was lost). */
int kr_rt_flush(struct kr_rt *rt, struct kr_err *e);

void kr_rt_route(struct kr_rt *rt, const struct kr_route *r, bool add);
void kr_rt_rule(struct kr_rt *rt, const struct kr_fibrule *r, bool add);
void kr_rt_link_del(struct kr_rt *rt, unsigned index, const char *name);
/* Makes a device and sets it up, without ARP and without IPv6 addresses of its own. `peer` is the
 * other end of a veth pair, left down; NULL for other kinds. Returns 0, an errno value, or -1. */
int kr_rt_link_add(struct kr_rt *rt, const char *name, const char *kind, const char *peer,
                   struct kr_err *e);
void kr_rt_link_up(struct kr_rt *rt, unsigned index, const char *name);

#define KR_AUTO_RT __attribute__((cleanup(kr_rt_close)))

#endif

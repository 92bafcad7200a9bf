/* rtnetlink(7) by libnl-3: dumps that are whole or fail, changes whose every ack is read. */
#ifndef KR_RT_H
#define KR_RT_H

#include <kr/buf.h>
#include <kr/netview.h>
#include <kr/places.h>

#define KR_RT_PROTOCOL 225 /* RTPROT_* and FRA_PROTOCOL of everything of ours */
#define KR_RULE_PRIORITY 25u
#define KR_HOLE_NAME "kumo-hole0" /* the device that drops */

struct kr_err;
struct kr_rt_item;
struct nl_msg;
struct nl_sock;
struct nlmsghdr;

struct kr_rt {
    struct nl_sock *sk;
    struct nl_msg *msg; /* the one being made, the last of the queue */
    struct kr_buf out;  /* those before it, as they are sent */
    struct kr_rt_item *v;
    size_t n, cap;
    uint32_t first_seq; /* of those being sent */
};

int kr_rt_open(struct kr_rt *rt, struct kr_err *e); /* 0, or -1 (KR_CANNOT) */
void kr_rt_close(struct kr_rt *rt);
#define KR_AUTO_RT __attribute__((cleanup(kr_rt_close)))

/* Hands each message of a dump to row, which returns 0, or -1 to give up. `header` is the family's
 * own (struct rtmsg ...), `len` bytes. Returns 0; 1 when the kernel marked it as interrupted, so
 * that nothing of it counts; -1 (KR_UNKNOWN). e->sys is the kernel's refusal. */
typedef int (*kr_rt_row)(const struct nlmsghdr *h, void *arg, struct kr_err *e);
int kr_rt_dump(struct kr_rt *rt, int type, const void *header, size_t len, kr_rt_row row, void *arg,
               struct kr_err *e);

/* Queues a request; `ignore` is an errno as good as success, or 0; the text is for the error. All
 * are sent together by the flush. Returns the message, owned by rt. */
struct nl_msg *kr_rt_queue(struct kr_rt *rt, int type, int flags, int ignore, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* Sends what was queued and reads every ack and refusal. Returns 0, or -1 (KR_CANNOT: the first
 * refusal, with the kernel's reason; KR_UNKNOWN: an ack was lost). The queue is empty after it. */
int kr_rt_flush(struct kr_rt *rt, struct kr_err *e);
void kr_rt_drop(struct kr_rt *rt); /* forgets what was queued */

/* flags: NLM_F_CREATE | NLM_F_EXCL ... Not acknowledged: a refusal is answered all the same, and
 * what counts as there is what a reading shows. */
void kr_rt_route_add(struct kr_rt *rt, const struct kr_route *r, int flags);
void kr_rt_rule(struct kr_rt *rt, const struct kr_fibrule *r, bool add);
/* Makes a device, left down. `peer` is the other end of a veth pair, else NULL. Returns 0, an errno
 * value, or -1. */
int kr_rt_link_add(struct kr_rt *rt, const char *name, const char *kind, const char *peer,
                   struct kr_err *e);
/* Up, without ARP and without IPv6 addresses of its own. */
void kr_rt_link_up(struct kr_rt *rt, const char *name);
void kr_rt_link_del(struct kr_rt *rt, unsigned index, const char *name);

#endif

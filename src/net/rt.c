#include "rt_internal.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define DATAGRAM (1 << 16) /* the kernel's dumps come in pieces of at most 32 KiB */
#define BUFFER (208 << 10) /* net.core.rmem_max by default; libnl itself asks for 32 KiB only */
#define FORCED (4 << 20)   /* with CAP_NET_ADMIN */
#define AT_ONCE 256        /* messages in flight: each answer takes about 1 KiB of that */
#define PATIENCE 10        /* seconds */

int kr_rt_open(struct kr_rt *rt, struct kr_err *e)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1, forced = FORCED;
    memset(rt, 0, sizeof *rt);
    rt->sk = nl_socket_alloc();
    int err = rt->sk ? nl_connect(rt->sk, NETLINK_ROUTE) : -NLE_NOMEM;
    if (err) {
        kr_rt_close(rt);
        return kr_fail(e, KR_CANNOT, 0, "rtnetlink socket: %s", nl_geterror(err));
    }
    int fd = nl_socket_get_fd(rt->sk);
    nl_socket_set_buffer_size(rt->sk, BUFFER, BUFFER);
    nl_socket_set_msg_buf_size(rt->sk, DATAGRAM);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &forced, sizeof forced);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    /* Both only make refusals more telling: a kernel without them still answers. */
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    return 0;
}

void kr_rt_drop(struct kr_rt *rt)
{
    for (size_t i = 0; i < rt->n; i++)
        free(rt->v[i].what);
    rt->n = 0;
    rt->out.len = 0;
    nlmsg_free(rt->msg);
    rt->msg = NULL;
}

void kr_rt_close(struct kr_rt *rt)
{
    kr_rt_drop(rt);
    free(rt->v);
    kr_buf_free(&rt->out);
    nl_socket_free(rt->sk);
    memset(rt, 0, sizeof *rt);
}

/* Calls on_message for each message of the next datagram from the kernel itself (port 0). */
static int receive(struct kr_rt *rt, int (*on_message)(struct nlmsghdr *h, void *arg), void *arg,
                   struct kr_err *e)
{
    struct sockaddr_nl from = {0};
    KR_AUTO_FREE unsigned char *buf = NULL;
    int left = nl_recv(rt->sk, &from, &buf, NULL);
    if (left <= 0)
        return kr_fail(e, KR_UNKNOWN, 0, "rtnetlink: an answer was lost: %s",
                       left ? nl_geterror(left) : "closed");
    if (from.nl_pid)
        return 0;
    struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
    for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
        if (h->nlmsg_pid == nl_socket_get_local_port(rt->sk) && on_message(h, arg))
            return -1;
    return left > 0 ? kr_fail(e, KR_UNKNOWN, 0, "rtnetlink: an answer was cut") : 0;
}

struct dump {
    uint32_t seq;
    kr_rt_row row;
    void *arg;
    struct kr_err *e;
    bool ended, interrupted, failed;
};

/* Of NLMSG_DONE libnl 3.7 does not look at the status, though a dump that fails on its way says so
 * there (netlink_dump_done in af_netlink.c). */
static int dump_ended(struct dump *d, const struct nlmsghdr *h)
{
    int status = 0;
    d->ended = true;
    if (nlmsg_datalen(h) >= (int)sizeof status)
        memcpy(&status, nlmsg_data(h), sizeof status);
    d->interrupted |= status == -EINTR;
    if (status < 0 && status != -EINTR)
        return kr_fail(d->e, KR_UNKNOWN, -status, "rtnetlink: the kernel refused a dump");
    return 0;
}

static int on_dumped(struct nlmsghdr *h, void *arg)
{
    struct dump *d = arg;
    if (h->nlmsg_seq != d->seq)
        return 0;
    d->interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) || h->nlmsg_type == NLMSG_OVERRUN;
    if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
        return dump_ended(d, h);
    if (h->nlmsg_type < NLMSG_MIN_TYPE || d->failed)
        return 0;
    d->failed = d->row(h, d->arg, d->e) != 0;
    return 0;
}

int kr_rt_dump(struct kr_rt *rt, int type, const void *header, size_t len, kr_rt_row row, void *arg,
               struct kr_err *e)
{
    struct dump d = {.row = row, .arg = arg, .e = e};
    struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | NLM_F_DUMP);
    if (!m || nlmsg_append(m, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO)) {
        nlmsg_free(m);
        return kr_fail(e, KR_UNKNOWN, ENOMEM, "rtnetlink: a dump");
    }
    nl_complete_msg(rt->sk, m);
    d.seq = nlmsg_hdr(m)->nlmsg_seq;
    int sent = nl_send(rt->sk, m);
    nlmsg_free(m);
    if (sent < 0)
        return kr_fail(e, KR_UNKNOWN, 0, "rtnetlink: a dump: %s", nl_geterror(sent));
    while (!d.ended)
        if (receive(rt, on_dumped, &d, e))
            return -1;
    if (d.interrupted)
        return 1;
    return d.failed ? -1 : 0;
}

/* The message is whole now: behind the others with it. */
static void put_by(struct kr_rt *rt)
{
    static const char zero[NLMSG_ALIGNTO];
    const struct nlmsghdr *h = nlmsg_hdr(rt->msg);
    kr_buf_add(&rt->out, h, h->nlmsg_len);
    kr_buf_add(&rt->out, zero, NLMSG_ALIGN(h->nlmsg_len) - h->nlmsg_len);
}

struct nl_msg *kr_rt_queue_plain(struct kr_rt *rt, int type, int flags, int ignore)
{
    if (rt->msg)
        put_by(rt);
    else
        rt->msg = nlmsg_alloc_simple(0, 0);
    if (!rt->msg)
        abort();
    rt->v = kr_grow(rt->v, &rt->cap, rt->n + 1, sizeof *rt->v);
    rt->v[rt->n++] = (struct kr_rt_item){.at = rt->out.len, .ignore = ignore};
    *nlmsg_hdr(rt->msg) = (struct nlmsghdr){.nlmsg_len = NLMSG_HDRLEN,
                                            .nlmsg_type = (uint16_t)type,
                                            .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
    return rt->msg;
}

struct nl_msg *kr_rt_queue(struct kr_rt *rt, int type, int flags, int ignore, const char *fmt, ...)
{
    char what[96];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    struct nl_msg *m = kr_rt_queue_plain(rt, type, flags | NLM_F_ACK, ignore);
    rt->v[rt->n - 1].what = kr_strdup(what);
    return m;
}

static struct nlmsghdr *message(const struct kr_rt *rt, const struct kr_rt_item *x)
{
    return (void *)(rt->out.s + x->at);
}

struct acks {
    struct kr_rt *rt;
    struct kr_rt_item *v; /* those sent together */
    size_t n, open;
    bool refused;
    struct kr_err *e;
};

/* The kernel's own words, behind the header of the request (NETLINK_CAP_ACK). */
static const char *reason(struct nlmsghdr *h)
{
    struct nlattr *words = NULL;
    if (h->nlmsg_flags & NLM_F_ACK_TLVS)
        words = nlmsg_find_attr(h, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);
    return words && nla_len(words) > 0 && memchr(nla_data(words), 0, (size_t)nla_len(words))
               ? nla_get_string(words)
               : NULL;
}

static void settle(struct acks *a, struct kr_rt_item *x, int err, const char *why)
{
    char route[96];
    a->open -= x->waited;
    x->waited = false;
    if (!err || err == x->ignore || a->refused)
        return;
    a->refused = true;
    kr_fail(a->e, KR_CANNOT, err, "the kernel refuses %s%s%s",
            x->what ? x->what : kr_rt_route_name(message(a->rt, x), route), why ? ": " : "",
            why ? why : "");
}

static int on_ack(struct nlmsghdr *h, void *arg)
{
    struct acks *a = arg;
    if (h->nlmsg_type != NLMSG_ERROR || nlmsg_datalen(h) < (int)sizeof(struct nlmsgerr))
        return 0;
    const struct nlmsgerr *m = nlmsg_data(h);
    uint32_t nth = h->nlmsg_seq - a->rt->first_seq;
    if (nth < a->n)
        settle(a, &a->v[nth], -m->error, reason(h));
    return 0;
}

/* The kernel works a datagram off message by message and in order, and answers those it refuses
 * whether or not an answer was asked for; an answer that finds no room makes the next recvmsg(2)
 * fail with ENOBUFS (netlink_rcv_skb(), netlink_ack()). So the last one is always asked. */
static int send_some(struct acks *a, struct kr_err *e)
{
    struct kr_rt *rt = a->rt;
    size_t begin = a->v[0].at, end = rt->out.len;
    for (size_t i = 0; i < a->n; i++) {
        struct nlmsghdr *h = message(rt, &a->v[i]);
        h->nlmsg_seq = nl_socket_use_seq(rt->sk);
        h->nlmsg_pid = nl_socket_get_local_port(rt->sk);
        if (i == a->n - 1) {
            h->nlmsg_flags |= NLM_F_ACK;
            end = a->v[i].at + NLMSG_ALIGN(h->nlmsg_len);
        }
        a->v[i].waited = h->nlmsg_flags & NLM_F_ACK;
        a->open += a->v[i].waited;
    }
    rt->first_seq = message(rt, &a->v[0])->nlmsg_seq;
    int sent = nl_sendto(rt->sk, rt->out.s + begin, end - begin);
    if (sent >= 0)
        return 0;
    return kr_fail(e, KR_UNKNOWN, 0, "sending routes and rules: %s", nl_geterror(sent));
}

static int flush(struct kr_rt *rt, struct kr_err *e)
{
    bool refused = false;
    if (rt->n)
        put_by(rt);
    for (size_t i = 0; i < rt->n; i += AT_ONCE) {
        size_t n = rt->n - i < AT_ONCE ? rt->n - i : AT_ONCE;
        struct acks a = {.rt = rt, .v = rt->v + i, .n = n, .refused = refused, .e = e};
        if (send_some(&a, e))
            return -1;
        while (a.open)
            if (receive(rt, on_ack, &a, e))
                return -1;
        refused = a.refused;
    }
    return refused ? -1 : 0;
}

int kr_rt_flush(struct kr_rt *rt, struct kr_err *e)
{
    int bad = flush(rt, e);
    kr_rt_drop(rt);
    return bad;
}

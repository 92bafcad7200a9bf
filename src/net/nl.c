#include <kr/nl.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/netns.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (1u << 18)
#define SOCKET_BUFFER (16 << 20)
#define KEPT 16
#define STALE 1000  /* datagrams */
#define PATIENCE 30 /* seconds for an answer */

/* Closing a netfilter socket waits until the kernel has freed what a commit replaced
 * (nf_tables_api.c, nft_rcv_nl_event), some milliseconds. So these are kept, and used again in the
 * network namespace they belong to, and by the process that opened them: a child that inherits one
 * would take the answers to its parent. What is kept goes with the process. */
static struct {
    struct kr_nl nl;
    pid_t pid;
} kept[KEPT];
static size_t n_kept;

static bool keep(const struct kr_nl *nl)
{
    if (nl->bus != NETLINK_NETFILTER || n_kept == KEPT || !nl->netns)
        return false;
    kept[n_kept].nl = *nl;
    kept[n_kept++].pid = getpid();
    return true;
}

/* What an earlier user did not read is no answer to the next one. */
static void drain(const struct kr_nl *nl)
{
    for (int i = 0; i < STALE; i++)
        if (recv(mnl_socket_get_fd(nl->socket), nl->buf, BUFFER, MSG_DONTWAIT) < 0 &&
            errno != ENOBUFS && errno != EINTR)
            return;
}

static bool take_kept(struct kr_nl *nl, int bus)
{
    ino_t netns;
    if (bus != NETLINK_NETFILTER || !n_kept || kr_netns_inode(&netns, NULL))
        return false;
    for (size_t i = n_kept; i-- > 0;)
        if (kept[i].nl.netns == netns && kept[i].pid == getpid()) {
            *nl = kept[i].nl;
            kept[i] = kept[--n_kept];
            drain(nl);
            return true;
        }
    return false;
}

int kr_nl_open(struct kr_nl *nl, int bus, struct kr_err *e)
{
    return take_kept(nl, bus) ? 0 : kr_nl_open_new(nl, bus, e);
}

int kr_nl_open_new(struct kr_nl *nl, int bus, struct kr_err *e)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    int size = SOCKET_BUFFER, on = 1;
    size_t cap = 0;
    *nl = (struct kr_nl){.bus = bus};
    nl->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
    if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID)) {
        kr_fail(e, KR_CANNOT, errno, "netlink socket (bus %d)", bus);
        kr_nl_end(nl);
        return -1;
    }
    int fd = mnl_socket_get_fd(nl->socket);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    /* These make errors more telling; a kernel without them still answers. */
    mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof on);
    mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof on);
    nl->buf = kr_grow(NULL, &cap, BUFFER, 1);
    nl->seq = (uint32_t)time(NULL);
    if (bus == NETLINK_NETFILTER && kr_netns_inode(&nl->netns, NULL))
        nl->netns = 0;
    return 0;
}

void kr_nl_close(struct kr_nl *nl)
{
    if (nl->socket && !keep(nl))
        kr_nl_end(nl);
    *nl = (struct kr_nl){0};
}

void kr_nl_end(struct kr_nl *nl)
{
    if (nl->socket)
        mnl_socket_close(nl->socket);
    free(nl->buf);
    *nl = (struct kr_nl){0};
}

uint32_t kr_nl_port(const struct kr_nl *nl)
{
    return mnl_socket_get_portid(nl->socket);
}

/* Bytes received; 0 with *err for an error the caller judges (ENOBUFS: something was lost). */
static ssize_t receive(struct kr_nl *nl, int *err)
{
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(nl->socket, nl->buf, BUFFER);
        if (n < 0 && errno == EINTR)
            continue;
        *err = n < 0 ? errno : 0;
        return n < 0 ? 0 : n;
    }
}

struct answer {
    kr_nl_cb cb;
    void *arg;
    uint32_t seq;
    bool single, ended, torn;
    int error;
};

static int one_message(const struct nlmsghdr *nlh, struct answer *a)
{
    if (nlh->nlmsg_seq != a->seq)
        return 0;
    a->torn |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
        a->ended = true;
        a->error = -err->error;
        return 0;
    }
    if (nlh->nlmsg_type == NLMSG_DONE) {
        const int *err =
            mnl_nlmsg_get_payload_len(nlh) >= sizeof(int) ? mnl_nlmsg_get_payload(nlh) : NULL;
        a->ended = true;
        a->error = err && *err < 0 ? -*err : 0;
        return 0;
    }
    if (nlh->nlmsg_type == NLMSG_OVERRUN) {
        a->torn = true;
        return 0;
    }
    a->ended |= a->single;
    return a->cb ? a->cb(nlh, a->arg) : 0;
}

int kr_nl_ask(struct kr_nl *nl, struct nlmsghdr *req, kr_nl_cb cb, void *arg, struct kr_err *e)
{
    struct answer a = {.cb = cb, .arg = arg, .seq = ++nl->seq};
    req->nlmsg_seq = a.seq;
    a.single = (req->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)) == 0;
    if (mnl_socket_sendto(nl->socket, req, req->nlmsg_len) < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "netlink request");
    while (!a.ended) {
        int err;
        ssize_t n = receive(nl, &err);
        if (err == ENOBUFS)
            return KR_NL_AGAIN;
        if (err)
            return kr_fail(e, KR_UNKNOWN, err, "netlink answer");
        int left = (int)n;
        for (const struct nlmsghdr *nlh = (const void *)nl->buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left))
            if (one_message(nlh, &a))
                return kr_fail(e, KR_UNKNOWN, 0, "netlink answer that can't be read");
        if (left)
            return kr_fail(e, KR_UNKNOWN, 0, "truncated netlink answer");
    }
    return a.error == EINTR || a.torn ? KR_NL_AGAIN : a.error;
}

struct outcome {
    struct kr_nl_refusal *refusal;
    uint32_t last_seq;
    bool ended;
    int error;
};

static int on_reason(const struct nlattr *a, void *arg)
{
    struct kr_nl_refusal *r = arg;
    uint16_t type = mnl_attr_get_type(a);
    if (type == NLMSGERR_ATTR_MSG && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
        snprintf(r->reason, sizeof r->reason, "%s", mnl_attr_get_str(a));
    if (type == NLMSGERR_ATTR_OFFS && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
        r->offset = mnl_attr_get_u32(a);
    return MNL_CB_OK;
}

/* The reasons stand behind the message that was refused, of which only the header is repeated when
 * the answer is capped (netlink_ack in af_netlink.c). */
static void read_reason(const struct nlmsghdr *nlh, const struct nlmsgerr *err,
                        struct kr_nl_refusal *r)
{
    size_t skip = sizeof *err;
    if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len >= NLMSG_HDRLEN)
        skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
    if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && mnl_nlmsg_get_payload_len(nlh) >= skip)
        mnl_attr_parse(nlh, (unsigned)skip, on_reason, r);
}

static void one_ack(const struct nlmsghdr *nlh, struct outcome *o)
{
    if (nlh->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nlmsgerr))
        return;
    const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
    if (err->error && !o->error) {
        o->error = -err->error;
        o->refusal->seq = nlh->nlmsg_seq;
        read_reason(nlh, err, o->refusal);
    }
    o->ended |= nlh->nlmsg_seq == o->last_seq;
}

/* A refused batch may end without a word on its last message: what is queued is then all there is.
 */
static ssize_t receive_ack(struct kr_nl *nl, bool refused, int *err)
{
    if (!refused)
        return receive(nl, err);
    ssize_t n = recv(mnl_socket_get_fd(nl->socket), nl->buf, BUFFER, MSG_DONTWAIT);
    *err = n < 0 ? errno : 0;
    return n < 0 ? 0 : n;
}

int kr_nl_batch(struct kr_nl *nl, const void *batch, size_t len, uint32_t last_seq,
                struct kr_nl_refusal *refusal, struct kr_err *e)
{
    struct outcome o = {.refusal = refusal, .last_seq = last_seq};
    memset(refusal, 0, sizeof *refusal);
    if (mnl_socket_sendto(nl->socket, batch, len) < 0)
        return kr_fail(e, KR_CANNOT, errno, "netlink batch of %zu bytes", len);
    while (!o.ended) {
        int err;
        ssize_t n = receive_ack(nl, o.error != 0, &err);
        if (o.error && (err == EAGAIN || err == EWOULDBLOCK))
            break;
        if (err)
            return kr_fail(e, KR_UNKNOWN, err, "netlink: an acknowledgement was lost");
        int left = (int)n;
        for (const struct nlmsghdr *nlh = (const void *)nl->buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left))
            one_ack(nlh, &o);
    }
    return o.error;
}

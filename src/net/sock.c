#include <kr/sock.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#define TRIES 10

struct reading {
    const uint16_t *ports;
    size_t n_ports;
    struct kr_socks *out;
};

static bool wanted(const struct reading *r, uint16_t port)
{
    for (size_t i = 0; i < r->n_ports; i++)
        if (r->ports[i] == port)
            return true;
    return false;
}

static int on_sock(const struct nlmsghdr *nlh, void *arg)
{
    struct reading *r = arg;
    const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *m)
        return -1;
    if (!wanted(r, ntohs(m->id.idiag_dport)))
        return 0;
    struct kr_sock s = {.family = m->idiag_family,
                        .state = m->idiag_state,
                        .local = kr_addr_make(m->idiag_family, m->id.idiag_src),
                        .peer = kr_addr_make(m->idiag_family, m->id.idiag_dst),
                        .local_port = ntohs(m->id.idiag_sport),
                        .peer_port = ntohs(m->id.idiag_dport),
                        .ifindex = m->id.idiag_if,
                        .inode = m->idiag_inode};
    memcpy(s.cookie, m->id.idiag_cookie, sizeof s.cookie);
    r->out->v = kr_grow(r->out->v, &r->out->cap, r->out->n + 1, sizeof s);
    r->out->v[r->out->n++] = s;
    return 0;
}

/* The older form of the request (inet_diag.c, inet_diag_dump_compat) walks the table once for both
 * families, and the walk is what costs. */
static int dump(struct kr_nl *nl, struct reading *r, struct kr_err *e)
{
    char buf[256] = "";
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = TCPDIAG_GETSOCK;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct inet_diag_req *q = mnl_nlmsg_put_extra_header(nlh, sizeof *q);
    q->idiag_family = AF_INET;
    q->idiag_states = ~(1u << TCP_LISTEN);
    int got = kr_nl_ask(nl, nlh, on_sock, r, e);
    return got > 0 && got != KR_NL_AGAIN ? kr_fail(e, KR_UNKNOWN, got, "listing TCP sockets") : got;
}

int kr_socks_read(struct kr_nl *nl, const uint16_t *ports, size_t n_ports, struct kr_socks *out,
                  struct kr_err *e)
{
    struct reading r = {ports, n_ports, out};
    for (int tries = 0; tries < TRIES; tries++) {
        out->n = 0;
        int got = dump(nl, &r, e);
        if (got != KR_NL_AGAIN)
            return got;
    }
    return kr_fail(e, KR_UNKNOWN, 0, "the list of TCP sockets kept changing");
}

void kr_socks_free(struct kr_socks *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

/* A v4-mapped peer of an IPv6 socket is asked for in its own, IPv6, form. */
static void put(uint32_t to[4], uint8_t family, const struct kr_addr *a)
{
    if (family == AF_INET)
        memcpy(to, a->b + 12, 4);
    else
        memcpy(to, a->b, 16);
}

int kr_sock_destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e)
{
    char buf[256] = "";
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = SOCK_DESTROY;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct inet_diag_req_v2 *q = mnl_nlmsg_put_extra_header(nlh, sizeof *q);
    q->sdiag_family = s->family;
    q->sdiag_protocol = IPPROTO_TCP;
    q->idiag_states = 1u << s->state;
    q->id.idiag_sport = htons(s->local_port);
    q->id.idiag_dport = htons(s->peer_port);
    put(q->id.idiag_src, s->family, &s->local);
    put(q->id.idiag_dst, s->family, &s->peer);
    q->id.idiag_if = s->ifindex;
    memcpy(q->id.idiag_cookie, s->cookie, sizeof s->cookie);
    int got = kr_nl_ask(nl, nlh, NULL, NULL, e);
    if (got == ENOENT || got == ESTALE || got == 0)
        return 0;
    return got == EOPNOTSUPP || got < 0 ? got : kr_fail(e, KR_UNKNOWN, got, "destroying a socket");
}

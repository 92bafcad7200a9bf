#include <kr/sock.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#define TRIES 8
#define MOST_PORTS 64
/* idiag_timer of what inet_twsk_diag_fill() writes (net/ipv4/inet_diag.c). */
#define TIMER_TIME_WAIT 3
/* Bits of idiag_states: 1 to 11 are those of <netinet/tcp.h>, 12 is TCP_NEW_SYN_RECV. */
#define ALL_BUT_LISTEN (0x1ffeu & ~(1u << TCP_LISTEN))

/* One port: two comparisons, each with its operand in a second op, and a jump to the end. A jump
 * beyond the end by one op rejects (inet_diag_bc_run()). The test for equality came later than
 * SOCK_DESTROY and is not used. */
struct port_test {
    struct inet_diag_bc_op ge, ge_port, le, le_port, accept;
};

/* Returns its length in bytes. The last one ends without its jump: its end is acceptance. */
static size_t port_filter(const uint16_t *ports, size_t n, struct port_test *out)
{
    const size_t op = sizeof(struct inet_diag_bc_op), one = sizeof *out, len = n * one - op;
    for (size_t i = 0; i < n; i++) {
        size_t left = len - i * one;
        out[i] = (struct port_test){
            .ge = {INET_DIAG_BC_D_GE, (uint8_t)(2 * op), (uint16_t)one},
            .ge_port = {.no = ports[i]},
            .le = {INET_DIAG_BC_D_LE, (uint8_t)(2 * op), (uint16_t)(one - 2 * op)},
            .le_port = {.no = ports[i]},
            .accept = {INET_DIAG_BC_JMP, (uint8_t)op, (uint16_t)(left - 4 * op)},
        };
    }
    return len;
}

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

static int on_socket(const struct nlmsghdr *nlh, void *arg)
{
    const struct reading *r = arg;
    const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *m)
        return -1;
    if (!wanted(r, ntohs(m->id.idiag_dport)) || m->idiag_state == TCP_LISTEN)
        return 0;
    struct kr_socks *out = r->out;
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    out->v[out->n++] = (struct kr_sock){
        .local = kr_addr_make(m->idiag_family, m->id.idiag_src),
        .peer = kr_addr_make(m->idiag_family, m->id.idiag_dst),
        .local_port = ntohs(m->id.idiag_sport),
        .peer_port = ntohs(m->id.idiag_dport),
        .family = m->idiag_family,
        .state = m->idiag_state,
        .time_wait = m->idiag_timer == TIMER_TIME_WAIT,
        .orphan = m->idiag_inode == 0,
        .inode = m->idiag_inode,
        .cookie = {m->id.idiag_cookie[0], m->id.idiag_cookie[1]},
        .ifindex = m->id.idiag_if,
    };
    return 0;
}

/* The older form of the request (inet_diag_dump_compat()) walks the table once for both families,
 * and the walk is what costs. A new netlink socket for each: what is left of an overrun dump would
 * keep the next one from starting. 0, an errno value, KR_NL_AGAIN or -1, as kr_nl_ask. */
static int dump(struct reading *r, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    char buf[256 + MOST_PORTS * sizeof(struct port_test)];
    struct port_test filter[MOST_PORTS];
    if (kr_nl_open(&nl, NETLINK_SOCK_DIAG, e))
        return -1;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = TCPDIAG_GETSOCK;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct inet_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof *req);
    req->idiag_family = AF_INET;
    req->idiag_states = ALL_BUT_LISTEN;
    if (r->n_ports <= MOST_PORTS)
        mnl_attr_put(nlh, INET_DIAG_REQ_BYTECODE, port_filter(r->ports, r->n_ports, filter),
                     filter);
    return kr_nl_ask(&nl, nlh, on_socket, r, e);
}

int kr_socks_read(const uint16_t *ports, size_t n_ports, struct kr_socks *out, struct kr_err *e)
{
    struct reading r = {ports, n_ports, out};
    size_t before = out->n;
    int got = n_ports ? KR_NL_AGAIN : 0;
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++) {
        out->n = before;
        got = dump(&r, e);
    }
    if (!got)
        return 0;
    kr_socks_free(out);
    if (got == KR_NL_AGAIN)
        return kr_fail(e, KR_UNKNOWN, 0, "listing TCP sockets was interrupted %d times", TRIES);
    if (got == ENOENT)
        return kr_fail(e, KR_CANNOT, 0,
                       "this kernel can't list TCP sockets (tcp_diag, CONFIG_INET_TCP_DIAG)");
    return got < 0 ? -1 : kr_fail(e, KR_UNKNOWN, got, "listing TCP sockets");
}

void kr_socks_free(struct kr_socks *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

static int destroy_failed(const struct kr_sock *s, int sys, struct kr_err *e)
{
    char local[KR_ADDRSTRLEN], peer[KR_ADDRSTRLEN];
    return kr_fail(e, sys == EPERM || sys == EACCES ? KR_CANNOT : KR_UNKNOWN, sys,
                   "destroying the socket %s port %u to %s port %u", kr_addr_str(&s->local, local),
                   s->local_port, kr_addr_str(&s->peer, peer), s->peer_port);
}

/* A v4-mapped address of an IPv6 socket is asked for in its own, IPv6, form. */
static void put_addr(uint8_t family, const struct kr_addr *a, void *out)
{
    if (family == AF_INET)
        kr_addr_bytes(a, out);
    else
        memcpy(out, a->b, sizeof a->b);
}

static void put_id(const struct kr_sock *s, struct inet_diag_sockid *id)
{
    put_addr(s->family, &s->local, id->idiag_src);
    put_addr(s->family, &s->peer, id->idiag_dst);
    id->idiag_sport = htons(s->local_port);
    id->idiag_dport = htons(s->peer_port);
    id->idiag_if = s->ifindex;
    memcpy(id->idiag_cookie, s->cookie, sizeof s->cookie);
}

int kr_sock_destroy(struct kr_nl *nl, const struct kr_sock *s, struct kr_err *e)
{
    char buf[256];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = SOCK_DESTROY;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof *req);
    req->sdiag_family = s->family;
    req->sdiag_protocol = IPPROTO_TCP;
    req->idiag_states = UINT32_MAX;
    put_id(s, &req->id);
    int got = kr_nl_ask(nl, nlh, NULL, NULL, e);
    if (got == 0 || got == ENOENT || got == ESTALE)
        return 0;
    /* Before 4.5 the message type itself is unknown: EINVAL. */
    if (got == EOPNOTSUPP || got == EINVAL)
        return EOPNOTSUPP;
    if (got == KR_NL_AGAIN)
        got = ENOBUFS;
    return got < 0 ? -1 : destroy_failed(s, got, e);
}

#include <kr/listener.h>

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

static int on_listener(const struct nlmsghdr *nlh, void *arg)
{
    struct kr_listeners *out = arg;
    const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *m)
        return -1;
    if (m->idiag_state != TCP_LISTEN)
        return 0;
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    struct kr_listener *l = &out->v[out->n++];
    *l = (struct kr_listener){
        .local = kr_addr_make(m->idiag_family, m->id.idiag_src),
        .port = ntohs(m->id.idiag_sport),
        .backlog = m->idiag_wqueue, /* inet_diag: of a listener its limit and its queue */
        .queued = m->idiag_rqueue,
        .uid = m->idiag_uid,
        .inode = m->idiag_inode,
    };
    l->any = kr_addr_is_any(&l->local);
    return 0;
}

static int dump(uint8_t family, struct kr_listeners *out, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    char buf[256];
    if (kr_nl_open(&nl, NETLINK_SOCK_DIAG, e))
        return -1;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof *req);
    req->sdiag_family = family;
    req->sdiag_protocol = IPPROTO_TCP;
    req->idiag_states = 1u << TCP_LISTEN;
    return kr_nl_ask(&nl, nlh, on_listener, out, e);
}

static int dump_again(uint8_t family, struct kr_listeners *out, struct kr_err *e)
{
    size_t before = out->n;
    int got = KR_NL_AGAIN;
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++) {
        out->n = before;
        got = dump(family, out, e);
    }
    return got;
}

int kr_listeners_read(struct kr_listeners *out, struct kr_err *e)
{
    memset(out, 0, sizeof *out);
    int got = dump_again(AF_INET, out, e);
    if (!got)
        got = dump_again(AF_INET6, out, e);
    if (!got)
        return 0;
    kr_listeners_free(out);
    if (got == KR_NL_AGAIN)
        return kr_fail(e, KR_UNKNOWN, 0, "listing listeners was interrupted %d times", TRIES);
    if (got == ENOENT)
        return kr_fail(e, KR_CANNOT, 0,
                       "this kernel can't list TCP sockets (tcp_diag, CONFIG_INET_TCP_DIAG)");
    return got < 0 ? -1 : kr_fail(e, KR_UNKNOWN, got, "listing listeners");
}

void kr_listeners_free(struct kr_listeners *l)
{
    free(l->v);
    memset(l, 0, sizeof *l);
}

#include <kr/bare_sock.h>

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/nl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>

#define TRIES 8

static struct kr_bare_sock *add(struct kr_bare_socks *out)
{
    out->v = kr_grow(out->v, &out->cap, out->n + 1, sizeof *out->v);
    return memset(&out->v[out->n++], 0, sizeof *out->v);
}

static int on_packet(const struct nlmsghdr *nlh, void *arg)
{
    const struct packet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
    struct nlattr *a[PACKET_DIAG_MAX + 1];
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *m ||
        nlmsg_parse((void *)(uintptr_t)nlh, sizeof *m, a, PACKET_DIAG_MAX, NULL) ||
        !a[PACKET_DIAG_INFO] || nla_len(a[PACKET_DIAG_INFO]) < (int)sizeof(struct packet_diag_info))
        return -1;
    const struct packet_diag_info *info = nla_data(a[PACKET_DIAG_INFO]);
    *add(arg) = (struct kr_bare_sock){
        .family = AF_PACKET,
        .inode = m->pdiag_ino,
        .ifindex = info->pdi_index,
        .protocol = m->pdiag_num, /* in host order: packet_sock.num */
        .type = m->pdiag_type,
        .tx_ring = a[PACKET_DIAG_TX_RING] != NULL,
    };
    return 0;
}

/* 0, an errno value (ENOENT: no packet_diag), KR_NL_AGAIN or -1. */
static int dump(struct kr_bare_socks *out, struct kr_err *e)
{
    KR_AUTO_NL struct kr_nl nl = {0};
    char buf[128];
    if (kr_nl_open(&nl, NETLINK_SOCK_DIAG, e))
        return -1;
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct packet_diag_req *req = mnl_nlmsg_put_extra_header(nlh, sizeof *req);
    req->sdiag_family = AF_PACKET;
    req->pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_RING_CFG;
    return kr_nl_ask(&nl, nlh, on_packet, out, e);
}

/* "0000000012345678 3      3    88cc   2     1 0      0      12345" (packet_seq_show()) */
static bool packet_line(const char *line, struct kr_bare_socks *out)
{
    unsigned type, protocol, ifindex, inode;
    if (sscanf(line, "%*s %*u %u %4x %u %*u %*u %*u %u", &type, &protocol, &ifindex, &inode) != 4)
        return false;
    struct kr_bare_sock *s = add(out);
    s->family = AF_PACKET;
    s->type = (uint8_t)type;
    s->protocol = (uint16_t)protocol;
    s->ifindex = ifindex;
    s->inode = inode;
    return true;
}

/* " 255: 00000000:00FF 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 12345 2 ..."
 * (raw_sock_seq_show()): the local port is the protocol. */
static bool raw_line(const char *line, int family, struct kr_bare_socks *out)
{
    unsigned protocol, inode;
    if (sscanf(line,
               "%*u: %*[0-9A-Fa-f]:%4x %*[0-9A-Fa-f:] %*x %*[0-9A-Fa-f:] %*[0-9A-Fa-f:] "
               "%*x %*u %*u %u",
               &protocol, &inode) != 2)
        return false;
    struct kr_bare_sock *s = add(out);
    s->family = family;
    s->type = 3; /* SOCK_RAW */
    s->protocol = (uint16_t)protocol;
    s->inode = inode;
    return true;
}

/* A file of a family which the kernel does not have is not there. */
static int read_lines(const char *path, int family, struct kr_bare_socks *out, struct kr_err *e)
{
    KR_AUTO_FREE char *line = NULL;
    size_t cap = 0;
    FILE *in = fopen(path, "re");
    if (!in)
        return errno == ENOENT ? 0 : kr_fail(e, KR_UNKNOWN, errno, "%s", path);
    bool good = getline(&line, &cap, in) > 0; /* the titles */
    while (good && getline(&line, &cap, in) > 0)
        good = family == AF_PACKET ? packet_line(line, out) : raw_line(line, family, out);
    good &= !ferror(in);
    fclose(in);
    return good ? 0 : kr_fail(e, KR_UNKNOWN, 0, "%s can't be read", path);
}

int kr_packet_socks_read(struct kr_bare_socks *out, struct kr_err *e)
{
    size_t before = out->n;
    int got = KR_NL_AGAIN;
    for (int i = 0; got == KR_NL_AGAIN && i < TRIES; i++) {
        out->n = before;
        got = dump(out, e);
    }
    if (got == ENOENT)
        got = read_lines("/proc/thread-self/net/packet", AF_PACKET, out, e);
    if (got)
        kr_bare_socks_free(out);
    if (got == KR_NL_AGAIN)
        return kr_fail(e, KR_UNKNOWN, EINTR, "listing packet sockets");
    return got > 0 ? kr_fail(e, KR_UNKNOWN, got, "listing packet sockets") : got;
}

int kr_raw_socks_read(struct kr_bare_socks *out, struct kr_err *e)
{
    if (!read_lines("/proc/thread-self/net/raw", AF_INET, out, e) &&
        !read_lines("/proc/thread-self/net/raw6", AF_INET6, out, e))
        return 0;
    kr_bare_socks_free(out);
    return -1;
}

void kr_bare_socks_free(struct kr_bare_socks *s)
{
    free(s->v);
    memset(s, 0, sizeof *s);
}

#include "ask.h"

#include <kr/err.h>
#include <kr/mem.h>

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

/* The macros of linux/netlink.h mix signed and unsigned. */
#define ALIGNED(n) (((size_t)(n) + 3u) & ~(size_t)3u)
#define HEADER sizeof(struct nlmsghdr)
#define ATTRIBUTE sizeof(struct nlattr)

struct question {
    struct nlmsghdr h;
    union {
        struct rtmsg rt;
        struct nfgenmsg nf;
    };
    char attributes[128];
};
struct answer {
    _Alignas(struct nlmsghdr) char data[8192];
    struct nlmsghdr *h;
};

static void begin(struct question *q, unsigned type, size_t header)
{
    memset(q, 0, sizeof *q);
    q->h = (struct nlmsghdr){.nlmsg_len = (uint32_t)(HEADER + header),
                             .nlmsg_type = (uint16_t)type,
                             .nlmsg_flags = NLM_F_REQUEST,
                             .nlmsg_seq = 1};
}

static void put(struct question *q, unsigned short type, const void *data, size_t n)
{
    struct nlattr a = {(uint16_t)(ATTRIBUTE + n), type};
    char *at = (char *)q + ALIGNED(q->h.nlmsg_len);
    memcpy(at, &a, sizeof a);
    memcpy(at + ATTRIBUTE, data, n);
    q->h.nlmsg_len = (uint32_t)(at + ATTRIBUTE + n - (char *)q);
}

/* 0: an answer; an errno value above 0: the kernel's refusal; -1: none of both. */
static int ask(int protocol, const struct question *q, struct answer *a)
{
    struct timeval limit = {.tv_sec = 5};
    KR_AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) ||
        sendto(fd, q, q->h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return -1;
    ssize_t n = recv(fd, a->data, sizeof a->data, 0);
    a->h = (struct nlmsghdr *)(void *)a->data;
    if (n < (ssize_t)HEADER || a->h->nlmsg_len > (size_t)n)
        return -1;
    if (a->h->nlmsg_type != NLMSG_ERROR)
        return 0;
    const struct nlmsgerr *refusal = (const void *)(a->data + HEADER);
    return refusal->error ? -refusal->error : -1;
}

/* The attribute behind a header of so many octets; NULL: it is not there. */
static const char *get(const struct answer *a, size_t header, unsigned type, size_t least)
{
    const char *p = a->data + HEADER + ALIGNED(header), *end = a->data + a->h->nlmsg_len;
    struct nlattr at;
    while (p + ATTRIBUTE <= end) {
        memcpy(&at, p, sizeof at);
        if (at.nla_len < ATTRIBUTE || p + at.nla_len > end)
            break;
        if ((at.nla_type & NLA_TYPE_MASK) == type && at.nla_len >= ATTRIBUTE + least)
            return p + ATTRIBUTE;
        p += ALIGNED(at.nla_len);
    }
    return NULL;
}

static uint32_t number(const struct answer *a, unsigned type)
{
    uint32_t v = 0;
    const char *at = get(a, sizeof(struct rtmsg), type, sizeof v);
    if (at)
        memcpy(&v, at, sizeof v);
    return v;
}

int ask_route(const struct kr_addr *to, unsigned scope, uint16_t port, struct route *out,
              struct kr_err *e)
{
    struct question q;
    struct answer a;
    uint8_t bytes[16], tcp = IPPROTO_TCP;
    uint16_t dport = htons(port);
    size_t n = kr_addr_bytes(to, bytes);
    begin(&q, RTM_GETROUTE, sizeof q.rt);
    q.rt = (struct rtmsg){.rtm_family = (unsigned char)kr_addr_family(to),
                          .rtm_dst_len = (unsigned char)(n * 8),
                          .rtm_flags = RTM_F_LOOKUP_TABLE};
    put(&q, RTA_DST, bytes, n);
    if (scope)
        put(&q, RTA_OIF, &scope, sizeof scope);
    if (port) {
        put(&q, RTA_IP_PROTO, &tcp, sizeof tcp);
        put(&q, RTA_DPORT, &dport, sizeof dport);
    }
    int refused = ask(NETLINK_ROUTE, &q, &a);
    if (refused > 0)
        return 1;
    if (refused || a.h->nlmsg_type != RTM_NEWROUTE)
        return kr_fail(e, KR_UNKNOWN, errno, "asking the kernel for a route");
    const struct rtmsg *rt = (const void *)(a.data + HEADER);
    *out = (struct route){rt->rtm_type, number(&a, RTA_TABLE),
                          get(&a, sizeof *rt, RTA_GATEWAY, 0) || get(&a, sizeof *rt, RTA_VIA, 0) ||
                              get(&a, sizeof *rt, RTA_ENCAP, 0),
                          number(&a, RTA_OIF)};
    return 0;
}

int ask_generation(uint32_t *out, struct kr_err *e)
{
    struct question q;
    struct answer a;
    uint32_t id;
    begin(&q, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, sizeof q.nf);
    q.nf = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
    int refused = ask(NETLINK_NETFILTER, &q, &a);
    if (refused == EPERM)
        return 1;
    const char *at = refused ? NULL : get(&a, sizeof q.nf, NFTA_GEN_ID, sizeof id);
    if (!at)
        return kr_fail(e, KR_UNKNOWN, refused > 0 ? refused : 0,
                       "asking the kernel for the generation of its rules");
    memcpy(&id, at, sizeof id);
    *out = ntohl(id);
    return 0;
}

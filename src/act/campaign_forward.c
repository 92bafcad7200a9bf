/* A container in small: a child enters a network namespace of its own, which it ties to this one by
 * a veth pair, and sends through it. The pair and the namespace go with the child, however it ends.
 */
#include "campaign.h"

#include <kr/err.h>
#include <kr/mem.h>
#include <kr/rt.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NEAR "kumo-probe0" /* the end here */
#define FAR "eth0"
#define NEAR4 "198.18.27.1"
#define FAR4 "198.18.27.2"
#define NEAR6 "2001:2:0:27::1"
#define FAR6 "2001:2:0:27::2"
#define READY_MS 3000
#define CARRIER_MS 1000
#define CONTROL_MS \
    1500 /* the first SYN may be lost to neighbour discovery: the second comes at 1 s */
#define NEGATIVE_MS 150
#define LEAVE_MS 1000

static bool forwards(void)
{
    static const char *const files[] = {"/proc/sys/net/ipv4/ip_forward",
                                        "/proc/sys/net/ipv6/conf/all/forwarding"};
    bool on = false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char c = '0';
        KR_AUTO_FD int fd = open(files[i], O_RDONLY | O_CLOEXEC);
        on |= fd >= 0 && read(fd, &c, 1) == 1 && c != '0';
    }
    return on;
}

/* ---- in the child
 * --------------------------------------------------------------------------------
 */

static struct kr_addr addr(const char *text)
{
    struct kr_addr a = {0};
    struct kr_err e;
    kr_addr_parse(text, &a, &e);
    return a;
}

static void queue_pair(struct kr_rt *rt, int here)
{
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC};
    struct nl_msg *m = kr_rt_queue(rt, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, "a veth pair");
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_string(m, IFLA_IFNAME, FAR);
    struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
    nla_put_string(m, IFLA_INFO_KIND, "veth");
    struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);
    struct nlattr *peer = nla_nest_start(m, VETH_INFO_PEER);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_string(m, IFLA_IFNAME, NEAR);
    nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)here);
    nla_nest_end(m, peer);
    nla_nest_end(m, data);
    nla_nest_end(m, info);
}

static void queue_up(struct kr_rt *rt, const char *name)
{
    struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct nl_msg *m = kr_rt_queue(rt, RTM_NEWLINK, 0, 0, "setting up %s", name);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put_string(m, IFLA_IFNAME, name);
}

/* IPv6 may be off: then its addresses and routes are refused, and nothing is sent by it. */
static void queue_address(struct kr_rt *rt, unsigned ifindex, const char *text)
{
    struct kr_addr a = addr(text);
    uint8_t bytes[16];
    size_t n = kr_addr_bytes(&a, bytes);
    struct ifaddrmsg h = {.ifa_family = (uint8_t)kr_addr_family(&a),
                          .ifa_prefixlen = n == 4 ? 30 : 126,
                          .ifa_flags = IFA_F_NODAD,
                          .ifa_index = ifindex};
    struct nl_msg *m =
        kr_rt_queue(rt, RTM_NEWADDR, NLM_F_CREATE, n == 4 ? 0 : EACCES, "the address %s", text);
    nlmsg_append(m, &h, sizeof h, NLMSG_ALIGNTO);
    nla_put(m, IFA_LOCAL, (int)n, bytes);
    nla_put(m, IFA_ADDRESS, (int)n, bytes);
}

static void queue_default(struct kr_rt *rt, const char *gateway)
{
    struct kr_route r = {.gateway = addr(gateway),
                         .has_gateway = true,
                         .oif = if_nametoindex(FAR),
                         .table = RT_TABLE_MAIN,
                         .type = RTN_UNICAST,
                         .protocol = RTPROT_STATIC,
                         .scope = RT_SCOPE_UNIVERSE};
    r.family = (uint8_t)kr_addr_family(&r.gateway);
    r.dst = (struct kr_prefix){.len = r.family == AF_INET ? 96 : 0};
    if (r.family == AF_INET)
        r.dst.addr = kr_addr_make(AF_INET, (const uint8_t[4]){0});
    kr_rt_route_add(rt, &r, NLM_F_CREATE);
}

struct device {
    const char *name;
    unsigned index; /* 0: there is none of that name */
    bool carries;   /* IF_OPER_UP */
};

static int on_link(const struct nlmsghdr *h, void *arg, struct kr_err *e)
{
    struct device *d = arg;
    struct nlmsghdr *m = (struct nlmsghdr *)(uintptr_t)h;
    struct nlattr *name = nlmsg_find_attr(m, sizeof(struct ifinfomsg), IFLA_IFNAME);
    struct nlattr *state = nlmsg_find_attr(m, sizeof(struct ifinfomsg), IFLA_OPERSTATE);
    (void)e;
    if (!name || strncmp(nla_get_string(name), d->name, IFNAMSIZ) != 0)
        return 0;
    d->index = (unsigned)((const struct ifinfomsg *)nlmsg_data(m))->ifi_index;
    d->carries = state && nla_get_u8(state) == IF_OPER_UP;
    return 0;
}

static int look_at(struct kr_rt *rt, struct device *d, struct kr_err *e)
{
    const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
    return kr_rt_dump(rt, RTM_GETLINK, &all, sizeof all, on_link, d, e);
}

/* Until the kernel has noticed the carrier (linkwatch), a device that is up drops what is sent, and
 * a SYN is sent again only after a second. Gives up silently: then that is what happens. */
static int await_carrier(struct kr_rt *rt, const char *name, struct kr_err *e)
{
    struct device d = {.name = name};
    for (int i = 0; i < CARRIER_MS; i++) {
        if (look_at(rt, &d, e))
            return -1;
        if (d.carries)
            return 0;
        poll(NULL, 0, 1);
    }
    return 0;
}

static int build(struct kr_rt *there, struct kr_err *e)
{
    KR_AUTO_RT struct kr_rt here = {0};
    KR_AUTO_FD int ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (ns < 0 || kr_rt_open(&here, e))
        return -1;
    if (unshare(CLONE_NEWNET))
        return kr_fail(e, KR_UNKNOWN, errno, "a network namespace to try from");
    if (kr_rt_open(there, e))
        return -1;
    queue_pair(there, ns);
    if (kr_rt_flush(there, e))
        return -1;
    struct device near = {.name = NEAR};
    if (look_at(&here, &near, e))
        return -1;
    if (!near.index)
        return kr_fail(e, KR_UNKNOWN, 0, "the device " NEAR " did not appear");
    queue_up(&here, NEAR);
    queue_address(&here, near.index, NEAR4);
    queue_address(&here, near.index, NEAR6);
    queue_up(there, FAR);
    queue_address(there, if_nametoindex(FAR), FAR4);
    queue_address(there, if_nametoindex(FAR), FAR6);
    if (kr_rt_flush(&here, e) || kr_rt_flush(there, e))
        return -1;
    queue_default(there, NEAR4);
    kr_rt_flush(there, e);
    queue_default(there, NEAR6);
    kr_rt_flush(there, e);
    return await_carrier(&here, NEAR, e) || await_carrier(there, FAR, e) ? -1 : 0;
}

/* One byte from the parent lets the next kind of shots go; at the end of the pipe the pair is taken
 * away, since the kernel takes its time with the namespace of a child that just ends. */
static void child(const struct kr_campaign *c, size_t from, int orders, int answers)
{
    struct kr_err e = {0};
    struct kr_rt there = {0};
    char word;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (build(&there, &e)) {
        if (write(answers, e.msg, strlen(e.msg)) < 0)
            _exit(1);
        _exit(1);
    }
    word = '+';
    if (write(answers, &word, 1) != 1)
        _exit(1);
    while (read(orders, &word, 1) == 1)
        for (size_t i = from; i < c->n; i++)
            if (c->v[i].control == (word == 'c'))
                kr_shot_send(&c->v[i]);
    kr_rt_link_del(&there, if_nametoindex(FAR), FAR);
    kr_rt_flush(&there, &e);
    _exit(0);
}

/* ---- in the parent
 * -------------------------------------------------------------------------------
 */

struct helper {
    pid_t pid;
    int orders, answers;
};

static void end_helper(struct helper *h)
{
    struct pollfd gone = {.fd = h->answers, .events = POLLIN};
    kr_close_fd(&h->orders);
    if (h->answers >= 0)
        poll(&gone, 1, LEAVE_MS);
    kr_close_fd(&h->answers);
    if (h->pid > 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
}

static int start_helper(struct helper *h, const struct kr_campaign *c, size_t from,
                        struct kr_err *e)
{
    int down[2], up[2];
    if (pipe2(down, O_CLOEXEC))
        return kr_fail(e, KR_UNKNOWN, errno, "a pipe");
    h->orders = down[1];
    KR_AUTO_FD int orders = down[0];
    if (pipe2(up, O_CLOEXEC))
        return kr_fail(e, KR_UNKNOWN, errno, "a pipe");
    h->answers = up[0];
    KR_AUTO_FD int answers = up[1];
    h->pid = fork();
    if (h->pid < 0)
        return kr_fail(e, KR_UNKNOWN, errno, "a child");
    if (h->pid == 0) {
        kr_close_fd(&h->orders);
        child(c, from, orders, answers);
    }
    return 0;
}

static int await_helper(const struct helper *h, struct kr_err *e)
{
    char text[256] = "";
    struct pollfd p = {.fd = h->answers, .events = POLLIN};
    if (poll(&p, 1, READY_MS) != 1)
        return kr_fail(e, KR_UNKNOWN, 0, "the namespace to try from did not get ready");
    ssize_t n = read(h->answers, text, sizeof text - 1);
    if (n >= 1 && text[0] == '+')
        return 0;
    return kr_fail(e, KR_UNKNOWN, 0, "%s", n > 0 ? text : "the child ended");
}

static int order(const struct helper *h, char word, struct kr_err *e)
{
    return write(h->orders, &word, 1) == 1
               ? 0
               : kr_fail(e, KR_UNKNOWN, errno, "the child that sends from a namespace");
}

static int try_it(struct kr_campaign *c, size_t from, struct kr_err *e)
{
    __attribute__((cleanup(end_helper))) struct helper h = {.orders = -1, .answers = -1};
    if (start_helper(&h, c, from, e) || await_helper(&h, e) || order(&h, 'c', e) ||
        kr_campaign_wait(c, from, true, CONTROL_MS, e) || order(&h, 'n', e))
        return -1;
    return kr_campaign_wait(c, from, false, NEGATIVE_MS, e);
}

int kr_campaign_forward(struct kr_campaign *c, uint16_t port, uint16_t control, struct kr_err *e)
{
    static const char *const sources[] = {FAR4, FAR6};
    size_t from = c->n;
    if (!forwards()) {
        snprintf(c->forward, sizeof c->forward, "this host forwards nothing");
        return 0;
    }
    for (size_t i = 0; i < 2; i++)
        kr_campaign_pair(
            c, &(struct kr_shot){.method = KR_BY_FORWARD, .source = addr(sources[i]), .port = port},
            control);
    return try_it(c, from, e) ? kr_wrap(e, "trying forwarded packets") : 0;
}

/*
 * Tells when the kernel says that something changed.
 *
 *   bell
 *
 * Prints "ready", then one line an event, with microseconds of CLOCK_MONOTONIC in front:
 *   US rules PID          a transaction of nftables was committed by that process
 *   US newlink NAME | US dellink NAME | US newaddr | US deladdr | US newroute | US delroute
 *   US newrule | US delrule
 * Ends when its standard input does.
 */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static unsigned long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000u + (unsigned long long)t.tv_nsec / 1000u;
}

static int open_bus(int bus, const int *groups, size_t n)
{
    const struct sockaddr_nl me = {.nl_family = AF_NETLINK};
    int size = 8 << 20, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&me, sizeof me)) {
        perror("netlink");
        exit(2);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    for (size_t i = 0; i < n; i++)
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof *groups)) {
            perror("membership");
            exit(2);
        }
    return fd;
}

/* The attribute of this type behind a header of `skip` bytes, or NULL. */
static const void *attribute(const struct nlmsghdr *h, size_t skip, uint16_t type)
{
    const struct nlattr *a = (const void *)((const char *)h + NLMSG_HDRLEN + NLMSG_ALIGN(skip));
    const char *end = (const char *)h + h->nlmsg_len;
    while ((const char *)(a + 1) <= end && a->nla_len >= sizeof *a) {
        if ((a->nla_type & NLA_TYPE_MASK) == type)
            return a + 1;
        a = (const void *)((const char *)a + NLMSG_ALIGN(a->nla_len));
    }
    return NULL;
}

static void rules(const struct nlmsghdr *h, unsigned long long us)
{
    uint32_t pid = 0;
    if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWGEN)
        return;
    const void *a = attribute(h, sizeof(struct nfgenmsg), NFTA_GEN_PROC_PID);
    if (a)
        memcpy(&pid, a, sizeof pid);
    printf("%llu rules %u\n", us, ntohl(pid));
}

static void routing(const struct nlmsghdr *h, unsigned long long us)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = {{RTM_NEWLINK, "newlink"}, {RTM_DELLINK, "dellink"},   {RTM_NEWADDR, "newaddr"},
                 {RTM_DELADDR, "deladdr"}, {RTM_NEWROUTE, "newroute"}, {RTM_DELROUTE, "delroute"},
                 {RTM_NEWRULE, "newrule"}, {RTM_DELRULE, "delrule"}};
    const char *device = "";
    if (h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK)
        device = attribute(h, sizeof(struct ifinfomsg), IFLA_IFNAME);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == h->nlmsg_type)
            printf("%llu %s %s\n", us, names[i].name, device ? device : "");
}

static void take(int fd, void (*tell)(const struct nlmsghdr *h, unsigned long long us))
{
    static char buf[1 << 16];
    unsigned long long us = now();
    ssize_t n = recv(fd, buf, sizeof buf, 0);
    if (n < 0) {
        printf("%llu lost\n", us);
        return;
    }
    for (size_t at = 0, left = n > 0 ? (size_t)n : 0; at < left;) {
        const struct nlmsghdr *h = (const void *)(buf + at);
        if (!NLMSG_OK(h, left - at))
            return;
        tell(h, us);
        at += NLMSG_ALIGN(h->nlmsg_len);
    }
}

int main(void)
{
    static const int nft[] = {NFNLGRP_NFTABLES};
    static const int rt[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                             RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
                             RTNLGRP_IPV6_RULE};
    struct pollfd p[] = {{.fd = open_bus(NETLINK_NETFILTER, nft, 1), .events = POLLIN},
                         {.fd = open_bus(NETLINK_ROUTE, rt, 7), .events = POLLIN},
                         {.fd = STDIN_FILENO, .events = POLLIN}};
    setpriority(PRIO_PROCESS, 0, -20); /* so that its times are the kernel's */
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (poll(p, 3, -1) > 0) {
        if (p[0].revents)
            take(p[0].fd, rules);
        if (p[1].revents)
            take(p[1].fd, routing);
        if (p[2].revents)
            return 0;
    }
    return 2;
}

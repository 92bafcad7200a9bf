/* Netlink sockets (netlink(7)) over libmnl: requests whose answers are read to the end. */
#ifndef KR_NL_H
#define KR_NL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kr_err;
struct mnl_socket;
struct nlmsghdr;

struct kr_nl {
    struct mnl_socket *socket;
    int bus;
    ino_t netns; /* where it was opened; 0: not known */
    uint32_t seq;
    char *buf; /* one receive buffer, big enough for any dump */
};

/* bus: NETLINK_NETFILTER, NETLINK_SOCK_DIAG ... Returns 0, or -1 (KR_CANNOT). */
int kr_nl_open(struct kr_nl *nl, int bus, struct kr_err *e);
/* One that no child can have inherited: for what belongs to a port. */
int kr_nl_open_new(struct kr_nl *nl, int bus, struct kr_err *e);
void kr_nl_close(struct kr_nl *nl);
/* Closes it for good: what belongs to its port (nftables' owner flag) belongs to nobody then. */
void kr_nl_end(struct kr_nl *nl);
uint32_t kr_nl_port(const struct kr_nl *nl);

typedef int (*kr_nl_cb)(const struct nlmsghdr *nlh, void *arg);
/* Sends a request whose nlmsg_seq is set here and hands each answer to cb until the end of the
 * dump, an ack or, for a plain get, the single answer. Returns 0; the kernel's error number (> 0:
 * ENOENT and its like), which is for the caller to judge; -1 (KR_UNKNOWN) for a lost or torn
 * answer: a dump marked NLM_F_DUMP_INTR gives KR_NL_AGAIN. */
int kr_nl_ask(struct kr_nl *nl, struct nlmsghdr *req, kr_nl_cb cb, void *arg, struct kr_err *e);
#define KR_NL_AGAIN 10000 /* interrupted or overrun: ask again from the start */

/* The first message of a batch that was refused, and why. */
struct kr_nl_refusal {
    uint32_t seq;
    uint32_t offset;  /* of the attribute the kernel points at, from the message's start; 0: none */
    char reason[128]; /* the kernel's own words (NLMSGERR_ATTR_MSG), or "" */
};
/* Sends a batch of messages and reads until `last_seq` is acknowledged or refused. Returns 0; the
 * errno value of the first message that was refused; -1: KR_CANNOT when it could not be sent,
 * KR_UNKNOWN when an answer was lost. */
int kr_nl_batch(struct kr_nl *nl, const void *batch, size_t len, uint32_t last_seq,
                struct kr_nl_refusal *refusal, struct kr_err *e);

#define KR_AUTO_NL __attribute__((cleanup(kr_nl_close)))

#endif

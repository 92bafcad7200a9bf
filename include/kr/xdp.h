/* XDP programs on devices, and AF_XDP sockets: what meets the wire below every packet rule. */
#ifndef KR_XDP_H
#define KR_XDP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;
struct nlmsghdr;

struct kr_xdp { /* a device with a program, by IFLA_XDP (include/uapi/linux/if_link.h) */
    unsigned ifindex;
    char name[IFNAMSIZ];
    uint32_t native, generic, offloaded; /* ids of programs; 0: none */
    bool odd;                            /* attached, but no id is said: before Linux 4.13 */
};
struct kr_xdps {
    struct kr_xdp *v;
    size_t n, cap;
    size_t links; /* devices that were looked at */
};
/* Every device of this thread's network namespace that runs a program. An interrupted dump is read
 * again, at most 8 times. Returns 0, or -1 (KR_UNKNOWN). */
int kr_xdp_read(struct kr_xdps *out, struct kr_err *e);
int kr_xdp_row(const struct nlmsghdr *h, void *xdps, struct kr_err *e); /* one RTM_NEWLINK */
void kr_xdp_free(struct kr_xdps *x);

/* How many AF_XDP sockets this network namespace has, by the kernel's own count of sockets in use
 * (/proc/net/protocols; net/xdp/xsk.c counts since 4.18, its first version). A bound socket keeps
 * to devices of its namespace. Returns 0, or -1 (KR_UNKNOWN). */
int kr_xsk_count(size_t *n, bool *absent, struct kr_err *e);
/* The same from a text. *absent: it has no line of that protocol. */
int kr_xsk_parse(const char *text, size_t *n, bool *absent);

struct kr_xsk_owner {
    int pid;
    char name[16];
};
/* Processes that hold an AF_XDP socket, by what /proc/PID/fd says of each descriptor
 * (system.sockprotoname, net/socket.c); of any network namespace. Best effort: at most `max`.
 * Returns how many. */
size_t kr_xsk_owners(struct kr_xsk_owner *out, size_t max);

#endif

/* The links of a network namespace, and which namespaces they lead to (rtnetlink(7), netns ids). */
#ifndef KR_NSVIEW_H
#define KR_NSVIEW_H

#include <kr/netview.h>

struct kr_err;
struct kr_nl;

#define KR_NSID_NONE (-1) /* NETNSA_NSID_NOT_ASSIGNED: no link of the one leads to the other */

struct kr_far_link {
    struct kr_link link;
    int nsid;        /* IFLA_LINK_NETNSID: where `beyond` is; KR_NSID_NONE: in this namespace */
    unsigned beyond; /* IFLA_LINK: lower device, other end of a pair or underlay; 0: none */
    unsigned vfs;    /* IFLA_NUM_VF */
    int ipvlan_mode; /* IPVLAN_MODE_*; -1: no ipvlan */
    bool carrier;    /* IFF_LOWER_UP: of a tun device, that a program holds it */
};
struct kr_nsview {
    struct kr_far_link *v; /* as the kernel lists them */
    size_t n, cap;
};

/* `nl` is open on NETLINK_ROUTE, in the namespace that is asked. An interrupted dump is read again,
 * at most 8 times. Each returns 0, or -1 (KR_UNKNOWN). */
int kr_nsview_read(struct kr_nl *nl, struct kr_nsview *out, struct kr_err *e);
void kr_nsview_free(struct kr_nsview *v);
/* The id which the asked namespace has for the one behind `fd` (/proc/PID/ns/net), KR_NSID_NONE
 * when it has none (RTM_GETNSID, Linux 4.0). */
int kr_nsid_of(struct kr_nl *nl, int fd, int *out, struct kr_err *e);
/* Does the namespace still live that the asked one has this id for? A dying one keeps its id until
 * it is cleaned up (RTM_GETNSID by NETNSA_NSID, Linux 5.0; before that the answer is yes). */
int kr_nsid_alive(struct kr_nl *nl, int nsid, bool *out, struct kr_err *e);
/* Every id that the asked namespace has for another; the caller frees *out. */
int kr_nsid_list(struct kr_nl *nl, int **out, size_t *n, struct kr_err *e);

#endif

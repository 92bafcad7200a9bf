/* Traffic control (tc(8)): queueing disciplines, filters and their actions, as the kernel has them.
 */
#ifndef KR_TC_H
#define KR_TC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;
struct nlmsghdr;

#define KR_TC_KIND 16 /* IFNAMSIZ, which is how the kernel sizes names of kinds */

struct kr_tc_qdisc {
    unsigned ifindex;
    uint32_t handle, parent; /* TC_H_* */
    char kind[KR_TC_KIND];
    bool qevents; /* RED: filters of a block run when it drops or marks */
};
struct kr_tc_action {
    char kind[KR_TC_KIND];
    unsigned target; /* mirred: the device; 0: none, or several (a block) */
};
struct kr_tc_filter {
    unsigned ifindex;
    uint32_t parent, handle;
    uint32_t block; /* of a block that qdiscs share; 0: its own */
    uint16_t pref;
    char kind[KR_TC_KIND];
    bool unknown_kind; /* its actions can't be read */
    bool program;      /* an eBPF program decides, which may do more than classify */
    uint32_t prog;     /* its id, or 0 */
    uint32_t flags;    /* TCA_CLS_FLAGS_* */
    size_t first_action, n_actions;
};
struct kr_tc {
    struct kr_tc_qdisc *qdiscs;
    struct kr_tc_filter *filters;
    struct kr_tc_action *actions;
    size_t n_qdiscs, n_filters, n_actions;
    size_t cap_qdiscs, cap_filters, cap_actions;
};
/* Reads the qdiscs of every device of this thread's network namespace and every filter on them and
 * on their classes, those of shared blocks with each. A dump that was interrupted is read again, at
 * most 8 times. A kernel without traffic control has none. Returns 0, or -1 (KR_UNKNOWN). */
int kr_tc_read(struct kr_tc *out, struct kr_err *e);
void kr_tc_free(struct kr_tc *t);

/* One message of a dump: RTM_NEWQDISC; RTM_NEWTFILTER of the device `ifindex`. */
int kr_tc_qdisc_row(const struct nlmsghdr *h, struct kr_tc *t, struct kr_err *e);
int kr_tc_filter_row(const struct nlmsghdr *h, unsigned ifindex, struct kr_tc *t, struct kr_err *e);

#endif

/* What bpf(2) tells of programs that somebody loaded: all of this machine, whatever the namespace.
 */
#ifndef KR_BPF_H
#define KR_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;

/* What Debian 12's <linux/bpf.h> (Linux 6.1) does not have yet. */
#define KR_BPF_PROG_NETFILTER 32 /* fd9c663b9ad6, Linux 6.4 */
#define KR_BPF_LINK_NETFILTER 10 /* 84601d6ee68a, Linux 6.4 */
#define KR_BPF_LINK_SOCKMAP 14   /* 699c23f02c65, Linux 6.10 */
#define KR_BPF_TCX_INGRESS 46    /* e420bed02507, Linux 6.6, as the next one */
#define KR_BPF_TCX_EGRESS 47
#define KR_BPF_UNIX 49           /* to 53; 859051dd165e, Linux 6.7 */
#define KR_BPF_NETKIT_PRIMARY 54 /* 35dfaad7188c, Linux 6.7, as the next one */
#define KR_BPF_NETKIT_PEER 55

struct kr_bpf_prog {
    uint32_t id, type;           /* BPF_PROG_TYPE_* */
    char name[BPF_OBJ_NAME_LEN]; /* "" without one; printable */
    uint32_t sockmap;            /* id of the sockmap it is attached to; 0: none is known */
    bool devmap;                 /* it uses a device map, or its maps can't be seen */
};
struct kr_bpf_link {
    uint32_t id, type, prog; /* BPF_LINK_TYPE_* */
    uint32_t where;   /* ifindex; inode of a network namespace; id of a sockmap; protocol family */
    uint32_t attach;  /* BPF_*, the attach type; of a netfilter link its hook */
    int32_t priority; /* of a netfilter link */
};
struct kr_bpf {
    bool absent;               /* the kernel has no bpf(2): nothing can be loaded */
    struct kr_bpf_prog *progs; /* by id */
    struct kr_bpf_link *links; /* none before Linux 5.8, which does not list them */
    size_t n_progs, n_links;
};
/* Lists loaded programs and links. Needs CAP_SYS_ADMIN in the initial user namespace. What goes
 * meanwhile is left out. Returns 0, or -1: KR_UNKNOWN, also for EPERM. */
int kr_bpf_read(struct kr_bpf *out, struct kr_err *e);
void kr_bpf_free(struct kr_bpf *b);
const struct kr_bpf_prog *kr_bpf_prog(const struct kr_bpf *b, uint32_t id); /* or NULL */

/* BPF_PROG_QUERY: what is attached to `target`, a descriptor or an ifindex, as `attach`. Returns
 * how many ids were put into `ids`, at most `max`, or a negative errno value: -EINVAL when the
 * kernel does not know such an attachment, -ENOSPC when there are more. Needs CAP_NET_ADMIN. */
int kr_bpf_query(uint32_t target, uint32_t attach, uint32_t flags, uint32_t *ids, size_t max);

/* Where tests put a kernel of their own: bpf(2) as syscall(2) returns, -1 with errno; and a file
 * that kernel/bpf/syscall.c makes: without it ENOSYS is the kernel's word, not that of a filter. */
extern long (*kr_bpf_call)(int cmd, union bpf_attr *a, unsigned size);
extern const char *kr_bpf_sysctl;

#endif

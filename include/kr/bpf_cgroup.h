/* BPF programs on cgroups (cgroups(7), the version 2 hierarchy): they act on the sockets of every
 * process in the cgroup and below it, in whatever network namespace. */
#ifndef KR_BPF_CGROUP_H
#define KR_BPF_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;

struct kr_cgroup_prog {
    char *path;      /* "/" or "/system.slice/x.service" below the root that can be seen */
    uint32_t attach; /* BPF_CGROUP_* */
    uint32_t prog;   /* its id */
};
struct kr_cgroups {
    bool absent;  /* no cgroup2 in this kernel, or no programs on it (CONFIG_CGROUP_BPF) */
    bool partial; /* a cgroup namespace: only the cgroups of a container can be seen */
    size_t seen;  /* how many were asked */
    struct kr_cgroup_prog *v;
    size_t n, cap;
};
/* Asks every cgroup for programs attached as one of `attach` (BPF_CGROUP_*; a kind the kernel does
 * not know has no programs). At the root what is effective counts, so that what stands above a
 * container's root is in it. Mounts the hierarchy for itself alone, without a place (fsmount(2),
 * Linux 5.2, CAP_SYS_ADMIN), else uses the usual mount. What goes meanwhile is left out. Returns 0,
 * or -1 (KR_UNKNOWN). */
int kr_cgroups_read(const uint32_t *attach, size_t n_attach, struct kr_cgroups *out,
                    struct kr_err *e);
/* The same below `root`, a descriptor of a cgroup's folder. */
int kr_cgroups_read_at(int root, const uint32_t *attach, size_t n_attach, struct kr_cgroups *out,
                       struct kr_err *e);
void kr_cgroups_free(struct kr_cgroups *c);

#endif

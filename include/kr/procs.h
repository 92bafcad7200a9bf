/* The processes of this machine, as far as /proc shows them (proc(5)). */
#ifndef KR_PROCS_H
#define KR_PROCS_H

#include <stddef.h>
#include <sys/types.h>

struct kr_err;

struct kr_proc {
    pid_t pid;
    ino_t netns;   /* inode of its network namespace; 0: could not be read */
    char name[16]; /* comm, printable */
};
/* A thread in another network namespace than the process it belongs to (setns(2)). */
struct kr_thread {
    pid_t pid, tid;
    ino_t netns;
};
struct kr_procs {
    struct kr_proc *v; /* by pid */
    size_t n, cap;
    size_t unreadable; /* processes whose namespace could not be read though they live */
    struct kr_thread *strays;
    size_t n_strays, cap_strays;
};

/* Reads /proc once, on several threads when there is much of it. A process that ended meanwhile is
 * left out. Kernel threads are in it. Needs CAP_SYS_PTRACE to see the namespaces of others. Returns
 * 0, or -1 (KR_UNKNOWN). */
int kr_procs_read(struct kr_procs *out, struct kr_err *e);
void kr_procs_free(struct kr_procs *p);
const struct kr_proc *kr_procs_find(const struct kr_procs *p, pid_t pid); /* or NULL */

#endif

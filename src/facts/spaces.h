/* The network namespaces of this machine, and how they hang together. */
#ifndef KR_SPACES_H
#define KR_SPACES_H

#include <kr/check.h>
#include <kr/nsview.h>

struct kr_procs;
struct kr_socks;

/* One that keeps a namespace: a process, a thread of it, or a bind mount. */
struct kr_keeper {
    ino_t inode;
    pid_t pid, tid;  /* tid: 0 for the process itself */
    const char *who; /* its comm, or where it is mounted */
};
enum { KR_TO_SAME = -1, KR_TO_HERE = -2, KR_TO_UNSEEN = -3 };
struct kr_space {
    ino_t inode;
    const struct kr_keeper *keepers;
    size_t n_keepers;
    bool gone, shut; /* it ended while it was read; it can't be looked into */
    char why[128];   /* shut: the reason */
    struct kr_nsview view;
    int *to;   /* of each link of view: where `beyond` is: KR_TO_* or a place in kr_spaces.v */
    int ours;  /* the id of our namespace there, KR_NSID_NONE */
    int there; /* its id here */
};
struct kr_spaces {
    ino_t inode;              /* of our own namespace */
    bool first;               /* ours is the machine's first one */
    bool all_pids;            /* /proc shows the machine's first process namespace */
    char blind[128];          /* why not every process shows, or "" */
    size_t unreadable;        /* processes whose namespace can't be told */
    struct kr_space here, *v; /* the others, by inode */
    size_t n;
    int *unseen; /* ids of namespaces that live and which nothing above shows */
    size_t n_unseen;
    struct kr_keeper *keepers;
    size_t n_keepers, cap_keepers;
    char **paths; /* of the bind mounts */
    size_t n_paths, cap_paths;
};

/* Reads them all, in a thread that enters each and is then thrown away. Needs CAP_SYS_ADMIN.
 * Returns 0, or -1 (KR_UNKNOWN). */
int kr_spaces_read(const struct kr_procs *procs, struct kr_spaces *out, struct kr_err *e);
void kr_spaces_free(struct kr_spaces *s);
const char *kr_space_name(const struct kr_space *s, char out[static 160]);
/* The TCP sockets to these ports in a namespace (kr/sock.h). Returns 0, 1 when it is gone, or -1.
 */
int kr_space_socks(const struct kr_space *x, const uint16_t *ports, size_t n, struct kr_socks *out,
                   struct kr_err *e);
/* The parts in spaces_list.c. */
int kr_spaces_list(const struct kr_procs *procs, struct kr_spaces *s, struct kr_err *e);
bool kr_spaces_still_mounted(ino_t inode);
/* A line of mountinfo; false when it is not of a network namespace (proc_pid_mountinfo(5)). */
bool kr_spaces_mount_line(char *line, ino_t *inode, char **path);

#endif

/* Which process holds a socket or a tun device: looked up in /proc/PID/fd (proc(5)). */
#ifndef KR_OWNERS_H
#define KR_OWNERS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct kr_procs;

/* Sockets, by their inodes: however many a process holds. */
struct kr_inodes {
    uint32_t *v;
    size_t n, cap;
};
/* Adds those a process holds. 0, or -1 (errno): its descriptors can't be read; some may be missing.
 */
int kr_inodes_add(pid_t pid, struct kr_inodes *out);
void kr_inodes_sort(struct kr_inodes *l);
bool kr_inodes_have(const struct kr_inodes *l, uint32_t inode); /* of a list that is sorted */
void kr_inodes_free(struct kr_inodes *l);

struct kr_wanted {
    uint32_t inode;     /* of a socket; 0: a tun device is looked for */
    char tun[IFNAMSIZ]; /* its name, of whatever namespace: fdinfo does not tell which */
    /* Found: */
    pid_t pid;     /* the first holder; 0: none was found */
    ino_t netns;   /* the namespace it runs in */
    char name[16]; /* its comm */
    size_t others; /* further holders of this tun device, of another name or namespace */
};

/* Fills in who holds them: processes of namespace `first` are asked before the others, and the
 * search ends when every socket is found. Of a process at most 4,096 descriptors are looked at.
 * Returns false when some process could not be looked into: what was not found may be there. */
bool kr_owners_find(const struct kr_procs *procs, ino_t first, struct kr_wanted *v, size_t n);

#endif

/* Network namespaces (network_namespaces(7)). */
#ifndef KR_NETNS_H
#define KR_NETNS_H

#include <sys/types.h>

struct kr_err;

/* Enters the namespace called NAME (ip-netns(8): /run/netns/NAME) or that of process PID (all
 * digits). Returns 0, or -1: KR_USAGE when there is none, KR_CANNOT when it can't be entered. */
int kr_netns_enter(const char *name, struct kr_err *e);
/* The inode number of the current thread's namespace: its identity while it lives. */
int kr_netns_inode(ino_t *out, struct kr_err *e);

#endif

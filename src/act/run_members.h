/* The processes of a command without a cgroup, as /proc tells (proc(5)). */
#ifndef KR_RUN_MEMBERS_H
#define KR_RUN_MEMBERS_H

#include <kr/run_cage.h>

/* As kr_cage_freeze: SIGSTOP, again and again until a look finds nothing that runs. */
bool kr_members_stop(const struct kr_cage *c, unsigned ms);
void kr_members_signal(const struct kr_cage *c, int sig);
bool kr_members_any(const struct kr_cage *c);

#endif

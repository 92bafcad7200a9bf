/* Where a generator runs: a cgroup of its own (cgroups(7), version 2), so that all of it can be
 * stopped and ended at once, whatever it forks. Without one, its processes are found in /proc: its
 * descendants, and those that carry its mark in their environment. */
#ifndef KR_RUN_CAGE_H
#define KR_RUN_CAGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct kr_err;

#define KR_RUN_MARK "KUMO_REDIRECT_RUN" /* in the environment */

struct kr_cage {
    char dir[PATH_MAX]; /* "": there is no cgroup */
    int fd;             /* of the folder, or -1 */
    char mark[40];      /* KR_RUN_MARK=... */
    pid_t root;         /* the command; 0: not started */
    char why[200];      /* why there is no cgroup; "" */
};
/* Always comes to something: look at `why`. Needs to be root. */
void kr_cage_open(struct kr_cage *c);
/* To be called by the parent, before the command may go on. -1: KR_CANNOT. */
int kr_cage_put(struct kr_cage *c, pid_t pid, struct kr_err *e);
/* Stops all of it, and waits until nothing runs any more, at most so many milliseconds; children
 * that are forked meanwhile are stopped too. False: something may still run. */
bool kr_cage_freeze(const struct kr_cage *c, unsigned ms);
/* Ends all of it (SIGKILL), frozen or not, and waits until it is empty, at most so long. */
bool kr_cage_kill(const struct kr_cage *c, unsigned ms);
void kr_cage_signal(const struct kr_cage *c, int sig); /* to each process */
bool kr_cage_empty(const struct kr_cage *c);
void kr_cage_close(struct kr_cage *c); /* removes the cgroup */

#endif

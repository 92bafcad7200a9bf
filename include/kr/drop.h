/* Giving privileges up, with proof. */
#ifndef KR_DROP_H
#define KR_DROP_H

struct kr_err;

/* Should: run once, after everything that needs root was opened, before any worker starts.
 * Mustn't: be followed by anything when it fails.
 * As root: becomes `user` (its uid and gid, no other groups). In any case: no capability is left in
 * any set, no_new_privs is set. All of that is read back, and setuid(0) is tried and must fail.
 * A `user` given to a program that is not root must be the one it runs as (NULL: any).
 * Returns 0, or -1 (KR_CANNOT). */
int kr_drop(const char *user, struct kr_err *e);

#endif

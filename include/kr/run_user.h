/* As whom a generator runs: the person who asked for it, never half root. */
#ifndef KR_RUN_USER_H
#define KR_RUN_USER_H

#include <stdbool.h>
#include <sys/types.h>

struct kr_err;

struct kr_run_user {
    bool change; /* false: as this process is */
    uid_t uid;
    gid_t gid;
    char name[64], home[256], shell[128];
};
/* `name`: a login name or number, or NULL: whoever called sudo(8) (SUDO_UID), pkexec(1)
 * (PKEXEC_UID) or doas(1) (DOAS_USER), else the real user of this process. -1: KR_USAGE for a name
 * that nobody has, KR_UNSAFE when what says who called is nonsense. */
int kr_run_user_find(const char *name, struct kr_run_user *out, struct kr_err *e);
/* Becomes that user for good: groups, ids, and what the environment says of them. Should: be called
 * in the child that is to be the command. Mustn't: go on when it fails (-1): then the process is
 * neither. */
int kr_run_user_become(const struct kr_run_user *u, struct kr_err *e);

#endif

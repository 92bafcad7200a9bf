/* What every command does first: the namespace, the privileges, the lock. */
#ifndef KR_SESSION_H
#define KR_SESSION_H

#include <kr/cmd.h>
#include <kr/state.h>

struct kr_session {
    struct kr_paths paths;
    int lock; /* -1: not locked */
};
/* Enters --netns, checks and reduces privileges, finds the files; locks when asked. */
int kr_session_open(struct kr_session *s, const char *command, const struct kr_common *c, bool lock,
                    struct kr_err *e);
void kr_session_close(struct kr_session *s);

#endif

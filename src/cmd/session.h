/* What every command does first: the namespace, the privileges, the lock. */
#ifndef KR_SESSION_H
#define KR_SESSION_H

#include <kr/cmd.h>
#include <kr/privilege.h>
#include <kr/state.h>

#include <stdio.h>

struct kr_session {
    struct kr_paths paths;
    int lock; /* -1: not locked */
};
/* Enters --netns, checks privileges and reduces them to what the job needs, finds the files; locks
 * when asked. */
int kr_session_open(struct kr_session *s, const char *command, enum kr_job job,
                    const struct kr_common *c, bool lock, struct kr_err *e);
void kr_session_close(struct kr_session *s);
/* What up was asked for, as settings; they borrow from *o. -1: KR_USAGE. */
int kr_settings_from(const struct kr_up_options *o, struct kr_settings *s, struct kr_err *e);

/* Preflight of these domains and of the files in *p, told to `out`; returns the exit status. */
int kr_preflight_say(const struct kr_common *c, const struct kr_preflight_options *p,
                     const struct kr_strlist *domains, FILE *out, struct kr_err *e);

#endif

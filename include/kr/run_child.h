/* A command that stands ready: it is there, in its cage, as its user, and waits to be released. */
#ifndef KR_RUN_CHILD_H
#define KR_RUN_CHILD_H

#include <kr/run_cage.h>
#include <kr/run_user.h>

#include <signal.h>

struct kr_err;

struct kr_run_child {
    pid_t pid;
    int out;        /* what it writes to standard output is read here */
    int go, failed; /* to release it; its errno when it can't be executed */
    bool terminal;  /* `out` is the master of a pseudoterminal */
    sigset_t mask;  /* of signals, as it was when this program was started */
};
struct kr_run_argvs {
    char *const *real, *const *kept; /* without and with its suffix */
};
/* The program of a command, as execvp(3) finds it. 0, or 127 (not there) or 126 (not to be run). */
int kr_run_child_lookup(const char *name, struct kr_err *e);
/* Its standard output is a pseudoterminal of the same size when ours is a terminal, else a pipe;
 * everything else of it is ours: it stays in our process group, so that the terminal's signals and
 * the shell's job control reach it as if there were no gate. Returns 0, or -1 (KR_CANNOT). */
int kr_run_child_start(struct kr_run_child *c, struct kr_cage *cage, const struct kr_run_user *u,
                       const struct kr_run_argvs *argvs, struct kr_err *e);
/* Lets it go on, by one of its two command lines. Returns 0, or the status env(1) would have: 126,
 * 127. */
int kr_run_child_release(struct kr_run_child *c, bool real, const char *name, struct kr_err *e);
void kr_run_child_resize(const struct kr_run_child *c, int out); /* as our own terminal is */
void kr_run_child_close(struct kr_run_child *c);

#endif

/* Where a preflight's domains come from, and waiting that a signal ends. */
#ifndef KR_PREFLIGHT_INPUT_H
#define KR_PREFLIGHT_INPUT_H

struct child;
struct kr_err;
struct kr_strlist;

/* Opens them all for the child. A pipe by name is waited for until somebody has written to it.
 * Returns 0, or -1: a bad name or file (KR_USAGE), interrupted (KR_UNKNOWN), KR_CANNOT. */
int input_give(struct child *c, const struct kr_strlist *domains, const struct kr_strlist *files,
               struct kr_err *e);
/* Until there is something to read, or the other side has ended. Returns 0, or -1: a signal came,
 * now or before. */
int input_await(int fd, struct kr_err *e);

#endif

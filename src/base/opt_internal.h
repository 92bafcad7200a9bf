/* What the files of the option engine share. */
#ifndef KR_OPT_INTERNAL_H
#define KR_OPT_INTERNAL_H

#include <kr/opt.h>

/* The name nearest to one that is unknown, or NULL when none is near. */
const char *kr_opt_nearest(const struct kr_opt_target *targets, size_t n, const char *name);
/* Sets one field from text; the text must outlive the target. */
int kr_opt_set(const struct kr_opt *o, void *target, const char *value, struct kr_err *e);

#endif

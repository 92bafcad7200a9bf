/* Programs of ours that others of ours start. */
#ifndef KR_PROGRAM_H
#define KR_PROGRAM_H

#include <limits.h>

struct kr_err;

/* Finds `name`: beside this program, as in a build folder, else in `folder`. Returns 0, or -1
 * (KR_CANNOT). */
int kr_program_find(const char *name, const char *folder, char out[static PATH_MAX],
                    struct kr_err *e);

#endif

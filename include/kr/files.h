/* How many files a process may have open. */
#ifndef KR_FILES_H
#define KR_FILES_H

#include <stdint.h>

/* Connections at once that one process of a sink should be able to take. */
#define KR_FILES_SINK 131072u

struct kr_err;

/* What a process with CAP_SYS_RESOURCE may raise its limit to: fs.nr_open (proc(5)); 0: unknown. */
uint64_t kr_files_most(void);
/* Raises the limit to `want`, beyond the hard one where that is allowed, else to the hard one;
 * never lowers it. Returns 0 with what it is now in *got, or -1 (KR_CANNOT). */
int kr_files_raise(uint64_t want, uint64_t *got, struct kr_err *e);

#endif

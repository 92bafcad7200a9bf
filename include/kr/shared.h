/* Memory that a process shares with the children it will have. */
#ifndef KR_SHARED_H
#define KR_SHARED_H

#include <stddef.h>

struct kr_err;

/* n octets of zeros, which cost nothing before they are touched; `what` they are for is said when
 * there are none. NULL: KR_CANNOT. Free with kr_shared_free. */
void *kr_shared_make(size_t n, const char *what, struct kr_err *e);
void kr_shared_free(void *p, size_t n); /* NULL is fine */

#endif

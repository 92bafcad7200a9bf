/* Memory that is there: allocation that ends the program (exit 70) instead of returning NULL, and
 * cleanup attributes. Ending is safe at any moment: whatever guards stand in the kernel stay. */
#ifndef KR_MEM_H
#define KR_MEM_H

#include <stddef.h>
#include <stdlib.h>

void *kr_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows an array of elements of `size` bytes to hold at least `need`; *cap is its capacity in
 * elements and is updated (doubling). Returns the array, which may have moved. */
void *kr_grow(void *array, size_t *cap, size_t need, size_t size) __attribute__((returns_nonnull));
char *kr_strdup(const char *s) __attribute__((malloc, returns_nonnull));

static inline void kr_free_ptr(void *p)
{
    free(*(void **)p);
}
void kr_close_fd(int *fd); /* closes *fd when it is not negative */

#define KR_AUTO_FREE __attribute__((cleanup(kr_free_ptr)))
/* unused: some descriptors are only held. */
#define KR_AUTO_FD __attribute__((cleanup(kr_close_fd), unused))

#endif

/* Libraries that few commands need, loaded by the first that does: what is linked is loaded, and
 * its pages are touched, at every start. */
#ifndef KR_LATE_H
#define KR_LATE_H

#include <stddef.h>

struct kr_err;

struct kr_late_symbol {
    const char *name;
    void *where; /* a pointer to a function, to be filled */
};

/* Loads the library of that name (dlopen(3)) for the life of the process and fills all `n`
 * pointers. Returns 0, or -1 with KR_CANNOT, which names the library or the function that is
 * missing. */
int kr_late_load(const char *soname, const struct kr_late_symbol *symbols, size_t n,
                 struct kr_err *e);

#endif

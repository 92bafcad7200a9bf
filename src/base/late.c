#include <kr/late.h>

#include <kr/err.h>

#include <dlfcn.h>
#include <string.h>

int kr_late_load(const char *soname, const struct kr_late_symbol *symbols, size_t n,
                 struct kr_err *e)
{
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return kr_fail(e, KR_CANNOT, 0, "loading a library: %s", dlerror());
    for (size_t i = 0; i < n; i++) {
        void *at = dlsym(library, symbols[i].name);
        if (!at)
            return kr_fail(e, KR_CANNOT, 0, "%s has no %s", soname, symbols[i].name);
        memcpy(symbols[i].where, &at, sizeof at); /* POSIX: a function's address fits */
    }
    return 0;
}

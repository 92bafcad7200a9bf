#include "audit_zstd.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libzstd.so.1"

static struct audit_zstd z;

static const struct {
    const char *name;
    void *where;
} symbols[] = {
    {"ZSTD_createDStream", &z.create},  {"ZSTD_freeDStream", &z.release},
    {"ZSTD_DCtx_setParameter", &z.set}, {"ZSTD_decompressStream", &z.unpack},
    {"ZSTD_isError", &z.is_error},      {"ZSTD_getErrorName", &z.error_name},
};

const struct audit_zstd *audit_zstd(void)
{
    static bool loaded;
    void *library = loaded ? NULL : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return loaded ? &z : NULL;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *at = dlsym(library, symbols[i].name);
        if (!at)
            return NULL;
        memcpy(symbols[i].where, &at, sizeof at); /* POSIX: a function's address fits */
    }
    loaded = true;
    return &z;
}

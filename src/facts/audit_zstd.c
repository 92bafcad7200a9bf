#include "audit_zstd.h"

#include <kr/late.h>

#include <stdbool.h>

static struct audit_zstd z;

static const struct kr_late_symbol symbols[] = {
    {"ZSTD_createDStream", &z.create},  {"ZSTD_freeDStream", &z.release},
    {"ZSTD_DCtx_setParameter", &z.set}, {"ZSTD_decompressStream", &z.unpack},
    {"ZSTD_isError", &z.is_error},      {"ZSTD_getErrorName", &z.error_name},
};

const struct audit_zstd *audit_zstd(void)
{
    static bool loaded;
    loaded =
        loaded || !kr_late_load("libzstd.so.1", symbols, sizeof symbols / sizeof *symbols, NULL);
    return loaded ? &z : NULL;
}

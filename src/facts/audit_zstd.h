/* libzstd, loaded when the first compressed log is met. */
#ifndef KR_AUDIT_ZSTD_H
#define KR_AUDIT_ZSTD_H

#include <zstd.h>

struct audit_zstd {
    __typeof__(&ZSTD_createDStream) create;
    __typeof__(&ZSTD_freeDStream) release;
    __typeof__(&ZSTD_DCtx_setParameter) set;
    __typeof__(&ZSTD_decompressStream) unpack;
    __typeof__(&ZSTD_isError) is_error;
    __typeof__(&ZSTD_getErrorName) error_name;
};
/* NULL: this host has none. It stays loaded. */
const struct audit_zstd *audit_zstd(void);

#endif

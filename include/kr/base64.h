/* Base64 (RFC 4648 4). */
#ifndef KR_BASE64_H
#define KR_BASE64_H

#include <stddef.h>

/* Octets that so many are in base64, without a NUL. */
#define KR_BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Writes KR_BASE64_LEN(n) octets to out, and no NUL; returns how many. */
size_t kr_base64(const void *data, size_t n, char *out);
/* 0 to 63; -1: it is no digit of base64. */
int kr_base64_value(char digit);

#endif

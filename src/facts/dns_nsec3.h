/* The hashed half of denial, and what both halves share. */
#ifndef KR_DNS_NSEC3_H
#define KR_DNS_NSEC3_H

#include <kr/dns_denial.h>

enum kr_denied kr_nsec3_nodata(const struct kr_denial *d, const uint8_t *name, uint16_t type,
                               bool *cut);
enum kr_denied kr_nsec3_nxdomain(const struct kr_denial *d, const uint8_t *name);
/* Nothing has this name, as far as hashes tell. */
enum kr_denied kr_nsec3_covered(const struct kr_denial *d, const uint8_t *name);

bool kr_bitmap_has(const uint8_t *map, size_t len, uint16_t type);
/* Such a bitmap proves that the type is not there, nor an alias. */
bool kr_bits_deny(const uint8_t *map, size_t len, uint16_t type, bool *cut);

#endif

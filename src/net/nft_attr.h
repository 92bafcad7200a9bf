/* Attributes of nf_tables' messages, by number. */
#ifndef KR_NFT_ATTR_H
#define KR_NFT_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

enum { KR_NFT_MAX_ATTR = 31 };
struct kr_nft_attrs {
    const struct nlattr *v[KR_NFT_MAX_ATTR + 1]; /* those with a higher number are left out */
    bool higher;
};
/* Of a message behind its nfgenmsg; of a nest. Nonzero: malformed. */
int kr_nft_attrs(const struct nlmsghdr *m, struct kr_nft_attrs *out);
int kr_nft_attrs_in(const struct nlattr *nest, struct kr_nft_attrs *out);
int kr_nft_family_of(const struct nlmsghdr *m);
/* A 32-bit number in network order; 0 without one. */
uint32_t kr_nft_number(const struct nlattr *a);
uint64_t kr_nft_number64(const struct nlattr *a);
/* False when it is not there, not terminated or does not fit. */
bool kr_nft_string(const struct nlattr *a, char *out, size_t size);

#endif

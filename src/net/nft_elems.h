/* Elements of sets and maps: as we want them, and as the kernel returns them. libnftnl's own take
 * half a kilobyte each, allocated one by one; a LAN may have thousands, and each is built once and
 * read back once. */
#ifndef KR_NFT_ELEMS_H
#define KR_NFT_ELEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

struct kr_nft_elem {                    /* what is not used is zero */
    uint8_t key[20], end[20], data[16]; /* end: the last key of a range, or the key again */
};
struct kr_nft_elems {
    struct kr_nft_elem *v;
    size_t n, cap;
    uint32_t key_len, data_len; /* of each; data_len is 0 for a set */
    bool ranges;                /* written with an end */
    bool strange;               /* one that was read has something that none of ours has */
};

/* Makes room for so many more: growing step by step touches twice the memory. */
void kr_nft_elems_reserve(struct kr_nft_elems *s, size_t more);
/* `end` and `data` may be NULL. */
void kr_nft_elems_add(struct kr_nft_elems *s, const void *key, const void *end, const void *data);
/* Puts the list of elements from number `from` on into a message, as many as one may hold. Returns
 * the number of the first that is left. */
size_t kr_nft_elems_put(struct nlmsghdr *m, const struct kr_nft_elems *s, size_t from);
/* Adds the elements of the kernel's message (NFT_MSG_NEWSETELEM). An attribute that ours do not
 * have (flags, a timeout, a verdict, a counter, an object ...) or a key or data of another length
 * makes all of it strange. Returns 0, or -1 when the message is malformed. */
int kr_nft_elems_take(struct kr_nft_elems *s, const struct nlmsghdr *m);
/* NULL when both hold the same elements, in whatever order; else what is different. Sorts both. */
const char *kr_nft_elems_differ(struct kr_nft_elems *want, struct kr_nft_elems *got);
void kr_nft_elems_free(struct kr_nft_elems *s);

#endif

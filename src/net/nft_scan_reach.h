/* Which packets come to which chain, from the hooks along the jumps. */
#ifndef KR_NFT_SCAN_REACH_H
#define KR_NFT_SCAN_REACH_H

#include <kr/nft_scan.h>

#define KR_ANY_CHAIN ((size_t)-1) /* of the table: by a verdict map */

struct kr_scan_edge {
    size_t from, to;
    uint32_t may;
};
bool kr_may_none(uint32_t may); /* a kind without any bit */
/* Base chains have on, may and from set, all others 0; sorts the edges. Linear in edges and chains.
 */
void kr_scan_spread(struct kr_nftscan *s, struct kr_scan_edge *edges, size_t n);

#endif

/* Requests about the whole ruleset, for those who read attributes themselves (nft_attr.h). */
#ifndef KR_NFT_ASK_H
#define KR_NFT_ASK_H

#include <kr/nl.h>

/* Dumps what `type` (NFT_MSG_GETTABLE ...) lists, of all families. `what` is for the error:
 * "reading nftables' rules". Returns 0, KR_NL_AGAIN, or -1 (KR_CANNOT without the right to, else
 * KR_UNKNOWN). */
int kr_nft_dump(struct kr_nl *nl, uint16_t type, kr_nl_cb cb, void *arg, const char *what,
                struct kr_err *e);
/* The generation, which each commit raises: what was dumped between two equal ones fits together.
 * Returns as kr_nft_dump. */
int kr_nft_gen(struct kr_nl *nl, uint32_t *gen, struct kr_err *e);

#endif

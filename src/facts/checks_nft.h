/* The checks of other rules, over several files; checks_nft.c lists them. */
#ifndef KR_CHECKS_NFT_H
#define KR_CHECKS_NFT_H

#include <kr/nft_scan.h>
#include <kr/scene.h>

#include <stdbool.h>

#define KR_NAT_FIRST (-199) /* of our redirect: the lowest the kernel takes for nat */

typedef int kr_nft_check_fn(struct kr_scene *s, struct kr_result *r, struct kr_err *e);
kr_nft_check_fn kr_check_nat_order, kr_check_notrack, kr_check_zone, kr_check_dup, kr_check_fwd,
    kr_check_tee, kr_check_queue, kr_check_write, kr_check_tproxy, kr_check_synproxy,
    kr_check_flowtable, kr_check_late, kr_check_unknown;
kr_nft_check_fn kr_check_legacy, kr_check_ipvs, kr_check_queue_listeners, kr_check_hooks;

const char *kr_nft_family_name(int family);
/* "ip nat/OUTPUT" */
void kr_nft_chain_text(const struct kr_nftscan *n, size_t chain, char *out, size_t size);
/* Can a packet of ours be among them: TCP, not loopback, not for this host, one of `ports` (bits)?
 */
bool kr_nft_meets(uint32_t may, uint32_t ports);
uint32_t kr_nft_port_bits(const struct kr_scene *s); /* of all guarded ports */

/* For their tests: judge what stood in the files under /proc. */
void kr_legacy_judge(struct kr_result *r, const char *file, const char *text);
int kr_ipvs_judge(struct kr_result *r, const char *text, const uint16_t *ports, size_t n,
                  struct kr_err *e);
size_t kr_queue_judge(struct kr_result *r, const char *text, enum kr_verdict v, const char *why);

#endif

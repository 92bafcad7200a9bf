/* Who is registered on the hooks of netfilter, modules and BPF programs too. */
#ifndef KR_NFT_HOOKS_H
#define KR_NFT_HOOKS_H

#include <stddef.h>
#include <stdint.h>

struct kr_err;

struct kr_hook {
    int priority;
    char function[64], module[64]; /* kernel symbol, module; "" when not told */
    uint32_t kind;                 /* 0: none told; enum nfnl_hook_chaintype */
    char chain[128];               /* "inet table/chain" of an nftables one, or "" */
};

/* Lists a hook in the order it is run: family NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_BRIDGE with
 * NF_INET_*, or NFPROTO_NETDEV with NF_NETDEV_* and a device. Chains of nat are not in it: they
 * hang off one hook of nf_nat. The caller frees *out. 1: read; 0: this kernel does not tell
 * (CONFIG_NETFILTER_NETLINK_HOOK, Linux 5.14), nothing is set; -1: KR_UNKNOWN. */
int kr_nft_hooks(int family, unsigned hook, const char *device, struct kr_hook **out, size_t *n,
                 struct kr_err *e);

#endif

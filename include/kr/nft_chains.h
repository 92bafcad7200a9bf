/* Every chain of every table that is on a hook, whoever made it. */
#ifndef KR_NFT_CHAINS_H
#define KR_NFT_CHAINS_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kr_err;

struct kr_nft_base {
    int family;                 /* NFPROTO_* */
    char table[256], name[256]; /* NFT_NAME_MAXLEN */
    char type[32];              /* "nat", "filter", "route" */
    unsigned hook;              /* NF_INET_*, NF_NETDEV_* ... */
    int priority;
    bool drop;             /* policy drop */
    char device[IFNAMSIZ]; /* the first one, or "" */
    unsigned devices;      /* how many */
    uint32_t table_flags;  /* NFT_TABLE_F_DORMANT: on no hook for now */
};

/* Lists them under one generation of the ruleset, in the kernel's order; at most 20 tries; the
 * caller frees *out. *genid may be NULL. iptables-legacy is not in it (/proc/net/ip_tables_names).
 * Returns 0, or -1: KR_CANNOT without CAP_NET_ADMIN, else KR_UNKNOWN. */
int kr_nft_chains(struct kr_nft_base **out, size_t *n, uint32_t *genid, struct kr_err *e);

#endif
